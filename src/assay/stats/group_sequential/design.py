"""A group sequential design: its looks, its boundaries, its power, and what all this costs in units."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import normal_quantile
from assay.stats.group_sequential.boundaries import Boundaries, cumulated, looks_of, shown
from assay.stats.group_sequential.futility import Bounds, bounds_of, drift_with_futility
from assay.stats.group_sequential.process import Process
from assay.stats.group_sequential.spending import Spending, log_increments, obrien_fleming_spending, sides_of
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, alternative_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDesign:
    """A plan of looks. Made by `group_design`.

    information: planned fractions, the last 1. efficacy: z that rejects, in the direction of the alternative (None: the
    look cannot reject). futility: z at or under which to stop for futility, in the same direction (None: the look
    cannot stop so; the last equals the efficacy boundary). binding: whether the efficacy boundaries count on futility
    stops being obeyed; when not, futility may be ignored and alpha is kept. drift: mean of z at information 1 under
    the effect that the design finds, in the right direction, with `power`. inflation: largest sample over that of the
    test with one look. expected_h0, expected_h1: expected information at stopping, as a fraction of the largest,
    without an effect and at the drift.
    """

    information: tuple[float, ...]
    alpha: float
    alternative: Alternative
    power: float
    spending: Spending
    efficacy: tuple[float | None, ...]
    alpha_spent: tuple[float, ...]
    futility_spending: Spending | None
    binding: bool
    futility: tuple[float | None, ...]
    drift: float
    inflation: float
    expected_h0: float
    expected_h1: float

    def sample_sizes(self, fixed_sample: float) -> tuple[int, ...]:
        """Units at each look, when the test with one look needs `fixed_sample` for the same alpha and power."""
        if not (is_number(fixed_sample) and 0 < fixed_sample < math.inf):
            raise InvalidInput("fixed_sample", fixed_sample, "a number of units above 0")
        return tuple(math.ceil(fixed_sample * self.inflation * t - 1e-9) for t in self.information)

    def expected_sample(self, fixed_sample: float) -> tuple[float, float]:
        """Expected units at stopping, without an effect and at the planned effect."""
        largest = fixed_sample * self.inflation
        return largest * self.expected_h0, largest * self.expected_h1


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """How a design behaves at one true drift (the mean of z at information 1, in the direction of the alternative).

    power: chance to reject at any look. rejects: in the direction of the alternative (two-sided: upwards), at each
    look. rejects_other: downwards, for two-sided tests. stops_for_futility: at each look before the last.
    expected_information: at stopping, as a fraction of the planned.
    """

    drift: float
    power: float
    rejects: tuple[float, ...]
    rejects_other: tuple[float, ...]
    stops_for_futility: tuple[float, ...]
    expected_information: float


def group_design(
    looks: int | Iterable[float] = 5,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    spending: Spending | Boundaries | None = None,
    power: float = 0.8,
    futility: Spending | None = None,
    binding: bool = False,
) -> GroupDesign:
    """A design with the given looks, error spending and power (Jennison & Turnbull 2000, chapters 2, 7 and 19).

    looks: how many equally spaced, or information fractions ending at 1. spending: O'Brien–Fleming type by default;
    or classic Boundaries of the same looks, alpha and alternative, whose spending is then used. futility: spending of
    β = 1 - power on stopping for futility (Pampallona, Tsiatis & Kim 2001), for one-sided tests. binding: see
    GroupDesign; leave it False unless nobody can go on after a futility stop.
    """
    levels, side = looks_of(looks), alternative_of(alternative)
    check_alpha(alpha)
    if not (is_number(power) and alpha < power < 1):
        raise InvalidInput("power", power, f"a number above alpha = {alpha:g} and below 1")
    if futility is not None and side is Alternative.TWO_SIDED:
        raise InvalidInput("futility", "a spending function", "none for two_sided; futility needs greater or less")
    if binding and futility is None:
        raise InvalidInput("binding", binding, "False where there is no futility spending")
    used = _spending_of(spending, levels, alpha, side)
    log_alphas = log_increments(used, levels, math.log(alpha / sides_of(side)), True)
    if futility is None:
        bounds = bounds_of(levels, log_alphas, None, 0.0, binding=False, alternative=side)
        drift = _drift(levels, bounds, side, power)
    else:
        log_betas = log_increments(futility, levels, math.log1p(-power), True)
        drift = drift_with_futility(levels, log_alphas, log_betas, binding=binding, start=_fixed(alpha, side, power))
        bounds = bounds_of(levels, log_alphas, log_betas, drift, binding=binding, alternative=side)
    return GroupDesign(
        information=levels,
        alpha=alpha,
        alternative=side,
        power=power,
        spending=used,
        efficacy=tuple(map(shown, bounds.efficacy)),
        alpha_spent=cumulated([math.exp(step) for step in log_alphas], alpha, side),
        futility_spending=futility,
        binding=binding,
        futility=tuple(map(shown, bounds.futility)),
        drift=drift,
        inflation=(drift / _fixed(alpha, side, power)) ** 2,
        expected_h0=_operating(levels, bounds, side, 0.0).expected_information,
        expected_h1=_operating(levels, bounds, side, drift).expected_information,
    )


def operating(design: GroupDesign, drift: float, *, obey_futility: bool = True) -> Operating:
    """What the design does at a true drift; at 0 its `power` is its type-I error.

    obey_futility False: nobody stops for futility, although the design has such boundaries.
    """
    if not is_finite(drift):
        raise InvalidInput("drift", drift, "a finite number")
    unlimited = [-math.inf if item is None else item for item in design.futility]
    futility = unlimited if obey_futility else [-math.inf] * len(unlimited)
    efficacy = [math.inf if item is None else item for item in design.efficacy]
    return _operating(design.information, Bounds(efficacy, futility), design.alternative, drift)


def _operating(levels: tuple[float, ...], bounds: Bounds, side: Alternative, drift: float) -> Operating:
    process = Process(levels, drift)
    rejects, other, futile, expected = [], [], [], 0.0
    for k, (upper, stop) in enumerate(zip(bounds.efficacy, bounds.futility, strict=True)):
        last = k == len(levels) - 1
        expected += process.mass() * (levels[k] - (levels[k - 1] if k else 0.0))
        lower = -upper if side is Alternative.TWO_SIDED else stop
        rejects.append(process.above(upper))
        other.append(process.below(lower) if side is Alternative.TWO_SIDED else 0.0)
        futile.append(process.below(stop) if side is not Alternative.TWO_SIDED and not last else 0.0)
        process.go_on(lower, upper)
    return Operating(
        drift=drift,
        power=min(1.0, sum(rejects) + sum(other)),
        rejects=tuple(rejects),
        rejects_other=tuple(other),
        stops_for_futility=tuple(futile),
        expected_information=expected,
    )


def _spending_of(
    given: Spending | Boundaries | None, levels: tuple[float, ...], alpha: float, side: Alternative
) -> Spending:
    if given is None:
        return obrien_fleming_spending()
    if isinstance(given, Spending):
        return given
    if (given.information, given.alpha, given.alternative) != (levels, alpha, side):
        raise InvalidInput("spending", "boundaries of another plan", "boundaries of these looks, alpha and alternative")
    return given.as_spending()


def _fixed(alpha: float, side: Alternative, power: float) -> float:
    """The drift that the test with one look finds with this power."""
    return normal_quantile(alpha / sides_of(side)) + normal_quantile(1 - power)


def _drift(levels: tuple[float, ...], bounds: Bounds, side: Alternative, power: float) -> float:
    from scipy.optimize import brentq

    # any look alone, at its own boundary, has less power than all of them together
    z = normal_quantile(1 - power)
    enough = min((upper + z) / math.sqrt(t) for t, upper in zip(levels, bounds.efficacy, strict=True))
    return float(
        brentq(lambda d: sum(_operating(levels, bounds, side, d).rejects) - power, 0.0, enough + 1e-6, xtol=1e-11)
    )
