"""What is asked of a table that Assay did not collect, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from assay.model.metric import Metric
from assay.model.moments import Moments
from assay.model.valuecounts import ValueCounts

EVERYBODY = "everybody"
"""The one variant of a table that has none, as of what was before any experiment."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of SQL (DuckDB's) that people add to an analysis.

    A filter is a condition over columns of the table: rows for which it is true are kept. A transformation is an
    expression over `value`, a unit's number. An aggregation is an aggregate over `value`, the numbers of a unit's rows.
    """

    name: str
    sql: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMetric:
    """A metric over columns of a table.

    metric.field names the column (a ratio's numerator), metric.denominator.field a ratio's denominator.
    covariates: columns known before the start, for CUPED. transform, aggregate: see Snippet.
    """

    metric: Metric
    covariates: tuple[str, ...] = ()
    transform: Snippet | None = None
    aggregate: Snippet | None = None

    @property
    def column(self) -> str:
        """The column the metric reads."""
        return self.metric.field or ""

    @property
    def denominator(self) -> str | None:
        """The column a ratio divides by."""
        return self.metric.denominator.field if self.metric.denominator else None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the metric reads."""
        below = () if self.denominator is None else (self.denominator,)
        return (self.column, *below, *self.covariates)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is added to the metric's own rules."""
        return self.transform is None and self.aggregate is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRequest:
    """Which column is the unit, which the variant, and the metrics.

    unit: None where every row is a unit. variant: None where all rows belong to one, called EVERYBODY. stratum: a
    column known before the start, for post-stratification.
    value_counts: keys of metrics whose exact value counts are wanted as well. filters: rows to keep.
    """

    unit: str | None
    variant: str | None
    metrics: tuple[TableMetric, ...]
    stratum: str | None = None
    value_counts: tuple[str, ...] = ()
    filters: tuple[Snippet, ...] = ()


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
    strata: per metric key, stratum (its text, "" for none) and variant, where a stratum was asked. value_counts: per
    metric key and variant, where asked.
    """

    rows: int
    rows_without: int
    units: Mapping[str, int]
    units_in_two_variants: int
    metrics: Mapping[str, Mapping[str, Moments]]
    gaps: Mapping[str, Gaps]
    failures: Mapping[str, str]
    strata: Mapping[str, Mapping[str, Mapping[str, Moments]]] = field(default_factory=dict)
    value_counts: Mapping[str, Mapping[str, ValueCounts]] = field(default_factory=dict)


class ColumnKind(StrEnum):
    """What a column holds: text, numbers, true or false, points in time, or lists of one of the first three."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    MOMENT = "moment"
    TEXTS = "texts"
    NUMBERS = "numbers"
    BOOLEANS = "booleans"

    @property
    def of_list(self) -> ColumnKind | None:
        """What a list holds; None for all else."""
        return ColumnKind(self.value.removesuffix("s")) if self.value.endswith("s") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchQuestion:
    """Who of a table is assigned to what, and when. unit: the column with the unit, read as text. keep: columns handed
    on beside variant and reason. kinds: what columns hold, where it is not what their type says."""

    experiment: str
    unit: str
    now: datetime
    keep: tuple[str, ...] = ()
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assigned:
    """What became of a table of units. counts: rows per variant (None for none) and reason, most first."""

    counts: tuple[tuple[str | None, str, int], ...]

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(count for *_, count in self.counts)
