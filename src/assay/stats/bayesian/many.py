"""Many metrics at once: the same chances, losses and intervals as `bayesian_comparison`, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

from assay.errors import InvalidInput
from assay.model.metric import Direction
from assay.model.result import NoEstimate
from assay.stats.arm import MOST_UNITS, ZERO_VARIANCE
from assay.stats.bayesian.curves import Betas, Curve, Floats, Gammas, Students
from assay.stats.bayesian.judge import CONTROL_NEAR_ZERO
from assay.stats.bayesian.pairs import chances, log_shortfall
from assay.stats.bayesian.posteriors import NO_EXPOSURE
from assay.stats.bayesian.priors import JEFFREYS_EVENTS, UNIFORM, BetaPrior, GammaPrior
from assay.stats.bayesian.spreads import difference, lift, taken
from assay.stats.inputs import check_alpha, units_of

_AT_ONCE = 256
_SURELY = np.log(1e-4)

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ManyAnswers:
    """One entry per metric that has an answer, in the order of `rows`; meanings and units as in BayesianAnswer.

    rows: positions of these metrics in what was given. missing: why the others have none, by position.
    relative_rows: positions of the metrics that have relative numbers; relative_missing: why the others have none.
    """

    rows: Rows
    missing: Mapping[int, NoEstimate]
    difference: Floats
    lower: Floats
    upper: Floats
    chance_to_beat: Floats
    log_chance_to_beat: Floats
    chance_to_lose: Floats
    log_chance_to_lose: Floats
    expected_loss: Floats
    expected_gain: Floats
    relative_rows: Rows
    relative_missing: Mapping[int, NoEstimate]
    relative: Floats
    relative_lower: Floats
    relative_upper: Floats
    level: float


def many_shares(
    converted: ArrayLike,
    n: ArrayLike,
    control_converted: ArrayLike,
    control_n: ArrayLike,
    *,
    prior: BetaPrior = UNIFORM,
    direction: Direction = Direction.INCREASE,
    level: float = 0.95,
) -> ManyAnswers:
    """Shares of many metrics: converted of n units in the treatment and in the control, one entry per metric."""
    x_t, n_t, x_c, n_c = _alike(converted=converted, n=n, control_converted=control_converted, control_n=control_n)
    for x, units, name in ((x_t, n_t, "converted"), (x_c, n_c, "control_converted")):
        if not ((x >= 0) & (x <= units) & (units <= MOST_UNITS)).all():
            raise InvalidInput(name, "counts", f"0 ≤ converted ≤ n ≤ {MOST_UNITS:,}")
    treatment = Betas((prior.a + x_t)[:, None], (prior.b + n_t - x_t)[:, None])
    control = Betas((prior.a + x_c)[:, None], (prior.b + n_c - x_c)[:, None])
    return _judged(treatment, control, {}, len(x_t), direction, level)


def many_events(
    events: ArrayLike,
    exposure: ArrayLike,
    control_events: ArrayLike,
    control_exposure: ArrayLike,
    *,
    prior: GammaPrior = JEFFREYS_EVENTS,
    direction: Direction = Direction.INCREASE,
    level: float = 0.95,
) -> ManyAnswers:
    """Poisson counts of many metrics, with the exposure they were counted over."""
    y_t, e_t, y_c, e_c = _alike(
        events=events, exposure=exposure, control_events=control_events, control_exposure=control_exposure
    )
    for y, e, name in ((y_t, e_t, "events"), (y_c, e_c, "control_events")):
        if not ((y >= 0) & (e >= 0) & ((y == 0) | (e > 0))).all():
            raise InvalidInput(name, "counts", "counts of 0 or more, over an exposure above 0 where there are any")
    known = (e_t + prior.rate > 0) & (e_c + prior.rate > 0)
    missing = {int(i): NO_EXPOSURE for i in np.flatnonzero(~known)}
    treatment = Gammas((prior.shape + y_t)[known, None], (prior.rate + e_t)[known, None])
    control = Gammas((prior.shape + y_c)[known, None], (prior.rate + e_c)[known, None])
    return _judged(treatment, control, missing, len(y_t), direction, level)


def many_estimates(
    value: ArrayLike,
    standard_error: ArrayLike,
    control_value: ArrayLike,
    control_standard_error: ArrayLike,
    *,
    direction: Direction = Direction.INCREASE,
    level: float = 0.95,
) -> ManyAnswers:
    """Means, ratios or adjusted means of many metrics as normal estimates, flat priors."""
    m_t, s_t, m_c, s_c = _alike(
        value=value,
        standard_error=standard_error,
        control_value=control_value,
        control_standard_error=control_standard_error,
    )
    if (s_t < 0).any() or (s_c < 0).any():
        raise InvalidInput("standard_error", float(min(s_t.min(), s_c.min())), "numbers of 0 or more")
    known = (s_t > 0) & (s_c > 0)
    missing = {int(i): ZERO_VARIANCE for i in np.flatnonzero(~known)}
    infinite = np.full((int(known.sum()), 1), np.inf)
    treatment = Students(m_t[known, None], s_t[known, None], infinite)
    control = Students(m_c[known, None], s_c[known, None], infinite)
    return _judged(treatment, control, missing, len(m_t), direction, level)


def _alike(**given: ArrayLike) -> list[Floats]:
    arrays = [units_of(values, name) for name, values in given.items()]
    for name, values in zip(given, arrays, strict=True):
        if values.size != arrays[0].size:
            raise InvalidInput(name, f"{values.size} values", f"{arrays[0].size}, one per metric")
    return arrays


def _judged(
    treatment: Curve, control: Curve, missing: dict[int, NoEstimate], n: int, direction: Direction, level: float
) -> ManyAnswers:
    tail = (1 - check_alpha(level, "level")) / 2
    rows = np.array([i for i in range(n) if i not in missing], dtype=np.intp)
    t, c, surely = _upright(treatment, control)
    relative_missing = {**missing, **{int(rows[i]): CONTROL_NEAR_ZERO for i in np.flatnonzero(~surely)}}

    def absolute(x: Curve, y: Curve) -> list[Floats]:
        found, effect = chances(x, y), difference(x, y)
        losses = np.exp(log_shortfall(x, y)), np.exp(log_shortfall(y, x))
        return [found.log_above, found.log_below, *losses, effect.quantile(tail), effect.quantile(1 - tail)]

    def relative(x: Curve, y: Curve) -> list[Floats]:
        return [lift(x, y).quantile(p) for p in (0.5, tail, 1 - tail)]

    up, down, loss, gain, lower, upper = _in_parts(absolute, treatment, control, 6)
    lifted = np.flatnonzero(surely)
    middle, low, high = _in_parts(relative, taken(t, lifted), taken(c, lifted), 3)
    if direction is Direction.DECREASE:
        up, down, loss, gain = down, up, gain, loss
    return ManyAnswers(
        rows=rows,
        missing=missing,
        difference=(treatment.mean - control.mean)[:, 0],
        lower=lower,
        upper=upper,
        chance_to_beat=np.exp(up),
        log_chance_to_beat=up,
        chance_to_lose=np.exp(down),
        log_chance_to_lose=down,
        expected_loss=loss,
        expected_gain=gain,
        relative_rows=rows[lifted],
        relative_missing=relative_missing,
        relative=middle,
        relative_lower=low,
        relative_upper=high,
        level=level,
    )


def _upright(treatment: Curve, control: Curve) -> tuple[Curve, Curve, NDArray[np.bool_]]:
    """Both arms turned so that controls are above 0, and which controls surely are."""
    if not (isinstance(treatment, Students) and isinstance(control, Students)):
        return treatment, control, np.ones(len(control.mean), dtype=np.bool_)
    sign = np.where(control.location < 0, -1.0, 1.0)
    t = Students(sign * treatment.location, treatment.scale, treatment.degrees_of_freedom)
    c = Students(sign * control.location, control.scale, control.degrees_of_freedom)
    return t, c, np.asarray(log_ndtr(-c.location / c.scale)[:, 0] <= _SURELY)


def _in_parts(
    judge: Callable[[Curve, Curve], list[Floats]], treatment: Curve, control: Curve, width: int
) -> list[Floats]:
    """In parts of a few hundred rows, so that memory stays small."""
    n = len(treatment.mean)
    parts = []
    for start in range(0, n, _AT_ONCE):
        rows = np.arange(start, min(n, start + _AT_ONCE))
        parts.append(judge(taken(treatment, rows), taken(control, rows)))
    if not parts:
        return [np.empty(0)] * width
    return [np.concatenate([part[i] for part in parts]) for i in range(width)]
