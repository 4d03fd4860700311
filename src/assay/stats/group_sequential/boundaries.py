"""Efficacy boundaries: how far out the statistic must be at each look so that all looks together err at most at α.

Boundaries are given in the direction of the alternative: `greater` rejects at z ≥ boundary, `less` at z ≤ -boundary,
`two_sided` at |z| ≥ boundary. Where a look may not stop (nothing to spend) the boundary is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import ndtr

from assay.errors import InvalidInput
from assay.stats.checks import is_number
from assay.stats.distributions import normal_quantile
from assay.stats.group_sequential.process import MOST_LOOKS, Process, information_of
from assay.stats.group_sequential.spending import (
    Spending,
    log_increments,
    obrien_fleming_spending,
    sides_of,
    table_spending,
)
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, alternative_of

FULL = 1 - 1e-9
"""An information fraction from which on the plan counts as fulfilled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """Boundaries of a sequence of looks.

    information: at each look, as a fraction of the planned. efficacy: z that rejects, in the direction of the
    alternative; None where the look cannot reject. alpha_spent: error spent up to and including each look, over both
    sides where there are two.
    """

    information: tuple[float, ...]
    efficacy: tuple[float | None, ...]
    alpha_spent: tuple[float, ...]
    alpha: float
    alternative: Alternative

    def nominal_alpha(self) -> tuple[float | None, ...]:
        """The alpha at which a test for one look rejects exactly where the boundary is crossed."""
        return tuple(nominal_alpha(bound, self.alternative) for bound in self.efficacy)

    def as_spending(self) -> Spending:
        """The spending function through what these boundaries spend, straight lines between the looks.

        With it a classic design copes with looks that were not planned. Needs a last look at information 1.
        """
        shares = [min(1.0, spent / self.alpha) for spent in self.alpha_spent]
        shares[-1] = 1.0
        return table_spending(zip((*self.information[:-1], 1.0), shares, strict=True))


def spending_boundaries(
    information: Iterable[float],
    *,
    spending: Spending | None = None,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    final: bool = False,
) -> Boundaries:
    """Boundaries by error spending for any sequence of looks (Lan & DeMets 1983); O'Brien–Fleming type by default.

    information: fractions of the planned information, as they really were; they need not be planned, as long as the
    times of looks were not chosen by looking at the effect. From fraction 1 on everything is spent, and a look after
    the first such one cannot reject any more. final: the last look is the end although it may fall short of the plan,
    so it spends whatever is left (it must not have become the end because of the effect seen).
    """
    levels, side = information_of(information), alternative_of(alternative)
    log_rate = math.log(check_alpha(alpha) / sides_of(side))
    steps = log_increments(spending or obrien_fleming_spending(), levels, log_rate, final)
    efficacy = efficacy_bounds(levels, steps, side)
    spent = cumulated([math.exp(step) for step in steps], alpha, side)
    return Boundaries(
        information=levels, efficacy=tuple(map(shown, efficacy)), alpha_spent=spent, alpha=alpha, alternative=side
    )


def efficacy_bounds(information: tuple[float, ...], log_steps: list[float], alternative: Alternative) -> list[float]:
    """The bounds that spend exp(log_steps) on each side without any futility stop; infinite where nothing is spent."""
    process, bounds = Process(information), []
    for log_step in log_steps:
        bound = process.bound_above(log_step)
        bounds.append(bound)
        process.go_on(-bound if alternative is Alternative.TWO_SIDED else -math.inf, bound)
    return bounds


def pocock_boundaries(
    looks: int | Iterable[float], *, alpha: float = 0.05, alternative: Alternative | str = Alternative.TWO_SIDED
) -> Boundaries:
    """One boundary for all looks (Pocock 1977; Jennison & Turnbull 2000, section 2.4).

    looks: how many, equally spaced, or their information fractions (the last 1).
    """
    return wang_tsiatis_boundaries(looks, delta=0.5, alpha=alpha, alternative=alternative)


def obrien_fleming_boundaries(
    looks: int | Iterable[float], *, alpha: float = 0.05, alternative: Alternative | str = Alternative.TWO_SIDED
) -> Boundaries:
    """Boundaries C / √t that fall with information t (O'Brien & Fleming 1979; Jennison & Turnbull 2000, 2.5)."""
    return wang_tsiatis_boundaries(looks, delta=0.0, alpha=alpha, alternative=alternative)


def wang_tsiatis_boundaries(
    looks: int | Iterable[float],
    *,
    delta: float,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
) -> Boundaries:
    """Boundaries C t^(δ - 1/2): δ = 0 is O'Brien–Fleming, δ = 1/2 Pocock (Wang & Tsiatis 1987)."""
    if not (is_number(delta) and -1 <= delta <= 1):
        raise InvalidInput("delta", delta, "a number from -1 to 1")
    levels, side = looks_of(looks), alternative_of(alternative)
    constant = _constant(levels, float(delta), check_alpha(alpha), side)
    return _with(levels, [constant * t ** (delta - 0.5) for t in levels], alpha, side)


