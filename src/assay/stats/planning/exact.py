"""Power without approximations: all outcomes of two binomials, and noncentral t, F and chi-square."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, chdtri, chndtr, fdtri, ncfdtr, nctdtr, ndtr, ndtri, stdtrit

from assay.errors import InvalidInput
from assay.stats.checks import is_number

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rejects = Callable[[Floats, Floats], Bools]

_FAR = 8.5
"""Standard deviations beyond which a binomial's outcomes are left out: less than 1e-12 of the chance is lost."""
_CELLS = 4_000_000
"""Pairs of outcomes judged at once."""
_NORMAL_FROM = 1e6
"""Degrees of freedom above which t is normal to 7 digits."""


def exact_share_power(
    p_treatment: float, p_control: float, n_treatment: int, n_control: int, rejects: Rejects
) -> float:
    """The chance that a test of two shares rejects, summed over all outcomes of two binomials.

    rejects: takes arrays of conversions in treatment and in control, says per pair whether the test rejects.
    """
    x_t, mass_t = _outcomes(n_treatment, p_treatment)
    x_c, mass_c = _outcomes(n_control, p_control)
    rows = max(1, _CELLS // x_c.size)
    total = 0.0
    for start in range(0, x_t.size, rows):
        part = slice(start, start + rows)
        total += float(mass_t[part] @ (rejects(x_t[part, None], x_c[None, :]) @ mass_c))
    return min(1.0, total)


def share_z_rejects(
    n_treatment: int,
    n_control: int,
    tail: float,
    *,
    pooled: bool,
    towards: int = 1,
    ratio: float = 1.0,
    shift: float = 0.0,
) -> Rejects:
    """The one-sided z test of p_t - ratio · p_c = shift at level `tail`; towards: 1 above it, -1 below.

    Outcomes without any variance are not rejected: there the test has no answer.
    """
    critical = -float(ndtri(tail))

    def rejects(x_t: Floats, x_c: Floats) -> Bools:
        t, c = x_t / n_treatment, x_c / n_control
        if pooled:
            p = (x_t + x_c) / (n_treatment + n_control)
            variance = p * (1 - p) * (1 / n_treatment + 1 / n_control)
        else:
            variance = t * (1 - t) / n_treatment + ratio**2 * c * (1 - c) / n_control
        distance = towards * (t - ratio * c - shift)
        return (variance > 0) & (distance >= critical * np.sqrt(variance)) & (distance > 0)

    return rejects


def power_fisher(
    p_treatment: float, p_control: float, n_treatment: int, n_control: int, *, alpha: float = 0.05, sides: int = 2
) -> float:
    """Power of Fisher's exact test of two shares towards the effect, twice the smaller tail when two-sided.

    Source: Fisher 1935; the conditional test of the hypergeometric distribution, power over all outcomes.
    """
    for name, share, size, n in (
        ("p_treatment", p_treatment, "n_treatment", n_treatment),
        ("p_control", p_control, "n_control", n_control),
    ):
        check_share(name, share)
        check_units(size, n, 1)
    if not (is_number(alpha) and 0 < alpha < 1):
        raise InvalidInput("alpha", alpha, "a number above 0 and below 1")
    if sides not in (1, 2):
        raise InvalidInput("sides", sides, "1 or 2")
    if p_treatment < p_control:
        p_treatment, p_control, n_treatment, n_control = p_control, p_treatment, n_control, n_treatment
    from scipy.stats import hypergeom

    def rejects(x_t: Floats, x_c: Floats) -> Bools:
        tail = hypergeom.sf(x_t - 1, n_treatment + n_control, x_t + x_c, n_treatment)
        return np.asarray(tail <= alpha / sides * (1 + 1e-12), dtype=np.bool_)

    return exact_share_power(p_treatment, p_control, n_treatment, n_control, rejects)


def t_beyond(critical_tail: float, degrees_of_freedom: float, noncentrality: float) -> float:
    """The chance that noncentral t exceeds Student's t quantile of an upper tail."""
    if degrees_of_freedom > _NORMAL_FROM:
        return float(ndtr(noncentrality + ndtri(critical_tail)))
    critical = -float(stdtrit(degrees_of_freedom, critical_tail))
    if noncentrality > critical + 38:
        return 1.0
    # The lower tail of -T, so that small powers keep their digits.
    return float(nctdtr(degrees_of_freedom, -noncentrality, -critical))


def f_beyond(alpha: float, between: float, within: float, noncentrality: float) -> float:
    """The chance that noncentral F exceeds the upper alpha quantile of F."""
    critical = float(fdtri(between, within, 1 - alpha))
    return 1 - float(ncfdtr(between, within, noncentrality, critical))


def chi_square_beyond(alpha: float, degrees_of_freedom: float, noncentrality: float) -> float:
    """The chance that noncentral chi-square exceeds the upper alpha quantile of chi-square."""
    critical = float(chdtri(degrees_of_freedom, alpha))
    return 1 - float(chndtr(critical, degrees_of_freedom, noncentrality))


def _outcomes(n: int, p: float) -> tuple[Floats, Floats]:
    """Counts of a binomial that matter, with their chances."""
    spread = _FAR * math.sqrt(n * p * (1 - p)) + 30
    first, last = max(0, math.floor(n * p - spread)), min(n, math.ceil(n * p + spread))
    x = np.arange(first, last + 1, dtype=np.float64)
    if p in (0.0, 1.0):
        return x, (x == n * p).astype(np.float64)
    log_choose = -betaln(x + 1, n - x + 1) - math.log(n + 1)
    return x, np.exp(log_choose + x * math.log(p) + (n - x) * math.log1p(-p))


def check_share(name: str, share: float) -> None:
    """A share from 0 to 1, both included."""
    if not (is_number(share) and 0 <= share <= 1):
        raise InvalidInput(name, share, "a number from 0 to 1")


def check_units(name: str, n: int, least: int) -> None:
    """A number of units or groups."""
    if not (is_number(n) and least <= n < math.inf):
        raise InvalidInput(name, n, f"a whole number of at least {least}")
