"""Dunnett's comparison of several treatments with one control.

With variances about equal, the statistics T_i of k treatments share the control, so they are correlated: ρ_ij is
λ_i λ_j, with λ_i = √(n_i / (n_i + n_0)). Given the control's own deviation z and the scale s they are independent:

    P(any |T_i| > c) = ∫ g(s) ∫ φ(z) [1 - Π (1 - q_i(s, z))] dz ds
    q_i = Φ(-(c s + λ_i z) / √(1 - λ_i²)) + Φ(-(c s - λ_i z) / √(1 - λ_i²))

with g the density of χ_ν / √ν; s = 1 where ν is infinite (Dunnett 1955, "A multiple comparison procedure for
comparing several treatments with a control"; the reduction of the integral in Hsu 1996, "Multiple Comparisons", section
3.1). What lies outside is summed directly, never as 1 - what lies inside, so that small p-values keep their digits.
Both integrals are by panels of Gauss and Legendre, over z with extra panels where a treatment much larger than the
control makes q_i jump, over s on a logarithmic scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, gammaincinv, gammaln, ndtr

from assay.errors import InvalidInput
from assay.stats.checks import is_number
from assay.stats.distributions import floored, student_p
from assay.stats.inputs import check_freedom

Floats = NDArray[np.float64]

_NODES = 10
_FAR = 9.0
"""Standard deviations beyond which the control's own deviation does not count."""
_FARTHEST = 38.0
"""A normal deviation beyond it is rarer than a float can hold."""
_STEEP = 0.5
"""A jump narrower than this, in standard deviations of z, gets panels of its own."""
_MOST_FREEDOM = 1e6
_AROUND = np.array([-9.0, -4.5, -2.0, 0.0, 2.0, 4.5, 9.0])


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
    anything in proportion to 1 / variance. degrees_of_freedom: of the common variance. Variances that differ, or
    degrees of freedom that do, make it approximate. Right to about 1e-9 of p, also where p is tiny.
    """
    lambdas = _lambdas(sizes, control_size)
    check_freedom(degrees_of_freedom)
    if np.ndim(statistics) != 1 or len(statistics) != len(lambdas):
        raise InvalidInput("statistics", statistics, f"{len(lambdas)} numbers, one for each size")
    if any(not is_number(value) or math.isnan(value) for value in statistics):
        raise InvalidInput("statistics", list(statistics), "numbers")
    bounds = [value if one_sided else abs(value) for value in statistics]
    found = {
        bound: floored(chance_outside(bound, lambdas, degrees_of_freedom, one_sided=one_sided)) for bound in set(bounds)
    }
    return [found[bound] for bound in bounds]


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

    if not (is_number(alpha) and 0 < alpha < 0.5):
        raise InvalidInput("alpha", alpha, "a number above 0 and below 0.5")
    lambdas = _lambdas(sizes, control_size)
    check_freedom(degrees_of_freedom)

    def excess(bound: float) -> float:
        outside = chance_outside(bound, lambdas, degrees_of_freedom, one_sided=one_sided)
        return math.log(max(outside, 1e-300)) - math.log(alpha)

    high = 2.0
    while excess(high) > 0:
        high *= 1.5
        if high > 1e6:
            raise InvalidInput("alpha", alpha, "an error that some bound keeps with so few degrees of freedom")
    return float(brentq(excess, 0.0, high, xtol=1e-11))


def chance_outside(bound: float, lambdas: Floats, degrees_of_freedom: float, *, one_sided: bool) -> float:
    """P(some statistic beyond `bound`)."""
    if math.isinf(bound):
        return 0.0 if bound > 0 else 1.0
    alone = student_p(max(bound, 0.0), degrees_of_freedom)
    scales, scale_weights = _scales(degrees_of_freedom, -max(13, 10 * math.ceil((10 - math.log10(alone)) / 10)))
    reach = bound * scales
    z, z_weights = _deviations(reach, lambdas, one_sided)
    rest = np.sqrt(1 - lambdas**2)
    kept = np.zeros_like(z)
    with np.errstate(divide="ignore"):
        for weight, left in zip(lambdas, rest, strict=True):
            beyond = ndtr(-(reach[:, None] + weight * z) / left)
            if not one_sided:
                beyond += ndtr(-(reach[:, None] - weight * z) / left)
            kept += np.log1p(-np.minimum(beyond, 1.0))
    return float(scale_weights @ (-np.expm1(kept) * z_weights).sum(axis=1))


def _lambdas(sizes: Sequence[float], control_size: float) -> Floats:
    try:
        values = np.asarray(sizes, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("sizes", sizes, "a number above 0 for each treatment") from None
    if values.ndim != 1 or not values.size or not (np.isfinite(values) & (values > 0)).all():
        raise InvalidInput("sizes", values.tolist(), "a number above 0 for each treatment")
    if not (is_number(control_size) and 0 < control_size < math.inf):
        raise InvalidInput("control_size", control_size, "a number above 0")
    return np.sqrt(np.minimum(values / (values + control_size), 1 - 1e-14))


def _deviations(reach: Floats, lambdas: Floats, one_sided: bool) -> tuple[Floats, Floats]:
    """Nodes of the control's deviation z and their weights under the normal density, one row for each scale."""
    far = _FAR + min(_FARTHEST, float(np.abs(reach).max()))
    outer = np.linspace(_FAR, far, 1 + math.ceil(3 * (far - _FAR)))
    plain = np.concatenate([-outer[:0:-1], np.linspace(-_FAR, _FAR, 19), outer[1:]])
    edges = np.broadcast_to(plain, (reach.size, plain.size))
    width = np.sqrt(1 - lambdas**2) / lambdas
    steep = width < _STEEP
    if steep.any():
        at = reach[:, None, None] / lambdas[steep][None, :, None]
        spread = width[steep][None, :, None] * _AROUND[None, None, :]
        sides = (-1.0,) if one_sided else (-1.0, 1.0)
        jumps = np.concatenate([(side * at + spread).reshape(reach.size, -1) for side in sides], axis=1)
        edges = np.sort(np.concatenate([edges, np.clip(jumps, -far, far)], axis=1), axis=1)
    nodes, weights = _legendre()
    half = np.diff(edges, axis=1) / 2
    middle = edges[:, :-1] + half
    z = (middle[:, :, None] + half[:, :, None] * nodes).reshape(reach.size, -1)
    panel = (half[:, :, None] * weights).reshape(reach.size, -1)
    return z, panel * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