def haybittle_peto_boundaries(
    looks: int | Iterable[float],
    *,
    early: float = 3.0,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
) -> Boundaries:
    """The boundary `early` at all looks but the last, which takes what is left of alpha (Haybittle 1971; Peto 1976)."""
    levels, side = looks_of(looks), alternative_of(alternative)
    rate = check_alpha(alpha) / sides_of(side)
    if not (is_number(early) and 0 < early < math.inf):
        raise InvalidInput("early", early, "a number above 0")
    process, left = Process(levels), rate
    for _ in levels[:-1]:
        left -= process.above(early)
        process.go_on(-early if side is Alternative.TWO_SIDED else -math.inf, early)
    if left <= 1e-3 * rate:
        raise InvalidInput("early", early, f"a boundary so far out that something of alpha = {alpha:g} is left")
    return _with(levels, [early] * (len(levels) - 1) + [process.bound_above(math.log(left))], alpha, side)


def pocock_constant(
    looks: int, *, alpha: float = 0.05, alternative: Alternative | str = Alternative.TWO_SIDED
) -> float:
    """C_P(K, α): reject where |z| is at least this at any of K equally spaced looks."""
    return _constant(looks_of(looks), 0.5, check_alpha(alpha), alternative_of(alternative))


def obrien_fleming_constant(
    looks: int, *, alpha: float = 0.05, alternative: Alternative | str = Alternative.TWO_SIDED
) -> float:
    """C_B(K, α): reject where |z| at look k of K equally spaced ones is at least this times √(K / k)."""
    return _constant(looks_of(looks), 0.0, check_alpha(alpha), alternative_of(alternative))


def looks_of(looks: int | Iterable[float]) -> tuple[float, ...]:
    """Information fractions: k equally spaced, or as given, ending at 1. Raises InvalidInput naming looks."""
    if isinstance(looks, int):
        if not (is_number(looks) and 1 <= looks <= MOST_LOOKS) or isinstance(looks, bool):
            raise InvalidInput("looks", looks, f"a whole number from 1 to {MOST_LOOKS}, or information fractions")
        return tuple((k + 1) / looks for k in range(looks))
    levels = information_of(looks, "looks")
    if levels[-1] != 1:
        raise InvalidInput("looks", str(levels[-6:]), "information fractions that end at 1")
    return levels


def crossings(information: tuple[float, ...], bounds: Iterable[float], alternative: Alternative) -> list[float]:
    """The chance of crossing on one side at each look and at none before, when there is no effect."""
    process, chances = Process(information), []
    for bound in bounds:
        chances.append(process.above(bound))
        process.go_on(-bound if alternative is Alternative.TWO_SIDED else -math.inf, bound)
    return chances


def nominal_alpha(bound: float | None, alternative: Alternative) -> float | None:
    """The alpha of a test for one look that rejects at this boundary; None where there is none that a float holds."""
    alpha = sides_of(alternative) * float(ndtr(-bound)) if bound is not None else 0.0
    return alpha if alpha > 0 else None


def shown(bound: float) -> float | None:
    """A boundary as people see it: None where it cannot be crossed."""
    return bound if math.isfinite(bound) else None


@lru_cache(maxsize=256)
def _constant(information: tuple[float, ...], delta: float, alpha: float, alternative: Alternative) -> float:
    """C such that bounds C t^(δ - 1/2) err at α in all."""
    rate = alpha / sides_of(alternative)
    shape = [t ** (delta - 0.5) for t in information]
    # one look alone bounds it from below, Bonferroni over the looks from above
    least = normal_quantile(rate) / min(shape) if rate > 0.5 else normal_quantile(rate) / max(shape)
    most = normal_quantile(rate / len(shape)) / min(shape)
    return _root(lambda c: sum(crossings(information, [c * s for s in shape], alternative)) - rate, least, most)


def _root(excess: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(excess, low - 1e-6, high + 1e-6, xtol=1e-12, rtol=1e-13))


def _with(levels: tuple[float, ...], bounds: list[float], alpha: float, side: Alternative) -> Boundaries:
    spent = cumulated(crossings(levels, bounds, side), alpha, side)
    return Boundaries(information=levels, efficacy=tuple(bounds), alpha_spent=spent, alpha=alpha, alternative=side)


def cumulated(steps: list[float], alpha: float, side: Alternative) -> tuple[float, ...]:
    """What is spent on one side at each look, as spent up to each look over all sides; alpha at most."""
    total, spent = 0.0, []
    for step in steps:
        total += sides_of(side) * step
        spent.append(min(alpha, total))
    return tuple(spent)
