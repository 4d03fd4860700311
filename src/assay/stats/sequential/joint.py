"""Two arms at once: evidence that the treatment lies above a line of hypotheses, whatever the control's true value.

If the arms' true values are v_t and v_c, the product of evidence that the treatment is not v_t, leaning upwards, and
evidence that the control is not v_c, leaning downwards, is a martingale that starts at 1: units of the arms may come in
any order, and their numbers may depend on what was seen before. The hypothesis "treatment = control + d" names a line
of pairs (v_t, v_c); the true one is among them, so the least product along the line is at most the product at the true
pair, and reaches 1/α at any look with probability at most α. No nuisance parameter is estimated, no large sample is
assumed.

The logarithm of an arm's evidence falls up to about its estimate and rises from there, convex for all that matters, so
along a line there is one least value. Where the estimates lie beyond the line, it is the least value of the half plane
"treatment ≤ control + d" too. All d whose line is not rejected form a confidence sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_REACH = 12.0
"""How many standard errors beyond the estimates the least value is looked for."""
_POINTS = np.linspace(0.0, 1.0, 21)
_ROUNDS = 24
_WIDER = 8
_FLAT = 1e-4
"""Neighbours this near in height lie on one parabola, whose vertex is then right to some 1e-9."""


@dataclass(frozen=True, slots=True)
class Side:
    """One arm. above, below: log evidence against hypothesised values, leaning up or down.

    spread: about one standard error, above 0. highest: the values it can take lie between 0 and `highest`.
    """

    estimate: float
    spread: float
    above: Callable[[Floats], Floats]
    below: Callable[[Floats], Floats]
    highest: float


def difference_evidence(first: Side, second: Side, difference: float) -> float:
    """Logarithm of the evidence that first - second is above `difference`; 0 where there is none."""
    if first.estimate - difference <= second.estimate:
        return 0.0
    domain = (max(0.0, -difference), min(second.highest, first.highest - difference))
    low = second.estimate - _REACH * second.spread
    high = first.estimate - difference + _REACH * first.spread
    return least(lambda v: first.above(v + difference) + second.below(v), domain, low, high)


def ratio_evidence(first: Side, second: Side, ratio: float) -> float:
    """Logarithm of the evidence that first / second is above `ratio` (above 0); 0 where there is none."""
    if first.estimate <= second.estimate * ratio:
        return 0.0
    domain = (0.0, min(second.highest, first.highest / ratio))
    low = second.estimate - _REACH * second.spread
    high = (first.estimate + _REACH * first.spread) / ratio
    return least(lambda v: first.above(v * ratio) + second.below(v), domain, low, high)


def difference_bound(first: Side, second: Side, needed: float) -> float | None:
    """The least difference first - second against which the evidence stays below `needed`; None without any."""
    farthest = -second.highest * (1 - 1e-12)
    return _least_accepted(
        lambda d: difference_evidence(first, second, d),
        needed,
        start=first.estimate - second.estimate,
        step=2 * math.hypot(first.spread, second.spread),
        farthest=farthest if math.isfinite(farthest) else -1e9 * (first.estimate + second.estimate + first.spread),
    )


def ratio_bound(first: Side, second: Side, needed: float) -> float | None:
    """The least ratio first / second against which the evidence stays below `needed`; None when that is 0.

    Where the second arm's estimate is 0 the ratio has no estimate, but it may have a bound.
    """
    if first.estimate <= 0:
        return None
    # without an estimate in the second arm, where its mixture is 1 and tells nothing
    below = second.estimate if second.estimate > 0 else 1e-9 * second.spread
    bound = _least_accepted(
        lambda r: ratio_evidence(first, second, math.exp(r)),
        needed,
        start=math.log(first.estimate) - math.log(below),
        step=2 * math.hypot(first.spread / first.estimate, min(1.0, second.spread / below)),
        farthest=-300.0,
    )
    return None if bound is None else math.exp(bound)


def _least_accepted(
    evidence: Callable[[float], float], needed: float, *, start: float, step: float, farthest: float
) -> float | None:
    """Where the evidence, which grows downwards from `start`, reaches `needed`; None if not before `farthest`."""
    from scipy.optimize import brentq

    high, low = start, max(start - step, farthest)
    while evidence(low) < needed:
        if low <= farthest:
            return None
        step *= 2
        high, low = low, max(start - step, farthest)
    # the root of the evidence is nearly a line, on which the search converges in few steps
    goal = math.sqrt(needed)
    return float(brentq(lambda at: math.sqrt(evidence(at)) - goal, low, high, xtol=1e-13 * step, rtol=1e-12))


def least(f: Callable[[Floats], Floats], domain: tuple[float, float], low: float, high: float) -> float:
    """The least value, at least 0, of a function with one minimum over `domain`, looked for from `low` to `high` on.

    A grid that narrows until the least value and its neighbours are level, then the vertex of a parabola. While the
    least value is at the edge the search widens.
    """
    lowest = max(domain[0] + 1e-14 * (domain[1] - domain[0] if math.isfinite(domain[1]) else high), 1e-300)
    highest = domain[1] * (1 - 1e-15)
    low, high = max(low, lowest), min(high, highest)
    if not low < high:
        return 0.0
    points = values = np.empty(0)
    i = 0
    for round_ in range(_ROUNDS):
        points = low + (high - low) * _POINTS
        values = np.asarray(f(points))
        i = int(np.argmin(values))
        if not values[i] > 0:
            return 0.0
        width = high - low
        if round_ < _WIDER and i == 0 and low > lowest:
            low, high = max(lowest, low - 4 * width), float(points[1])
        elif round_ < _WIDER and i == points.size - 1 and high < highest:
            low, high = float(points[-2]), min(highest, high + 4 * width)
        else:
            low, high = float(points[max(i - 1, 0)]), float(points[min(i + 1, points.size - 1)])
            beside = max(float(values[max(i - 1, 0)]), float(values[min(i + 1, points.size - 1)]))
            if beside - values[i] < _FLAT:
                break
    best = float(values[i])
    if 0 < i < points.size - 1:
        best = min(best, float(f(np.array([_vertex(points[i - 1 : i + 2], values[i - 1 : i + 2])]))[0]))
    return max(0.0, best)


def _vertex(points: Floats, values: Floats) -> float:
    left, right = values[0] - values[1], values[2] - values[1]
    width = points[2] - points[1]
    bend = left + right
    return float(points[1] + width * (left - right) / (2 * bend)) if bend > 0 else float(points[1])
