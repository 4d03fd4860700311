"""Several observations per unit: what a quantile of all observations needs to know of the units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import Moments
from assay.model.result import NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, residual_squares
from assay.stats.checks import is_number
from assay.stats.fixed.counted import counted
from assay.stats.inputs import array_moments, units_of

AT_MOST, BELOW, OBSERVATIONS = "at_most", "below", "observations"
COLUMNS = (AT_MOST, BELOW, OBSERVATIONS)

_LEAST_Q = 1e-9


def check_q(q: float) -> float:
    """A quantile above 0 and below 1."""
    if not (is_number(q) and _LEAST_Q <= q <= 1 - _LEAST_Q):
        raise InvalidInput("q", q, "a number above 0 and below 1, as 0.5 for the median; at least 1e-9 from either")
    return q


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteredQuantile:
    """One arm with several observations per unit, such as the loading times of all pages that a unit saw.

    q: the quantile, above 0 and below 1. observations: the counts of all observations' values. at: the value at which
    the units were counted, the sample's q-th quantile (definition 1). per_unit: moments over units of three counts,
    at_most (observations ≤ at), below (< at) and observations. Takes two passes over the data: one for the quantile,
    one for the moments; within each pass partial results merge by `ValueCounts.merge` and `Moments.merge`.
    """

    q: float
    observations: ValueCounts
    at: float
    per_unit: Moments

    def __post_init__(self) -> None:
        check_q(self.q)
        if self.per_unit.columns != COLUMNS:
            raise InvalidInput("per_unit", ", ".join(self.per_unit.columns), f"moments of {', '.join(COLUMNS)}")

    @classmethod
    def of(cls, units: ArrayLike, values: ArrayLike, q: float) -> ClusteredQuantile:
        """From one row per observation: the unit it belongs to (any labels) and its value."""
        check_q(q)
        numbers, labels = units_of(values, "values"), np.asarray(units)
        if labels.shape != numbers.shape:
            raise InvalidInput("units", f"{labels.size} labels", f"one for each of {numbers.size} values")
        distinct, counts = np.unique(numbers, return_counts=True)
        seen = ValueCounts(distinct, counts)  # type: ignore[arg-type]
        if not numbers.size:
            return cls(q=q, observations=seen, at=0.0, per_unit=Moments.zeros(0, COLUMNS))
        rank = max(1, int(np.ceil(numbers.size * q - 1e-9)))
        at = float(distinct[np.searchsorted(np.cumsum(counts), rank)])
        _, unit = np.unique(labels, return_inverse=True)
        per_unit = tuple(
            np.bincount(unit, weights=marked.astype(np.float64)).astype(np.float64)
            for marked in (numbers <= at, numbers < at, np.ones(numbers.size))
        )
        return cls(q=q, observations=seen, at=at, per_unit=array_moments(COLUMNS, per_unit))

    @property
    def design_effect(self) -> float | NoEstimate:
        """Variance of the share of observations up to `at`, beside that of as many independent ones; at least 1.

        The share F is a ratio of means over K units, ȳ / n̄, with variance (s_yy - 2 F s_yn + F² s_nn) / (K n̄²)
        (delta method); independent observations have F (1 - F) / N. Of the shares ≤ at and < at, which differ when
        values are tied, the larger effect counts.
        """
        units = self.per_unit
        if units.n < 2:
            return ONE_UNIT if units.n else EMPTY_ARM
        total, nn = units.mean(OBSERVATIONS) * units.n, units.comoment(OBSERVATIONS)
        if total <= 0:
            return EMPTY_ARM
        effects = [1.0]
        for column in (AT_MOST, BELOW):
            share = units.mean(column) / units.mean(OBSERVATIONS)
            if not 1e-12 < share < 1 - 1e-12:
                continue
            squares = residual_squares(units.comoment(column), units.comoment(column, OBSERVATIONS), nn, share)
            variance = squares / (units.n - 1) / units.n / units.mean(OBSERVATIONS) ** 2
            effects.append(variance / (share * (1 - share) / total))
        return max(effects)

    @property
    def n(self) -> int:
        """Observations in all."""
        return counted(self.observations, "observations").n
