"""What rank tests count: wins of the treatment over the control, ties, and how wins vary by chance."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from assay.stats.distributions import floored, normal_quantile
from assay.stats.fixed.counted import Counted, together
from assay.stats.fixed.judge import tail
from assay.stats.inputs import Floats
from assay.stats.outcome import Alternative

EXACT_BELOW = 50
"""Arms smaller than this are judged by the exact distribution of wins when no values are tied."""


class Wins(NamedTuple):
    """Pairs of a treatment unit and a control unit that the treatment wins, ties counted half (Mann-Whitney's U).

    spread: standard deviation of the wins when both arms have one distribution, given the ties. tie_share: its
    square beside that without ties. tied: whether any value occurs twice. placement_variance: of wins / pairs, from
    how the units of each arm lie among those of the other (0 below two units); arms: its two parts.
    """

    m: int
    n: int
    wins: float
    spread: float
    tie_share: float
    tied: bool
    arms: tuple[float, float]

    @property
    def pairs(self) -> float:
        return float(self.m) * self.n

    @property
    def share(self) -> float:
        """The estimated probability that a treatment unit is above a control unit, ties counted half."""
        return self.wins / self.pairs

    @property
    def placement_variance(self) -> float:
        return sum(self.arms)


def count_wins(treatment: Counted, control: Counted) -> Wins:
    """Wins in one pass over the distinct values of both arms, none of which may be empty."""
    _, t, c = together(treatment, control)
    m, n = treatment.n, control.n
    above_c, above_t = np.cumsum(c) - c / 2, np.cumsum(t) - t / 2
    wins = float(t @ above_c)
    both = t + c
    share = wins / (float(m) * n)
    arms = (
        _placements(t, above_c / n, share, m) if m > 1 else 0.0,
        _placements(c, above_t / m, 1 - share, n) if n > 1 else 0.0,
    )
    spread, left = _spread(m, n, both)
    return Wins(m, n, wins, spread, left, bool(both.max() > 1), arms)


def wins_apart(treatment: Counted, control: Counted) -> Wins:
    """The wins of a shift at which no value of one arm meets one of the other: only ties within the arms are left."""
    m, n = treatment.n, control.n
    own = np.concatenate([treatment.counts, control.counts])
    spread, left = _spread(m, n, own)
    return Wins(m, n, float(m) * n / 2, spread, left, bool(own.max() > 1), (0.0, 0.0))


def _spread(m: int, n: int, ties: Floats) -> tuple[float, float]:
    """Standard deviation of the wins under one distribution, and the share of variance that ties leave."""
    if ties.size == 1:
        return 0.0, 0.0
    total = float(m) + n
    left = 1 - float((ties * (ties - 1) * (ties + 1)).sum()) / (total * (total - 1) * (total + 1))
    return math.sqrt(float(m) * n * (total + 1) / 12 * left), left


def _placements(counts: Floats, places: Floats, middle: float, units: int) -> float:
    return float(counts @ (places - middle) ** 2) / (units - 1) / units


class Judged(NamedTuple):
    """p-value, its logarithm, and the largest distance of wins from half the pairs that is not rejected."""

    p_value: float
    log_p: float
    radius: float


def judge_wins(wins: Wins, alpha: float, alternative: Alternative, exact: bool, continuity: bool) -> Judged:
    """Wins against the distribution they have when both arms are alike; `wins.spread` must be above 0.

    Normal with continuity correction: |U - mn / 2| is taken as half a win less. Exact: from the counts of
    arrangements. radius: p ≤ alpha exactly when the wins are at least that far away (on the side looked for).
    """
    distance = wins.wins - wins.pairs / 2
    tail_alpha = alpha if alternative is not Alternative.TWO_SIDED else alpha / 2
    if exact:
        logs = log_upper_tails(min(wins.m, wins.n), max(wins.m, wins.n))
        signed = distance if alternative is Alternative.GREATER else -distance
        signed = abs(distance) if alternative is Alternative.TWO_SIDED else signed
        sides = math.log(2) if alternative is Alternative.TWO_SIDED else 0.0
        log_p = min(0.0, sides + logs[round(wins.pairs / 2 + signed)])
        # the first count of wins that is rejected; the radius lies half a win below it
        first = bisect_left(logs, -math.log(tail_alpha), key=lambda value: -value)
        return Judged(floored(math.exp(log_p)), log_p, first - 0.5 - wins.pairs / 2)
    half = 0.5 if continuity else 0.0
    if alternative is Alternative.TWO_SIDED:
        shifted = math.copysign(max(0.0, abs(distance) - half), distance)
    else:
        shifted = distance - half if alternative is Alternative.GREATER else distance + half
    p, log_p = tail(shifted / wins.spread, math.inf, alternative)
    return Judged(p, log_p, normal_quantile(tail_alpha) * wins.spread + half)


@lru_cache(maxsize=64)
def log_upper_tails(m: int, n: int) -> tuple[float, ...]:
    """log P(U ≥ u) for u = 0 … mn when both arms are alike and nothing is tied; whole numbers until the last step.

    The arrangements with u wins are the coefficients of Gauss's binomial Π (1 - x^(n+i)) / (1 - x^i), i = 1 … m
    (Mann & Whitney 1947).
    """
    size = m * n + 1
    ways = [1] + [0] * (size - 1)
    for i in range(1, m + 1):
        for u in range(size - 1, n + i - 1, -1):
            ways[u] -= ways[u - n - i]
        for u in range(i, size):
            ways[u] += ways[u - i]
    # by symmetry P(U ≥ u) is the share of arrangements with at most mn - u wins
    log_all = math.log(math.comb(m + n, m))
    at_most = [math.log(total) - log_all for total in accumulate(ways)]
    return tuple(reversed(at_most))
