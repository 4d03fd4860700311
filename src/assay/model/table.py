"""What is asked of a table that Assay did not collect, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.metric import Metric
from assay.model.moments import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMetric:
    """A metric over columns of a table.

    metric.field names the column (a ratio's numerator), metric.denominator.field a ratio's denominator.
    covariate: a column known before the start, for CUPED.
    """

    metric: Metric
    covariate: str | None = None

    @property
    def column(self) -> str:
        """The column the metric reads."""
        return self.metric.field or ""

    @property
    def denominator(self) -> str | None:
        """The column a ratio divides by."""
        return self.metric.denominator.field if self.metric.denominator else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRequest:
    """Which column is the unit, which the variant, and the metrics."""

    unit: str
    variant: str
    metrics: tuple[TableMetric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """What one metric could not use, over the units that count.

    values: rows with an empty or non-finite value (never for count, where an empty value is an answer).
    units: units with no usable value, left out of the metric. covariates: units in it with no usable covariate.
    """

    values: int = 0
    units: int = 0
    covariates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMoments:
    """Moments of a table, over the units seen in exactly one variant.

    rows: all rows. rows_without: rows with no unit or no variant, left out. units: per variant, by its text.
    metrics: per metric key and variant. failures: metrics that could not be aggregated, with the reason.
    """

    rows: int
    rows_without: int
    units: Mapping[str, int]
    units_in_two_variants: int
    metrics: Mapping[str, Mapping[str, Moments]]
    gaps: Mapping[str, Gaps]
    failures: Mapping[str, str]
