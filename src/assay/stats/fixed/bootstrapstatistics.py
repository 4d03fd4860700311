"""Statistics of weighted units, for the bootstrap: many weightings at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.errors import InvalidInput
from assay.stats.checks import is_number
from assay.stats.fixed.clustered import check_q
from assay.stats.inputs import Floats

Weighted = Callable[[Floats, Floats], Floats]
"""(units × columns, weightings × units) → one number per weighting. Units come in ascending order of column 1."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A number that one arm's units have under any weights.

    columns: how many sums each unit has. of: the statistic under each weighting, NaN where it has none. error: its
    standard error under each weighting, needed for studentised intervals. of_sums: the same as `of` from sums
    alone (weightings × (total weight, column sums …)), needed for merging partial results.
    """

    name: str
    columns: int
    of: Weighted
    error: Weighted | None = None
    of_sums: Callable[[Floats], Floats] | None = None


def quantile_statistic(q: float) -> Statistic:
    """The q-th quantile (definition 2 of Hyndman & Fan: midway between two values where the weights split evenly)."""
    check_q(q)

    def of(columns: Floats, weights: Floats) -> Floats:
        values, cumulative = columns[:, 0], np.cumsum(weights, axis=1)
        wanted = cumulative[:, -1:] * q
        low = (cumulative < wanted - 1e-9).sum(axis=1)
        high = (cumulative <= wanted + 1e-9).sum(axis=1)
        last = values.size - 1
        found = (values[np.minimum(low, last)] + values[np.minimum(high, last)]) / 2
        return np.where(cumulative[:, -1] > 0, found, np.nan)

    return Statistic(f"quantile {q:g}", 1, of)


def trimmed_mean_statistic(share: float) -> Statistic:
    """The mean without the lowest and the highest `share` of the weight; units at the edges enter in part.

    share: 0 to below 0.5. Source: Tukey & McLaughlin 1963.
    """
    if not (is_number(share) and 0 <= share < 0.5):
        raise InvalidInput("share", share, "a number from 0 to below 0.5")

    def of(columns: Floats, weights: Floats) -> Floats:
        upto = np.cumsum(weights, axis=1)
        total = upto[:, -1:]
        low, high = total * share, total * (1 - share)
        kept = np.clip(upto, low, high) - np.clip(upto - weights, low, high)
        return np.asarray((kept @ columns[:, 0]) / kept.sum(axis=1))

    return Statistic(f"mean trimmed by {share:g}", 1, of)


def _mean(columns: Floats, weights: Floats) -> Floats:
    return np.asarray((weights @ columns[:, 0]) / weights.sum(axis=1))


def _mean_error(columns: Floats, weights: Floats) -> Floats:
    total, centred = weights.sum(axis=1), columns[:, 0] - columns[:, 0].mean()
    first = weights @ centred
    return np.asarray(np.sqrt(np.maximum(0.0, weights @ (centred * centred) - first * first / total)) / total)


def _ratio(columns: Floats, weights: Floats) -> Floats:
    return np.asarray((weights @ columns[:, 0]) / (weights @ columns[:, 1]))


def _ratio_error(columns: Floats, weights: Floats) -> Floats:
    """Delta method: residuals y - R d, written from those of one fixed ratio so that nothing cancels."""
    y, d = columns[:, 0], columns[:, 1]
    fixed = float(y.sum() / d.sum())
    rest, below = y - fixed * d, weights @ d
    moved = (weights @ rest) / below
    squares = weights @ (rest * rest) - 2 * moved * (weights @ (rest * d)) + moved * moved * (weights @ (d * d))
    return np.asarray(np.sqrt(np.maximum(0.0, squares)) / np.abs(below))


MEAN = Statistic("mean", 1, _mean, _mean_error, lambda sums: np.asarray(sums[:, 1] / sums[:, 0]))
"""The mean per unit."""
RATIO = Statistic("ratio", 2, _ratio, _ratio_error, lambda sums: np.asarray(sums[:, 1] / sums[:, 2]))
"""A ratio of means: the first column over the second."""
