"""One sample's quantile: its value by any of the nine usual definitions, and its interval from ordered values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ONE_UNIT
from assay.stats.checks import is_number
from assay.stats.fixed.clustered import ClusteredQuantile, check_q
from assay.stats.fixed.counted import Counted, counted
from assay.stats.fixed.quantilescore import scored
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, alternative_of

# Hyndman & Fan 1996: the rank is n q + a + q (1 - a - b)
_PLACES = {4: (0.0, 1.0), 5: (0.5, 0.5), 6: (0.0, 0.0), 7: (1.0, 1.0), 8: (1 / 3, 1 / 3), 9: (3 / 8, 3 / 8)}
_TWO_SIDED = Alternative.TWO_SIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileEstimate:
    """A quantile of one sample.

    q: 0 to 1. value: in the metric's unit. interval: from one ordered value to another; a bound of None where the
    sample is too small to have one. coverage: what the interval has at least for continuous values, by the binomial
    distribution; None where it is approximate. n: observations. design_effect: how many times larger the variance is
    than for as many independent observations.
    """

    q: float
    value: float | NoEstimate
    interval: Interval | NoEstimate
    coverage: float | None
    n: int
    design_effect: float | NoEstimate
    warnings: tuple[str, ...] = ()


def sample_quantile(values: ValueCounts | ArrayLike, q: float, *, definition: int = 7) -> float | NoEstimate:
    """The q-th quantile by Hyndman and Fan's definition 1 to 9 (1996); 7 is the default of R, NumPy and spreadsheets.

    1: the smallest value with at least a share q at or below it; 2 averages where 1 jumps; 3 takes the nearest rank.
    4 to 9 go straight from one ordered value to the next. q may be 0 or 1.
    """
    if not (is_number(q) and 0 <= q <= 1):
        raise InvalidInput("q", q, "a number from 0 to 1, as 0.5 for the median")
    if definition not in range(1, 10):
        raise InvalidInput("definition", definition, "a whole number from 1 to 9 (Hyndman & Fan 1996)")
    sample = counted(values, "values")
    return quantile_of(sample, q, definition) if sample.n else EMPTY_ARM


def quantile_of(sample: Counted, q: float, definition: int = 7) -> float:
    """The same of a sample that is not empty."""
    n = sample.n
    fuzz = 4 * np.finfo(float).eps
    if definition in _PLACES:
        a, b = _PLACES[definition]
        rank = a + q * (n + 1 - a - b)
        whole = math.floor(rank + fuzz)
        part = rank - whole
        part = 0.0 if abs(part) < fuzz else part
    else:
        rank = n * q - (0.5 if definition == 3 else 0.0)
        whole = math.floor(rank + fuzz)
        over = rank > whole + fuzz
        part = {1: float(over), 2: 1.0 if over else 0.5, 3: float(over or whole % 2 == 1)}[definition]
    low, high = ordered(sample, whole), ordered(sample, whole + 1)
    return low if part == 0 or low == high else high if part == 1 else low + part * (high - low)


def ordered(sample: Counted, rank: int) -> float:
    """The value of a rank, 1 the smallest; ranks beyond the ends are those of the ends."""
    place = int(np.searchsorted(np.cumsum(sample.counts), min(max(rank, 1), sample.n)))
    return float(sample.values[place])


def quantile_interval(
    values: ValueCounts | ClusteredQuantile | ArrayLike,
    q: float,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
) -> QuantileEstimate:
    """The q-th quantile (definition 7) with an interval that assumes nothing about the values' distribution.

    Independent observations: from the value of rank r to that of rank s, r the largest with P(B < r) ≤ α/2 and s the
    smallest with P(B ≥ s) ≤ α/2, B binomial of n and q. Exact: covers with at least 1 - α, also with ties.
    Clustered ones (several observations per unit): the same of n / design effect observations; approximate.
    alternative greater: a lower bound only, at α; less: an upper one. No bound where n is too small: the median needs 6
    observations for a two-sided interval at 95 %, the 99th percentile 368.
    Sources: Thompson 1936, "On confidence ranges for the median"; Conover 1999, section 3.2; for clusters Woodruff
    1952 and Deng, Knoblich & Lu 2018, section 4.
    """
    looked_for = alternative_of(alternative)
    check_q(q)
    tail = check_alpha(alpha) if looked_for is not _TWO_SIDED else check_alpha(alpha) / 2
    if isinstance(values, ClusteredQuantile):
        return _clustered_interval(values, q, tail, alpha, looked_for)
    sample = counted(values, "values")
    if not sample.n:
        return QuantileEstimate(q=q, value=EMPTY_ARM, interval=EMPTY_ARM, coverage=None, n=0, design_effect=EMPTY_ARM)
    from scipy.stats import binom

    below, above = int(binom.ppf(tail, sample.n, q)), int(binom.isf(tail, sample.n, q)) + 1
    outside_low, outside_high = float(binom.cdf(below - 1, sample.n, q)), float(binom.sf(above - 1, sample.n, q))
    wants_low, wants_high = looked_for is not Alternative.LESS, looked_for is not Alternative.GREATER
    lower = ordered(sample, below) if wants_low and below >= 1 else None
    upper = ordered(sample, above) if wants_high and above <= sample.n else None
    missed = (outside_low if wants_low else 0.0) + (outside_high if wants_high else 0.0)
    return QuantileEstimate(
        q=q,
        value=quantile_of(sample, q),
        interval=Interval(lower, upper, 1 - alpha),
        coverage=1 - missed,
        n=sample.n,
        design_effect=1.0,
    )


def _clustered_interval(
    values: ClusteredQuantile, q: float, tail: float, alpha: float, looked_for: Alternative
) -> QuantileEstimate:
    from assay.stats.distributions import normal_quantile

    if q != values.q:
        raise InvalidInput("q", q, f"{values.q}, the quantile at which the units were counted")
    sample, effect = counted(values.observations, "values"), values.design_effect
    if isinstance(effect, NoEstimate):
        value: float | NoEstimate = quantile_of(sample, q) if sample.n else EMPTY_ARM
        why = ONE_UNIT if sample.n else EMPTY_ARM
        return QuantileEstimate(q=q, value=value, interval=why, coverage=None, n=sample.n, design_effect=why)
    scores = scored(sample, q, effect, halved=False)
    lower, upper = scores.within(normal_quantile(tail))
    bounds = Interval(
        None if looked_for is Alternative.LESS else lower,
        None if looked_for is Alternative.GREATER else upper,
        1 - alpha,
    )
    return QuantileEstimate(
        q=q,
        value=quantile_of(sample, q),
        interval=bounds,
        coverage=None,
        n=sample.n,
        design_effect=effect,
        warnings=scores.cautions("the sample"),
    )