@lru_cache(maxsize=256)
def _scales(degrees_of_freedom: float, lowest: int) -> tuple[Floats, Floats]:
    """Nodes and weights of s = χ_ν / √ν between its quantiles of 10^lowest and 1 - 1e-13, on a logarithmic scale."""
    nu = check_freedom(degrees_of_freedom)
    if nu > _MOST_FREEDOM:
        return np.ones(1), np.ones(1)
    low = float(gammaincinv(nu / 2, 10.0 ** max(lowest, -300)))
    high = float(gammainccinv(nu / 2, 1e-13))
    start, end = (math.log(max(square, 1e-300) * 2 / nu) / 2 for square in (low, high))
    nodes, weights = _legendre()
    panels = 3 + math.ceil(max(-lowest / 5, 1.3 * (end - start)))
    edges = np.linspace(start, end, panels + 1)
    half = (edges[1] - edges[0]) / 2
    log_s = (edges[:-1, None] + half + half * nodes).ravel()
    middle = -nu / 2 + nu / 2 * math.log(nu / 2) - float(gammaln(nu / 2))
    density = np.exp(math.log(2) + middle + nu * log_s - nu / 2 * np.expm1(2 * log_s))
    return np.exp(log_s), density * np.tile(weights * half, panels)


@lru_cache(maxsize=1)
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights
