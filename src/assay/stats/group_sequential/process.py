"""A drifting Brownian motion looked at again and again: the chance of crossing a boundary at each look.

At look k the statistic is Z_k ~ N(θ √I_k, 1) with independent increments of Z_k √I_k. The density of Z_k among paths
that have not stopped follows by one integral per look (Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000,
"Group Sequential Methods with Applications to Clinical Trials", section 19.2). Each integral is taken by
Gauss–Legendre panels as wide as the narrowest of the kernels that touch them; this reaches 1e-10, also when looks
are close together, with fewer points than the Simpson grid of that book.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri_exp

from assay.errors import InvalidInput

Floats = NDArray[np.float64]
LEAST_GROWTH = 1.0009
"""Information must grow at least by this factor from look to look."""
MOST_LOOKS = 1_000
_WIDTH = 3.0
"""A panel's width in standard deviations of the narrowest kernel."""
_POINTS = 12
_FAR = 9.0
"""Beyond it, in standard deviations, a normal has less than 1e-18."""
_CANNOT_STOP = 38.0
"""A normal exceeds it with less than 1e-308: such a boundary is no boundary."""


def information_of(given: object, name: str = "information") -> tuple[float, ...]:
    """Information at each look, positive and growing. Raises InvalidInput naming `name`."""
    accepted = f"1 to {MOST_LOOKS} positive numbers, each at least {LEAST_GROWTH} times the one before"
    try:
        levels = tuple(float(item) for item in given)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise InvalidInput(name, type(given).__name__, accepted) from None
    growing = all(b >= a * LEAST_GROWTH for a, b in pairwise(levels))
    if not (0 < len(levels) <= MOST_LOOKS and levels[0] > 0 and math.isfinite(levels[-1]) and growing):
        raise InvalidInput(name, str(levels[:6]), accepted)
    return levels


class Process:
    """The paths that have not stopped before the next look. drift: θ, the mean of Z at information 1."""

    __slots__ = ("_before", "_nodes", "_weights", "drift", "information", "looks")

    def __init__(self, information: tuple[float, ...], drift: float = 0.0) -> None:
        self.information = information
        self.drift = drift
        self.looks = 0
        self._before = 0.0
        self._nodes: Floats = np.zeros(1)
        self._weights: Floats = np.ones(1)

    def mass(self) -> float:
        """The chance of reaching the next look."""
        return float(self._weights.sum())

    def above(self, bound: float) -> float:
        """The chance of reaching the next look and exceeding `bound` there."""
        return float(self._weights @ ndtr(self._distance(bound)))

    def below(self, bound: float) -> float:
        """The chance of reaching the next look and lying under `bound` there."""
        return float(self._weights @ ndtr(-self._distance(bound)))

    def log_above(self, bound: float) -> float:
        """Natural logarithm of `above`, also where that is below what a float can hold."""
        return self._log_tail(bound, 1.0)[0]

    def bound_above(self, log_p: float) -> float:
        """The bound that is exceeded with probability exp(log_p); infinite where that is too small to matter."""
        return self._bound(log_p, 1.0)

    def bound_below(self, log_p: float) -> float:
        """The bound that is undercut with probability exp(log_p)."""
        return -self._bound(log_p, -1.0)

    def go_on(self, lower: float, upper: float) -> None:
        """Keep the paths strictly between the bounds; infinite bounds stop nobody."""
        current = self.information[self.looks]
        lower = -math.inf if lower <= -_CANNOT_STOP else lower
        upper = math.inf if upper >= _CANNOT_STOP else upper
        if math.isfinite(lower) or math.isfinite(upper):
            centre = self.drift * math.sqrt(current)
            # a finite boundary in the far tail stays an edge, so that small chances keep their digits
            low = max(lower, centre - (_CANNOT_STOP if math.isfinite(lower) else _FAR))
            high = min(upper, centre + (_CANNOT_STOP if math.isfinite(upper) else _FAR))
            nodes, weights = panels(low, high, self._scale(current))
            spread = math.sqrt(current - self._before)
            mean = self._nodes * (math.sqrt(self._before) / spread) + self.drift * spread
            kernel = np.subtract.outer(nodes * (math.sqrt(current) / spread), mean)
            np.multiply(kernel, kernel, out=kernel)
            kernel *= -0.5
            np.exp(kernel, out=kernel)
            density = (kernel @ self._weights) * (math.sqrt(current / (2 * math.pi)) / spread)
            self._nodes, self._weights, self._before = nodes, weights * density, current
        self.looks += 1

    def _scale(self, current: float) -> float:
        """The narrowest width, in units of Z now, of the kernel that led here and of the next."""
        after = self.information[min(self.looks + 1, len(self.information) - 1)]
        widths = [1.0, math.sqrt((current - self._before) / current)]
        if after > current:
            widths.append(math.sqrt((after - current) / current))
        return min(widths)

    def _distance(self, bound: float) -> Floats:
        """How far, in standard deviations of the step, each path expects to be above the bound."""
        current = self.information[self.looks]
        spread = math.sqrt(current - self._before)
        shift = self.drift * spread - bound * (math.sqrt(current) / spread)
        return self._nodes * (math.sqrt(self._before) / spread) + shift

    def _log_tail(self, bound: float, sign: float) -> tuple[float, float]:
        """log P(sign · Z > sign · bound) and its slope in the bound's direction (negative)."""
        current = self.information[self.looks]
        away = sign * self._distance(bound)
        with np.errstate(divide="ignore"):
            logs = np.log(self._weights) + log_ndtr(away)
        top = float(logs.max(initial=-math.inf))
        if top == -math.inf:
            return -math.inf, -1.0
        value = top + math.log(float(np.exp(logs - top).sum()))
        # the density over the tail: each path's own hazard, weighted by its share of the tail
        hazard = np.exp(-0.5 * away * away - math.log(2 * math.pi) / 2 - log_ndtr(away))
        slope = -float(np.exp(logs - value) @ hazard) * math.sqrt(current / (current - self._before))
        return value, slope

    def _bound(self, log_p: float, sign: float) -> float:
        """sign · bound by Newton's method: the log of the tail is concave, so it nears the bound from one side only."""
        if log_p == -math.inf:
            return math.inf
        current = self.information[self.looks]
        start = sign * self.drift * math.sqrt(current) - float(ndtri_exp(min(log_p, -1e-16)))
        if start >= _CANNOT_STOP:
            return start if self._before == 0 else math.inf
        if log_p >= math.log(max(self.mass(), 1e-320)) - 1e-15:
            return -math.inf
        at = start
        for _ in range(60):
            value, slope = self._log_tail(sign * at, sign)
            step = (value - log_p) / slope
            at -= step
            if abs(step) <= 1e-12 * max(1.0, abs(at)):
                break
        return at


def panels(low: float, high: float, scale: float) -> tuple[Floats, Floats]:
    """Nodes and weights for an integral from low to high."""
    if high <= low:
        return np.zeros(1), np.zeros(1)
    count = max(1, math.ceil((high - low) / (_WIDTH * scale)))
    nodes, weights = _legendre()
    half = (high - low) / (2 * count)
    centres = low + half * (2 * np.arange(count) + 1)
    return (centres[:, None] + half * nodes).ravel(), np.tile(half * weights, count)


@lru_cache(maxsize=1)
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    return nodes, weights
