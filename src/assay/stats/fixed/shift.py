"""By how much the treatment is shifted against the control: Hodges and Lehmann's estimate, in the metric's unit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ZERO_VARIANCE
from assay.stats.fixed.counted import Counted, counted
from assay.stats.fixed.rankcounts import EXACT_BELOW, count_wins, judge_wins, wins_apart
from assay.stats.inputs import Floats, check_alpha, finite
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing

_TWO_SIDED = Alternative.TWO_SIDED
NO_RELATIVE = NoEstimate("no_relative_change", "this test says nothing relative to the control")


def hodges_lehmann(
    treatment: ValueCounts | ArrayLike,
    control: ValueCounts | ArrayLike,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """The shift d if treatment values are control values moved by d: the median of all differences t - c.

    p: Mann-Whitney's test of treatment - null against the control (exact below 50 units per arm without ties, else
    normal with ties and continuity correction). Interval: from one difference to another in order, those ranks that
    the same test does not reject. With ties p and interval may disagree next to alpha: the interval's ranks leave
    out the ties between the arms. Tied units make the estimate jump between a few values: with half of all units at 0
    it is 0 whatever the rest does, so this is for values that are measured, not counted.
    If the arms differ in shape, d is the median difference of a pair and the interval is only roughly right.
    Takes about a hundred passes over the distinct values: two seconds for a hundred thousand of them.
    Source: Hodges & Lehmann 1963; Hollander & Wolfe 1999, "Nonparametric Statistical Methods", section 4.2 and 4.3.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    null = finite(null, "null", "a finite difference")
    t, c = counted(treatment, "treatment"), counted(control, "control")
    if not t.n or not c.n:
        return nothing("hodges_lehmann", EMPTY_ARM, alternative=looked_for, null=null, level=1 - alpha)
    pairs = float(t.n) * c.n
    middle = (_ranked(t, c, math.floor((pairs + 1) / 2)) + _ranked(t, c, math.floor(pairs / 2) + 1)) / 2
    apart = count_wins(t._replace(values=t.values - null), c)
    if t.values.size == c.values.size == 1:
        empty = nothing("hodges_lehmann", ZERO_VARIANCE, alternative=looked_for, null=null, level=1 - alpha)
        return empty._replace(difference=middle, relative=NO_RELATIVE, relative_interval=NO_RELATIVE)
    # ties between the arms belong to one shift only, so the interval's spread is that of the arms' own ties
    beside = wins_apart(t, c)
    exact = max(t.n, c.n) < EXACT_BELOW and not beside.tied
    reach = judge_wins(beside, alpha, looked_for, exact, True).radius
    accepted = math.ceil(pairs / 2 + reach) - 1
    lower = _ranked(t, c, pairs - accepted) if accepted < pairs and looked_for is not Alternative.LESS else None
    upper = _ranked(t, c, accepted + 1) if accepted < pairs and looked_for is not Alternative.GREATER else None
    judged = judge_wins(apart, alpha, looked_for, exact and not apart.tied, True)
    return Outcome(
        "hodges_lehmann",
        middle,
        Interval(lower, upper, 1 - alpha),
        judged.p_value,
        judged.log_p,
        NO_RELATIVE,
        NO_RELATIVE,
        apart.wins,
        None,
        looked_for,
        null,
        1 - alpha,
    )


def _ranked(treatment: Counted, control: Counted, rank: float) -> float:
    """The difference t - c of this rank (1 is the smallest) among all pairs, found by halving."""
    cumulative = np.concatenate([[0.0], np.cumsum(treatment.counts)])

    def at_most(d: float) -> float:
        found = cumulative[np.searchsorted(treatment.values, control.values + d, side="right")]
        return float(control.counts @ found)

    low = float(treatment.values[0] - control.values[-1])
    high = float(treatment.values[-1] - control.values[0])
    low -= max(abs(low), abs(high), 1e-300) * 1e-6
    for _ in range(200):
        middle = low + (high - low) / 2
        if not low < middle < high:
            break
        if at_most(middle) >= rank:
            high = middle
        else:
            low = middle
    return _nearest_difference(treatment.values, control.values, high)


def _nearest_difference(t: Floats, c: Floats, d: float) -> float:
    """The difference of a pair next to d, so that halving leaves no rounding behind."""
    places = np.clip(np.searchsorted(t, c + d), 1, t.size - 1) if t.size > 1 else np.zeros(c.size, dtype=np.int64)
    found = np.concatenate([t[places] - c, t[np.maximum(places - 1, 0)] - c])
    return float(found[np.abs(found - d).argmin()])
