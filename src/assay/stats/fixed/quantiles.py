"""Quantiles of two arms: median, 95th or 99th percentile of the treatment against those of the control."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ZERO_VARIANCE
from assay.stats.distributions import normal_quantile
from assay.stats.estimate import ZERO_CONTROL, relative_change
from assay.stats.fixed.clustered import ClusteredQuantile, check_q
from assay.stats.fixed.counted import Counted, counted
from assay.stats.fixed.judge import tail
from assay.stats.fixed.quantilescore import Scores, scored
from assay.stats.fixed.samplequantile import quantile_of
from assay.stats.inputs import Floats, check_alpha, finite
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing

Observed = ValueCounts | ClusteredQuantile | ArrayLike

NEGATIVE_VALUES = NoEstimate("negative_values", "a relative change of a quantile needs values that are not negative")
FEWEST_UNITS = 30
_TWO_SIDED = Alternative.TWO_SIDED


def quantile_difference(
    treatment: Observed,
    control: Observed,
    *,
    q: float = 0.5,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """The treatment's q-th quantile minus the control's, and the same relative to the control's.

    Each value v of an arm has a score: how many standard deviations it is from being the arm's q-th quantile (see
    `assay.stats.fixed.quantilescore`; no density is estimated). A difference d is as far from the data as the pair of
    quantiles that comes nearest, z² = min over x of z_t(x + d)² + z_c(x)², a standard normal z (the profile of two
    independent arms, as in empirical likelihood). p is that of d = null; the interval is all d with |z| up to the
    critical value, so both agree exactly. The relative interval is the same set for ratios and agrees with p too where
    null is 0; it needs values that are not negative. Bounds run from observed value to observed value and are None
    where an arm is too small to have one. The point estimate is by definition 7 of Hyndman & Fan.
    Independent observations (one per unit): value counts or numbers. Several per unit: `ClusteredQuantile` for both
    arms, with one q; treating them as independent is wrong (with ten equal ones a unit 43 % of intervals miss).
    Holds for heavy tails and for ties, where it is conservative: a median of 0 in both arms stays 0. With clusters it
    needs some 30 units per arm, and ten effective observations beyond the quantile; a warning says when not.
    statistic: z, positive when the treatment is above.
    Sources: Woodruff 1952; Zhou & Jing 2003, "Adjusted empirical likelihood method for quantiles"; Deng, Knoblich &
    Lu 2018, "Applying the Delta Method in Metric Analytics", section 4, for the clusters.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    null = finite(null, "null", "a finite difference")
    check_q(q)
    if isinstance(treatment, ClusteredQuantile) is not isinstance(control, ClusteredQuantile):
        raise InvalidInput("control", type(control).__name__, "both arms clustered, or neither")
    arms = [_arm(given, q, name) for given, name in ((treatment, "treatment"), (control, "control"))]
    missing = next((arm for arm in arms if isinstance(arm, NoEstimate)), None)
    if missing is not None:
        return nothing("quantile", missing, alternative=looked_for, null=null, level=1 - alpha)
    (t, t_sample), (c, c_sample) = arms  # type: ignore[misc]
    at_t, at_c = quantile_of(t_sample, q), quantile_of(c_sample, q)
    difference = at_t - at_c
    relative = relative_change(difference, at_c)
    if t.values.size == c.values.size == 1:
        empty = nothing("quantile", ZERO_VARIANCE, alternative=looked_for, null=null, level=1 - alpha)
        return empty._replace(difference=difference, relative=relative)
    z = _deviate(t, c, null)
    p, log_p = tail(z, math.inf, looked_for)
    critical = normal_quantile(alpha if looked_for is not _TWO_SIDED else alpha / 2)
    return Outcome(
        "quantile",
        difference,
        _differences(t, c, critical, looked_for, 1 - alpha),
        p,
        log_p,
        relative,
        _ratios(t, c, at_c, critical, looked_for, 1 - alpha),
        z,
        None,
        looked_for,
        null,
        1 - alpha,
        warnings=_cautions(treatment, control, t, c),
    )


def _arm(given: Observed, q: float, name: str) -> tuple[Scores, Counted] | NoEstimate:
    effect: float | NoEstimate = 1.0
    observed: ValueCounts | ArrayLike
    if isinstance(given, ClusteredQuantile):
        if given.q != q:
            raise InvalidInput("q", q, f"{given.q}, the quantile at which the units of {name} were counted")
        observed, effect = given.observations, given.design_effect
    else:
        observed = given
    sample = counted(observed, name)
    if not sample.n:
        return EMPTY_ARM
    return effect if isinstance(effect, NoEstimate) else (scored(sample, q, effect), sample)


def _deviate(t: Scores, c: Scores, null: float) -> float:
    """The signed z of a difference of quantiles."""
    through_c = c.at**2 + t.of(c.values + null) ** 2
    through_t = t.at**2 + c.of(t.values - null) ** 2
    size = math.sqrt(max(0.0, min(float(through_c.min()), float(through_t.min()))))
    return math.copysign(size, t.middle - c.middle - null)


def _reach(t: Scores, c: Scores, critical: float) -> tuple[Floats, Floats, bool]:
    """For every accepted value of the control the highest value of the treatment accepted with it.

    The last says whether a difference may be without an upper bound: an accepted pair lies beyond an end.
    """
    accepted = np.abs(c.at) <= critical
    left = np.sqrt(critical * critical - c.at[accepted] ** 2)
    highest = t.values[np.searchsorted(t.at, left, side="right") - 1]
    open_end = not left.size or -c.before <= critical or bool((left >= t.after).any())
    return highest, c.values[accepted], open_end


def _mirrored(scores: Scores) -> Scores:
    return Scores(-scores.values[::-1], -scores.at[::-1], -scores.gaps[::-1], 1 - scores.q, scores.effective)


def _differences(t: Scores, c: Scores, critical: float, looked_for: Alternative, level: float) -> Interval:
    lower = upper = None
    if looked_for is not Alternative.GREATER:
        high, low, unbounded = _reach(t, c, critical)
        upper = None if unbounded else float((high - low).max())
    if looked_for is not Alternative.LESS:
        high, low, unbounded = _reach(_mirrored(t), _mirrored(c), critical)
        lower = None if unbounded else 0.0 - float((high - low).max())
    return Interval(lower, upper, level)


def _ratios(
    t: Scores, c: Scores, at_c: float, critical: float, looked_for: Alternative, level: float
) -> Interval | NoEstimate:
    if min(t.values[0], c.values[0]) < 0:
        return NEGATIVE_VALUES
    if at_c == 0:
        return ZERO_CONTROL
    lower = upper = None
    if looked_for is not Alternative.GREATER:
        high, low, unbounded = _reach(t, c, critical)
        upper = None if unbounded or low[0] == 0 else float(((high - low) / low).max())
    if looked_for is not Alternative.LESS:
        low, high, unbounded = _reach(_mirrored(t), _mirrored(c), critical)
        some = high != 0
        lower = -1.0 if unbounded else float(((low[some] - high[some]) / high[some]).min())
    return Interval(lower, upper, level)


def _cautions(treatment: Observed, control: Observed, t: Scores, c: Scores) -> tuple[str, ...]:
    found = [*t.cautions("the treatment"), *c.cautions("the control")]
    both = [given.per_unit.n for given in (treatment, control) if isinstance(given, ClusteredQuantile)]
    if both and min(both) < FEWEST_UNITS:
        found.append(f"fewer than {FEWEST_UNITS} units in an arm: the intervals of clustered quantiles are rough")
    return tuple(found)
