"""Dunnett's comparison of several treatments with one control.

With variances about equal, the statistics T_i of k treatments share the control, so they are correlated: ρ_ij is
λ_i λ_j, with λ_i = √(n_i / (n_i + n_0)). Given the control's own deviation z and the scale s they are independent, and

    P(max |T_i| ≤ c) = ∫ g(s) ∫ φ(z) Π [Φ((c s + λ_i z) / √(1 - λ_i²)) - Φ((-c s + λ_i z) / √(1 - λ_i²))] dz ds

with g the density of χ_ν / √ν; s = 1 where ν is infinite (Dunnett 1955, "A multiple comparison procedure for
comparing several treatments with a control"; the reduction of the integral in Hsu 1996, "Multiple Comparisons", section
3.1). Both integrals are by Gauss's rules, right to 1e-6 or better unless a treatment has thousands of times the
control's units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, ndtr

from assay.errors import InvalidInput
from assay.stats.distributions import floored, student_p

Floats = NDArray[np.float64]

_NODES, _PANELS, _SCALES = 10, 80, 40
_FAR = 9.0
_TINY = 1e-9


def dunnett_p(
    statistics: Sequence[float],
    sizes: Sequence[float],
    control_size: float,
    degrees_of_freedom: float = math.inf,
    *,
    one_sided: bool = False,
) -> list[float]:
    """Adjusted p-values: the chance, if no treatment differs, that the largest statistic is at least as far out.

    statistics: of each treatment against the control; one_sided: far out means large. sizes, control_size: units, or
    anything in proportion to 1 / variance. degrees_of_freedom: of the common variance.
    Below 1e-9 the bound k · p is given, which then differs from it by less than one part in 1e-6 of p.
    """
    lambdas = _lambdas(sizes, control_size)
    if len(statistics) != len(lambdas):
        raise InvalidInput("statistics", f"{len(statistics)} numbers", f"{len(lambdas)}, one for each size")
    answer = []
    for value in statistics:
        bound = value if one_sided else abs(value)
        inside = chance_inside(bound, lambdas, degrees_of_freedom, one_sided=one_sided)
        p = 1 - inside
        if p < _TINY:
            plain = student_p(bound, degrees_of_freedom)
            p = len(lambdas) * (plain / 2 if one_sided and bound > 0 else plain)
        answer.append(floored(p))
    return answer


def dunnett_critical(
    alpha: float,
    sizes: Sequence[float],
    control_size: float,
    degrees_of_freedom: float = math.inf,
    *,
    one_sided: bool = False,
) -> float:
    """The bound that the largest statistic exceeds with probability alpha: of simultaneous intervals est ± c · se."""
    from scipy.optimize import brentq

    if not 0 < alpha < 0.5:
        raise InvalidInput("alpha", alpha, "a number above 0 and below 0.5")
    lambdas = _lambdas(sizes, control_size)
    high = 2.0
    while 1 - chance_inside(high, lambdas, degrees_of_freedom, one_sided=one_sided) > alpha:
        high *= 1.5
        if high > 1e6:
            raise InvalidInput("alpha", alpha, "an error that some bound keeps with so few degrees of freedom")

    def excess(bound: float) -> float:
        return 1 - chance_inside(bound, lambdas, degrees_of_freedom, one_sided=one_sided) - alpha

    return float(brentq(excess, 0.0, high, xtol=1e-10))


def chance_inside(bound: float, lambdas: Floats, degrees_of_freedom: float, *, one_sided: bool) -> float:
    """P(no statistic beyond `bound`)."""
    scales, weights = _scales(degrees_of_freedom)
    z, z_weights = _normal_nodes()
    rest = np.sqrt(1 - lambdas**2)
    shift = lambdas[:, None, None] * z[None, None, :]
    reach = bound * scales[None, :, None]
    upper = ndtr((reach + shift) / rest[:, None, None])
    inside = upper if one_sided else upper - ndtr((shift - reach) / rest[:, None, None])
    return float(weights @ (np.prod(inside, axis=0) @ z_weights))


def _lambdas(sizes: Sequence[float], control_size: float) -> Floats:
    values = np.asarray(sizes, dtype=np.float64)
    if values.ndim != 1 or not values.size or not (np.isfinite(values) & (values > 0)).all():
        raise InvalidInput("sizes", list(sizes), "a number above 0 for each treatment")
    if not 0 < control_size < math.inf:
        raise InvalidInput("control_size", control_size, "a number above 0")
    return np.sqrt(values / (values + control_size))


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Floats, Floats]:
    """Panels of Gauss-Legendre: with a small control the integrand has steep edges that one polynomial misses."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.linspace(-_FAR, _FAR, _PANELS + 1)
    half = (edges[1] - edges[0]) / 2
    z = (edges[:-1, None] + half + half * nodes[None, :]).ravel()
    density = np.exp(-z * z / 2) * np.tile(weights * half, _PANELS)
    return z, density / density.sum()


@lru_cache(maxsize=256)
def _scales(degrees_of_freedom: float) -> tuple[Floats, Floats]:
    """Nodes and weights of s = χ_ν / √ν, by Gauss-Legendre over the probability between far quantiles."""
    nu = degrees_of_freedom
    if math.isinf(nu) or nu > 1e6:
        return np.ones(1), np.ones(1)
    if not nu > 0:
        raise InvalidInput("degrees_of_freedom", nu, "a number above 0")
    low, high = (math.sqrt(2 * float(gammainccinv(nu / 2, tail)) / nu) for tail in (1 - 1e-13, 1e-13))
    nodes, weights = np.polynomial.legendre.leggauss(_SCALES)
    s = (high - low) / 2 * nodes + (high + low) / 2
    log_density = math.log(2) + nu / 2 * math.log(nu / 2) - math.lgamma(nu / 2) + (nu - 1) * np.log(s) - nu * s * s / 2
    density = np.exp(log_density) * weights * (high - low) / 2
    return s, density / density.sum()
