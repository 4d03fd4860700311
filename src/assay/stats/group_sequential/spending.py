"""Error spending: how much of an error rate may have been used up by the time a share of the information is in.

A spending function rises from 0 at information 0 to the whole error rate at information 1. The looks then need not
be planned: the boundary at each follows from what it may spend (Lan & DeMets 1983, "Discrete sequential boundaries
for clinical trials", Biometrika 70:659–663). A two-sided test spends half of its error rate on each side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import log_ndtr, ndtri_exp

from assay.errors import InvalidInput
from assay.stats.checks import is_finite, is_number
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, alternative_of


class SpendingKind(StrEnum):
    """The families of spending functions."""

    OBRIEN_FLEMING = "obrien_fleming"
    POCOCK = "pocock"
    KIM_DEMETS = "kim_demets"
    HWANG_SHIH_DECANI = "hwang_shih_decani"
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """One spending function; made by the functions of this module.

    parameter: rho or gamma of the families that have one. table: (information fraction, share of the error rate
    spent), rising from after (0, 0) to (1, 1), joined by straight lines.
    """

    kind: SpendingKind
    parameter: float | None = None
    table: tuple[tuple[float, float], ...] = ()

    def log_spent(self, fraction: float, log_rate: float) -> float:
        """log of the one-sided error spent by an information fraction, of exp(log_rate) in all."""
        if fraction >= 1:
            return log_rate
        if fraction <= 0:
            return -math.inf
        if self.kind is SpendingKind.OBRIEN_FLEMING:
            quantile = float(ndtri_exp(log_rate - math.log(2)))
            return math.log(2) + float(log_ndtr(quantile / math.sqrt(fraction)))
        share = self._share(fraction)
        return log_rate + math.log(share) if share > 0 else -math.inf

    def _share(self, fraction: float) -> float:
        if self.kind is SpendingKind.POCOCK:
            return math.log1p((math.e - 1) * fraction)
        if self.kind is SpendingKind.TABLE:
            return _interpolated(fraction, self.table)
        assert self.parameter is not None
        if self.kind is SpendingKind.KIM_DEMETS:
            return float(fraction**self.parameter)
        gamma = self.parameter
        if abs(gamma) < 1e-12:
            return fraction
        if gamma > 0:
            return math.expm1(-gamma * fraction) / math.expm1(-gamma)
        # the same, written so that a steep gamma does not overflow
        return math.exp(gamma * (1 - fraction)) * math.expm1(gamma * fraction) / math.expm1(gamma)


def obrien_fleming_spending() -> Spending:
    """Very little early: f(t) = 2 - 2 Φ(z_{α/2} / √t) on each side (Lan & DeMets 1983, α₁*)."""
    return Spending(kind=SpendingKind.OBRIEN_FLEMING)


def pocock_spending() -> Spending:
    """Much early, near equal boundaries: f(t) = α log(1 + (e - 1) t) (Lan & DeMets 1983, α₂*)."""
    return Spending(kind=SpendingKind.POCOCK)


def kim_demets_spending(rho: float) -> Spending:
    """The power family f(t) = α t^ρ, ρ > 0 (Kim & DeMets 1987, Biometrika 74:149–154). 3 is near O'Brien–Fleming."""
    if not (is_number(rho) and 0 < rho <= 100):
        raise InvalidInput("rho", rho, "a number above 0, at most 100")
    return Spending(kind=SpendingKind.KIM_DEMETS, parameter=float(rho))


def hwang_shih_decani_spending(gamma: float) -> Spending:
    """f(t) = α (1 - e^{-γt}) / (1 - e^{-γ}); γ = 0 is α t (Hwang, Shih & DeCani 1990, Stat. Med. 9:1439–1445).

    -4 is near O'Brien–Fleming, 1 near Pocock.
    """
    if not (is_number(gamma) and -100 <= gamma <= 100):
        raise InvalidInput("gamma", gamma, "a number from -100 to 100")
    return Spending(kind=SpendingKind.HWANG_SHIH_DECANI, parameter=float(gamma))


def table_spending(points: Iterable[tuple[float, float]]) -> Spending:
    """A function of one's own: (information fraction, share of the error rate spent by then), the last (1, 1).

    Fractions rise strictly, shares never fall; straight lines between. E.g. [(0.5, 0.1), (1, 1)].
    """
    table = tuple((float(fraction), float(share)) for fraction, share in points)
    rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in zip(((0.0, 0.0), *table), table, strict=False))
    if not (table and table[-1] == (1.0, 1.0) and rising):
        accepted = "(fraction, share) pairs above 0, rising, ending in (1, 1)"
        raise InvalidInput("points", str(table[:6]), accepted)
    return Spending(kind=SpendingKind.TABLE, table=table)


def alpha_spent(
    spending: Spending,
    fraction: float,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
) -> float:
    """The error spent by an information fraction, over both sides where the test has two; at most alpha."""
    sides = sides_of(alternative_of(alternative))
    if not (fraction >= 0 and is_finite(fraction)):
        raise InvalidInput("fraction", fraction, "a number of at least 0")
    return min(alpha, sides * math.exp(spending.log_spent(fraction, math.log(check_alpha(alpha) / sides))))


def sides_of(alternative: Alternative) -> int:
    """2 for a two-sided test, else 1."""
    return 2 if alternative is Alternative.TWO_SIDED else 1


def log_increments(spending: Spending, fractions: tuple[float, ...], log_rate: float, all_at_end: bool) -> list[float]:
    """log of what each look may spend on one side. all_at_end: the last look spends whatever is left."""
    spent = [spending.log_spent(fraction, log_rate) for fraction in fractions]
    if all_at_end:
        spent[-1] = log_rate
    return [log_difference(now, before) for before, now in zip([-math.inf, *spent], spent, strict=False)]


def log_difference(larger: float, smaller: float) -> float:
    """log(e^larger - e^smaller); -inf where they are equal."""
    if larger <= smaller:
        return -math.inf
    return larger + math.log(-math.expm1(smaller - larger)) if smaller > -math.inf else larger


def _interpolated(fraction: float, table: tuple[tuple[float, float], ...]) -> float:
    before, spent = 0.0, 0.0
    for at, share in table:
        if fraction <= at:
            return spent + (share - spent) * (fraction - before) / (at - before)
        before, spent = at, share
    return 1.0
