"""Moments: all that crosses from data to statistics. Second moments are centred, so large means lose nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.errors import InvalidInput

VALUE = "value"
DENOMINATOR = "denominator"
COVARIATE = "covariate"
"""The first covariate; further ones are covariate_2, covariate_3, …"""


def covariate_columns(n: int) -> tuple[str, ...]:
    """The names of n covariates."""
    return tuple(COVARIATE if i == 0 else f"{COVARIATE}_{i + 1}" for i in range(n))


@dataclass(frozen=True, slots=True)
class Moments:
    """Counts, means and centred cross-moments of some columns over n units.

    columns: names, the metric's value first. means: one per column (0 when n is 0).
    comoments: sums of (a - mean a)(b - mean b) for the upper triangle, row by row: for columns (y, d): yy, yd, dd.
    maximum: the largest value of the first column, if known.
    """

    n: int
    columns: tuple[str, ...]
    means: tuple[float, ...]
    comoments: tuple[float, ...]
    maximum: float | None = None

    def __post_init__(self) -> None:
        k = len(self.columns)
        if len(self.means) != k or len(self.comoments) != k * (k + 1) // 2:
            raise ValueError(f"{k} columns need {k} means and {k * (k + 1) // 2} comoments")

    @classmethod
    def of(cls, columns: Sequence[str], rows: Sequence[Sequence[float]]) -> Moments:
        """Moments of rows of numbers, one row a unit, one number a column (two passes, exact sums)."""
        n, k = len(rows), len(columns)
        means = [math.fsum(row[i] for row in rows) / n if n else 0.0 for i in range(k)]
        comoments = [
            math.fsum((row[i] - means[i]) * (row[j] - means[j]) for row in rows) for i in range(k) for j in range(i, k)
        ]
        maximum = max((row[0] for row in rows), default=None)
        return cls(n, tuple(columns), tuple(means), tuple(comoments), maximum)

    @classmethod
    def zeros(cls, n: int, columns: Sequence[str]) -> Moments:
        """n units that are 0 in every column."""
        k = len(columns)
        return cls(n, tuple(columns), (0.0,) * k, (0.0,) * (k * (k + 1) // 2), 0.0 if n else None)

    @classmethod
    def of_counts(cls, successes: int, n: int) -> Moments:
        """n units of which `successes` are 1 and the others 0."""
        mean = successes / n if n else 0.0
        return cls(n, (VALUE,), (mean,), (successes * (1 - mean),), (1.0 if successes else 0.0) if n else None)

    def mean(self, column: str = VALUE) -> float:
        """Mean of a column."""
        try:
            return self.means[self.columns.index(column)]
        except ValueError:
            raise self._without(column) from None

    def comoment(self, a: str = VALUE, b: str | None = None) -> float:
        """Sum of (a - mean a)(b - mean b); of squares when b is left out."""
        try:
            i, j = sorted((self.columns.index(a), self.columns.index(a if b is None else b)))
        except ValueError:
            raise self._without(a if b is None or a not in self.columns else b) from None
        k = len(self.columns)
        return self.comoments[i * k - i * (i - 1) // 2 + (j - i)]

    def _without(self, column: str) -> InvalidInput:
        return InvalidInput("columns", list(self.columns), f"moments with the column {column}")

    def covariance(self, a: str = VALUE, b: str | None = None) -> float | None:
        """Unbiased covariance (variance when b is left out); None below two units."""
        return self.comoment(a, b) / (self.n - 1) if self.n > 1 else None

    def only(self, columns: Sequence[str]) -> Moments:
        """The same moments of some of the columns, in the order given."""
        pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i:]]
        means, comoments = tuple(map(self.mean, columns)), tuple(self.comoment(a, b) for a, b in pairs)
        return Moments(
            self.n, tuple(columns), means, comoments, self.maximum if tuple(columns[:1]) == self.columns[:1] else None
        )

    def merge(self, other: Moments) -> Moments:
        """Moments of both groups of units together (Chan, Golub & LeVeque 1983)."""
        if self.columns != other.columns:
            raise ValueError(f"columns differ: {self.columns} and {other.columns}")
        n = self.n + other.n
        if not self.n or not other.n:
            return self if self.n else other
        deltas = [b - a for a, b in zip(self.means, other.means, strict=True)]
        means = tuple(a + d * (other.n / n) for a, d in zip(self.means, deltas, strict=True))
        scale = self.n * (other.n / n)
        k = len(deltas)
        shifts = [deltas[i] * deltas[j] * scale for i in range(k) for j in range(i, k)]
        pairs = zip(self.comoments, other.comoments, shifts, strict=True)
        known = [value for value in (self.maximum, other.maximum) if value is not None]
        return Moments(n, self.columns, means, tuple(a + b + s for a, b, s in pairs), max(known, default=None))
