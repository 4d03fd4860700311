"""How likely the end is to reject, given what has been seen: conditional and predictive power, and the B-value.

B(t) = Z √t is a Brownian motion in the information fraction t with the drift as its slope (Lan & Wittes 1988, "The
B-value: a tool for monitoring data", Biometrics 44:579–585). Given B(t), the looks to come are looks at the rest of
that motion with shifted boundaries, so that designs with several looks left are handled exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.checks import is_finite, is_number
from assay.stats.group_sequential.design import GroupDesign
from assay.stats.group_sequential.looks import Look, Seen, counted
from assay.stats.group_sequential.process import LEAST_GROWTH, Process
from assay.stats.group_sequential.repeated import actual_bounds
from assay.stats.outcome import Alternative, Outcome

_LEAST_SD = 1e-6

NO_LOOK = NoEstimate("no_look", "no look counts yet, so there is nothing to condition on")
PLAN_FULFILLED = NoEstimate("plan_fulfilled", "the planned information is in; there is no look to come")
TOO_EARLY = NoEstimate("too_early", "so little is known of the effect yet that a flat prior predicts nothing; give one")


class Trend(StrEnum):
    """The effect supposed for the rest. planned: the design's; current: as estimated so far; null: none."""

    PLANNED = "planned"
    CURRENT = "current"
    NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalPower:
    """The chance, between 0 and 1, to reject at a look to come, given the last look.

    Two-sided designs count rejections on either side. information, z, b_value: of the last look that counts, in the
    direction of the alternative; b_value = z √information. planned, current, null: under the design's drift, under
    the drift estimated so far (z / √information), and without an effect from now on. predictive: averaged over what
    the looks so far and the prior say of the drift.
    """

    information: float
    z: float
    b_value: float
    planned: float
    current: float
    null: float
    predictive: float | NoEstimate


def conditional_power(
    design: GroupDesign,
    looks: Sequence[Look | Outcome | NoEstimate],
    *,
    maximum_information: float | None = None,
    null: float = 0.0,
    prior_mean: float = 0.0,
    prior_sd: float | None = None,
) -> ConditionalPower | NoEstimate:
    """Conditional power at the last look under three supposed effects, and predictive power.

    Of one look left with boundary b: Φ((z √t + θ (1 - t) - b) / √(1 - t)) (Lan & Wittes 1988, section 3; Jennison &
    Turnbull 2000, eq. 10.1). The looks to come are the design's planned ones, with boundaries recomputed for the
    looks there were. Predictive power is the average over θ ~ N(posterior) (Spiegelhalter, Freedman & Blackburn 1986);
    the prior of the drift is normal with prior_mean and prior_sd, flat when prior_sd is None. Looks so far, null and
    maximum_information: as in `monitor`. It supposes that no boundary was crossed so far; futility boundaries to come
    count only when binding.
    """
    if prior_sd is not None and not (is_number(prior_sd) and _LEAST_SD <= prior_sd < math.inf):
        raise InvalidInput("prior_sd", prior_sd, f"a number of at least {_LEAST_SD:g}, or None for a flat prior")
    if not is_finite(prior_mean):
        raise InvalidInput("prior_mean", prior_mean, "a finite number")
    rest = _rest(design, looks, null, maximum_information)
    if isinstance(rest, NoEstimate):
        return rest
    t, z = rest.fraction, rest.z
    return ConditionalPower(
        information=t,
        z=z,
        b_value=b_value(z, t),
        planned=rest.power(z, design.drift),
        current=rest.power(z, z / math.sqrt(t)),
        null=rest.power(z, 0.0),
        predictive=_predictive(rest, prior_mean, prior_sd),
    )


def b_value(z: float, fraction: float) -> float:
    """B(t) = z √t, whose expected path is a straight line; at t = 1 it is z (Lan & Wittes 1988)."""
    if not is_finite(z):
        raise InvalidInput("z", z, "a finite number")
    if not (is_finite(fraction) and fraction > 0):
        raise InvalidInput("fraction", fraction, "an information fraction above 0")
    return z * math.sqrt(fraction)


def futile_by_conditional_power(
    design: GroupDesign,
    looks: Sequence[Look | Outcome | NoEstimate],
    *,
    below: float = 0.2,
    trend: Trend | str = Trend.PLANNED,
    maximum_information: float | None = None,
    null: float = 0.0,
) -> bool | NoEstimate:
    """Whether conditional power under a trend is below a limit, so that going on is hardly worth while.

    A non-binding rule: it only ever takes rejections away, so alpha is kept whether or not it is obeyed. It costs
    power: with limit c under the planned effect, at most β / (1 - c) instead of β is missed (stochastic curtailment,
    Lan, Simon & Halperin 1982, Communications in Statistics C 1:207–219).
    """
    if not (is_number(below) and 0 < below < 1):
        raise InvalidInput("below", below, "a number above 0 and below 1")
    wanted = _trend(trend)
    found = conditional_power(design, looks, maximum_information=maximum_information, null=null)
    return found if isinstance(found, NoEstimate) else float(getattr(found, wanted)) < below


