"""Exact value counts: how many units have each value. What rank tests and quantiles need instead of moments."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Distinct values, ascending, each with its number of units (at least 1). Arrays or tuples of one length."""

    values: Sequence[float]
    counts: Sequence[int]

    def __post_init__(self) -> None:
        if len(self.values) != len(self.counts):
            raise ValueError(f"{len(self.values)} values and {len(self.counts)} counts")

    @classmethod
    def of(cls, values: Iterable[float]) -> ValueCounts:
        """The counts of one value per unit. Raises ValueError for values that are not finite."""
        counted = Counter(float(value) for value in values)
        if not all(map(math.isfinite, counted)):
            raise ValueError("values must be finite numbers")
        ordered = sorted(counted)
        return cls(tuple(ordered), tuple(counted[value] for value in ordered))

    @property
    def n(self) -> int:
        """Units in all."""
        return int(sum(self.counts))

    def merge(self, other: ValueCounts) -> ValueCounts:
        """The counts of both groups of units together."""
        counted: Counter[float] = Counter()
        for item in (self, other):
            for value, count in zip(item.values, item.counts, strict=True):
                counted[float(value)] += int(count)
        ordered = sorted(counted)
        return ValueCounts(tuple(ordered), tuple(counted[value] for value in ordered))
