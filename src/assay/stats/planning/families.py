"""Many treatments against one control: Dunnett's critical value, and the chance to find any or all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from assay.errors import InvalidInput
from assay.stats.checks import is_number

Floats = NDArray[np.float64]
_NODES = 400


@lru_cache(maxsize=256)
def dunnett_critical(weights: tuple[float, ...], alpha: float, *, sides: int = 2) -> float:
    """The critical z of comparisons with a shared control, at a family-wise error of alpha.

    weights: sizes of the arms in any proportion, the control first. For large samples of one variance; comparison i
    has correlation √(l_i l_j) with comparison j, l_i = n_i / (n_i + n_control). The chance that none crosses is an
    integral over the control's deviation, ∫ φ(u) Π P(|Z_i| ≤ c | u) du. Source: Dunnett 1955, "A multiple comparison
    procedure for comparing several treatments with a control"; Dunnett 1964 for two sides.
    """
    from scipy.optimize import brentq

    if len(weights) < 2 or min(weights) <= 0:
        raise InvalidInput("weights", list(weights), "two or more positive numbers, the control's first")
    if not (is_number(alpha) and 0 < alpha < 1):
        raise InvalidInput("alpha", alpha, "a number above 0 and below 1")
    k = len(weights) - 1
    loads = _loads(weights)
    alone, shared = -float(ndtri(alpha / sides)), -float(ndtri(alpha / (sides * k)))
    if k == 1:
        return alone
    return float(brentq(lambda c: _any_beyond(c, loads, sides) - alpha, alone - 1e-9, shared + 1e-9, xtol=1e-12))


def family_power(distances: Sequence[float], weights: Sequence[float], critical: float, *, which: str = "all") -> float:
    """The chance that all, or any, of several comparisons with one control exceed `critical`.

    distances: expected z of each comparison. weights: sizes of the arms, the control first. One variance is assumed.
    """
    if which not in ("all", "any"):
        raise InvalidInput("which", which, "all or any")
    if len(distances) != len(weights) - 1:
        raise InvalidInput("distances", len(distances), f"{len(weights) - 1} numbers, one per treatment")
    loads = _loads(tuple(weights))
    nodes, masses = _normal_nodes()
    spread = np.sqrt(1 - loads**2)[:, None]
    arguments = (np.asarray(distances)[:, None] - critical + loads[:, None] * nodes) / spread
    if which == "all":
        return float(masses @ np.exp(log_ndtr(arguments).sum(axis=0)))
    return float(masses @ -np.expm1(log_ndtr(-arguments).sum(axis=0)))


def _loads(weights: Sequence[float]) -> Floats:
    """√l: how much of each comparison's z is the control's own deviation."""
    control, treatments = weights[0], np.asarray(weights[1:], dtype=np.float64)
    return np.sqrt(treatments / (treatments + control))


def _any_beyond(critical: float, loads: Floats, sides: int) -> float:
    """The chance that any of the comparisons crosses, when there is no effect."""
    nodes, masses = _normal_nodes()
    spread = np.sqrt(1 - loads**2)[:, None]
    upper = ndtr(-(critical + loads[:, None] * nodes) / spread)
    lower = ndtr(-(critical - loads[:, None] * nodes) / spread) if sides == 2 else 0.0
    return float(masses @ -np.expm1(np.log1p(-np.minimum(upper + lower, 1 - 1e-16)).sum(axis=0)))


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Floats, Floats]:
    """Nodes from -9 to 9 with their standard normal masses."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    u = 9 * nodes
    return u, 9 * weights * np.exp(-u * u / 2) / math.sqrt(2 * math.pi)