def conditional_power_boundary(
    design: GroupDesign, information: Sequence[float], *, below: float = 0.2, trend: Trend | str = Trend.PLANNED
) -> float | NoEstimate:
    """The z, in the direction of the alternative, under which conditional power is below the limit at the last of some
    looks; for one-sided designs. information: fractions of all looks so far.
    """
    if design.alternative is Alternative.TWO_SIDED:
        raise InvalidInput("design", "a two-sided design", "a design with alternative greater or less")
    if not (is_number(below) and 0 < below < 1):
        raise InvalidInput("below", below, "a number above 0 and below 1")
    wanted = _trend(trend)
    rest = _rest(design, [Look(information=item, z=0.0) for item in information], 0.0, None)
    if isinstance(rest, NoEstimate):
        return rest
    from scipy.optimize import brentq

    root = math.sqrt(rest.fraction)

    def excess(z: float) -> float:
        drift = {Trend.PLANNED: design.drift, Trend.CURRENT: z / root, Trend.NULL: 0.0}[wanted]
        return rest.power(z, drift) - below

    reach = 10.0 / root + abs(design.drift) * 2
    return float(brentq(excess, -reach, reach, xtol=1e-12))


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of a design after a look."""

    fraction: float
    z: float
    information: tuple[float, ...]
    efficacy: tuple[float, ...]
    futility: tuple[float, ...]
    two_sided: bool

    def power(self, z: float, drift: float) -> float:
        """The chance to reject at a look to come, after z now and with this drift from now on."""
        b, left = z * math.sqrt(self.fraction), tuple(t - self.fraction for t in self.information)
        return self.chance(left, drift, lambda bound, look, after: (bound * math.sqrt(look) - b) / math.sqrt(after))

    def chance(self, times: tuple[float, ...], drift: float, moved: Callable[[float, float, float], float]) -> float:
        """The chance to cross. moved: a bound, its look's fraction and its time → the bound on the motion left."""
        process, total = Process(times, drift), 0.0
        for look, time, upper, stop in zip(self.information, times, self.efficacy, self.futility, strict=True):
            high, low = moved(upper, look, time), moved(-upper if self.two_sided else stop, look, time)
            total += process.above(high) + (process.below(low) if self.two_sided else 0.0)
            process.go_on(low, high)
        return min(1.0, total)


def _rest(
    design: GroupDesign, looks: Sequence[Look | Outcome | NoEstimate], null: float, maximum: float | None
) -> _Rest | NoEstimate:
    side = design.alternative
    found = counted(looks, alternative=side, null=null, maximum_information=maximum)
    seen = [item for item in found if isinstance(item, Seen)]
    if not seen:
        return NO_LOOK
    last = seen[-1]
    if last.fraction >= 1:
        return PLAN_FULFILLED
    coming = tuple(t for t in design.information if t >= last.fraction * LEAST_GROWTH)
    if not coming:
        return PLAN_FULFILLED
    fractions = (*(item.fraction for item in seen), *coming)
    bounds, _ = actual_bounds(design, fractions, True)
    k = len(seen)
    futility = bounds.futility[k:-1] if design.binding else [-math.inf] * (len(coming) - 1)
    return _Rest(
        last.fraction,
        last.z,
        coming,
        tuple(bounds.efficacy[k:]),
        (*futility, -math.inf),
        side is Alternative.TWO_SIDED,
    )


def _predictive(rest: _Rest, prior_mean: float, prior_sd: float | None) -> float | NoEstimate:
    """Conditional power averaged over the posterior N(m, v) of the drift, exactly.

    With the drift random, (B(t + s) - B(t) - m s) / (1 + v s) is a Brownian motion at time s / (1 + v s): its
    covariances are those. So the looks to come are again looks at a Brownian motion.
    """
    t = rest.fraction
    known = 0.0 if prior_sd is None else float(prior_sd) ** -2
    precision = t + known
    mean = (rest.z * math.sqrt(t) + prior_mean * known) / precision
    variance = 1 / precision
    times = tuple((item - t) / (1 + variance * (item - t)) for item in rest.information)
    if any(after < before * LEAST_GROWTH for before, after in pairwise(times)):
        return TOO_EARLY

    def moved(bound: float, look: float, time: float) -> float:
        """The bound on B at a look as one on the standardised new motion."""
        ahead = look - t
        path = bound * math.sqrt(look) - rest.z * math.sqrt(t) - mean * ahead
        return path / (1 + variance * ahead) / math.sqrt(time)

    return rest.chance(times, 0.0, moved)


def _trend(given: Trend | str) -> Trend:
    try:
        return Trend(given)
    except ValueError:
        raise InvalidInput("trend", given, "planned, current or null") from None
