"""Sets of values that a quadratic test does not reject: intervals for differences, and Fieller's for ratios.

For a hypothesised ratio r of two means the quantity t - r c has mean 0 and variance w0 + w1 r + w2 r², so the
ratios not rejected at squared critical value q are those with (t - r c)² ≤ q (w0 + w1 r + w2 r²) (Fieller 1954;
for independent means w0 = var t, w1 = 0, w2 = var c). A difference is the case c = 1 with variance of its own.
Because the test holds for every fixed r, the set keeps its level under a sequence's critical value too, which an
interval from the delta method does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Quadratic = tuple[float, float, float]
"""Coefficients (w0, w1, w2) of a variance w0 + w1 r + w2 r²."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval of accepted values; None is unbounded on that side."""

    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class Outside:
    """Accepted are the values up to `low` and from `high` on: the denominator may be 0, its sign unknown."""

    low: float
    high: float


def accepted(numerator: float, denominator: float, variance: Quadratic, critical: float) -> Bounds | Outside | None:
    """All r with (numerator - r · denominator)² ≤ critical · (w0 + w1 r + w2 r²); None when that is every r."""
    w0, w1, w2 = variance
    a = denominator * denominator - critical * w2
    half_b = numerator * denominator + critical * w1 / 2
    # numerator² w2 + denominator² w0 + … without the terms that cancel, so that large means lose nothing
    inner = denominator * denominator * w0 + numerator * denominator * w1 + numerator * numerator * w2
    root_square = critical * (inner + critical * (w1 * w1 / 4 - w0 * w2))
    if a == 0:
        return _half_line(half_b, numerator * numerator - critical * w0)
    if a < 0 and root_square <= 0:
        return None
    root = math.sqrt(max(0.0, root_square))
    low, high = sorted(((half_b - root) / a, (half_b + root) / a))
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return Bounds(low, high) if a > 0 else Outside(low, high)


def _half_line(half_b: float, c: float) -> Bounds | None:
    """All r with c ≤ 2 half_b r: without a denominator only the variance grows with r."""
    edge = c / (2 * half_b) if half_b else math.inf
    if not math.isfinite(edge):
        return None
    return Bounds(edge, None) if half_b > 0 else Bounds(None, edge)


def accepted_by_any(
    numerator: float, denominator: float, variances: Sequence[Quadratic], critical: float
) -> Bounds | Outside | None:
    """The values accepted under at least one of the variances: the test with the largest of them.

    Every such set contains numerator / denominator, so the union of intervals is an interval.
    """
    sets = [accepted(numerator, denominator, variance, critical) for variance in variances]
    intervals = [item for item in sets if isinstance(item, Bounds)]
    outsides = [item for item in sets if isinstance(item, Outside)]
    if len(intervals) + len(outsides) < len(sets):
        return None
    return _outside_all(intervals, outsides) if outsides else _around_all(intervals)


def _around_all(intervals: Sequence[Bounds]) -> Bounds | None:
    lowers = [item.lower for item in intervals if item.lower is not None]
    uppers = [item.upper for item in intervals if item.upper is not None]
    lower = min(lowers) if len(lowers) == len(intervals) else None
    upper = max(uppers) if len(uppers) == len(intervals) else None
    return None if lower is None and upper is None else Bounds(lower, upper)


def _outside_all(intervals: Sequence[Bounds], outsides: Sequence[Outside]) -> Outside | None:
    """The values left out by every set are one gap, or none."""
    low, high = max(item.low for item in outsides), min(item.high for item in outsides)
    for item in intervals:
        if item.lower is None or item.lower <= low:
            low = math.inf if item.upper is None else max(low, item.upper)
        else:
            high = min(high, item.lower)
    return Outside(low, high) if low < high else None
