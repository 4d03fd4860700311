"""The chance to have crossed a boundary by each of several looks, by recursive numerical integration.

Z statistics at looks with information fractions t_1 < … < t_K = 1 are Z_k = B(t_k) / √t_k, B a Brownian motion with
drift: the canonical joint distribution of Jennison & Turnbull 2000, section 3.1; the recursion is Armitage,
McPherson & Rowe 1969.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from assay.errors import InvalidInput

Floats = NDArray[np.float64]


def ever_beyond(
    fractions: Sequence[float], bounds: Sequence[float], drift: float, *, two_sided: bool = True
) -> tuple[float, ...]:
    """The chance that Z has exceeded its upper bound at or before each look.

    fractions: information at the looks, ascending, the last 1. bounds: critical z, one per look; with two_sided the
    test also ends, without success, below their negatives. drift: expected Z at the last look.
    """
    _check(fractions, bounds)
    gained = 0.0
    cumulated = []
    at, mass = np.zeros(1), np.ones(1)
    before = 0.0
    for share, bound in zip(fractions, bounds, strict=True):
        root, step = math.sqrt(share), math.sqrt(share - before)
        moved = at + drift * (share - before)
        top = bound * root
        gained += float(mass @ ndtr((moved - top) / step))
        cumulated.append(min(1.0, gained))
        lowest = float(np.min(at)) + min(0.0, drift * (share - before)) - 9 * step
        bottom = max(-top, lowest) if two_sided else lowest
        nodes, weights = _nodes(bottom, min(top, float(np.max(moved)) + 9 * step), step)
        density = np.exp(-(((nodes[:, None] - moved[None, :]) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
        at, mass, before = nodes, weights * (density @ mass), share
    return tuple(cumulated)


def _nodes(low: float, high: float, step: float) -> tuple[Floats, Floats]:
    """Nodes and weights from low to high, dense enough for a normal of this standard deviation."""
    count = int(min(600, max(40, 10 * math.ceil((high - low) / step * 0.25))))
    nodes, weights = _gauss(count)
    half = (high - low) / 2
    return (low + high) / 2 + half * nodes, half * weights


@lru_cache(maxsize=64)
def _gauss(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _check(fractions: Sequence[float], bounds: Sequence[float]) -> None:
    ascending = all(a < b for a, b in zip((0.0, *fractions), fractions, strict=False))
    if not (fractions and ascending and abs(fractions[-1] - 1) < 1e-9):
        raise InvalidInput("fractions", list(fractions), "ascending numbers above 0, the last 1")
    if len(bounds) != len(fractions) or not all(0 <= bound < math.inf for bound in bounds):
        raise InvalidInput("bounds", list(bounds), f"{len(fractions)} finite numbers of at least 0")
