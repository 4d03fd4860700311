"""What is added up per unit: metrics taken apart into sums, counts and extremes over a span of time.

Everything here can be brought up to date by adding what new events bring, as long as a unit's first exposure stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from assay.model.metric import Aggregation, Measure, Metric, MetricKind
from assay.model.moments import DENOMINATOR, VALUE, covariate_columns
from assay.queries.moments.dialects import Dialect

_HOUR_MICROSECONDS = 3_600_000_000
Amount = tuple[str | None, str | None]
"""An event type (None: any) and a field (None: the event itself counts 1)."""


class Part(StrEnum):
    """How amounts become one number; also how two such numbers become one."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"


class Span(StrEnum):
    """Which events of a unit: after its first exposure, or before."""

    AFTER = "after"
    BEFORE = "before"


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """One number per unit. length: of the span in microseconds, from the first exposure on or back; None: no bound."""

    event: str
    field: str
    part: Part
    span: Span
    length: int | None

    @property
    def amount(self) -> Amount:
        """What it adds up."""
        return self.event or None, self.field or None

    @property
    def key(self) -> str:
        """A name that is the same in every run of the program."""
        return json.dumps([self.event, self.field, self.part, self.span, self.length])


@dataclass(frozen=True, slots=True)
class TooEarly:
    """How many events came before the first exposure, and were not even a covariate's, by amount and covered time."""

    covered: frozenset[tuple[Amount, int]]

    part: Part = Part.COUNT

    @property
    def key(self) -> str:
        """A name that is the same in every run of the program."""
        return json.dumps(sorted(([list(amount), length] for amount, length in self.covered), key=repr))


Column = Feature | TooEarly


def hours(length: float | None) -> int | None:
    """Microseconds of a number of hours."""
    return None if length is None else round(length * _HOUR_MICROSECONDS)


def _parts(measure: Measure) -> tuple[Part, ...]:
    if measure.field is None or measure.aggregation is Aggregation.COUNT:
        return (Part.COUNT,)
    if measure.aggregation is Aggregation.MEAN:
        return (Part.SUM, Part.COUNT)
    return (Part(measure.aggregation.value),)


def features_of(measure: Measure, span: Span, length: int | None) -> tuple[Feature, ...]:
    """What must be known of a unit for one measure; a mean is a sum and a count."""
    return tuple(Feature(measure.event or "", measure.field or "", part, span, length) for part in _parts(measure))


@dataclass(frozen=True, slots=True)
class Shape:
    """A metric without its name and role: what makes its numbers."""

    kind: MetricKind
    columns: tuple[tuple[str, tuple[Feature, ...]], ...]
    cap: float | None

    @classmethod
    @lru_cache(maxsize=10_000)
    def of(cls, metric: Metric) -> Shape:
        """The shape of a metric."""
        measures = [(VALUE, metric.measure())]
        if metric.denominator is not None:
            measures.append((DENOMINATOR, metric.denominator))
        after = hours(metric.window_hours)
        columns = [(name, features_of(measure, Span.AFTER, after)) for name, measure in measures]
        if metric.covariate_hours is not None:
            before = hours(metric.covariate_hours)
            names = covariate_columns(len(measures))
            columns += [
                (name, features_of(measure, Span.BEFORE, before))
                for name, (_, measure) in zip(names, measures, strict=True)
            ]
        return cls(metric.kind, tuple(columns), 1.0 if metric.kind is MetricKind.CONVERSION else metric.cap)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of its moments."""
        return tuple(name for name, _ in self.columns)

    @property
    def needs_value(self) -> bool:
        """Units without a value are left out instead of counting as 0."""
        return self.kind in (MetricKind.MEAN, MetricKind.QUANTILE)

    def features(self) -> Iterator[Feature]:
        """Everything it is made of."""
        for _, features in self.columns:
            yield from features

    def capped(self, name: str) -> bool:
        """Whether the cap is for this column: not for a ratio's denominator, nor for what stood there before."""
        return self.cap is not None and name in (VALUE, covariate_columns(1)[0])


def too_early(metrics: Iterable[Metric]) -> TooEarly:
    """The events that a set of metrics could have used, had they not come before the first exposure."""
    return TooEarly(
        frozenset(
            ((metric.measure().event, metric.measure().field), hours(metric.covariate_hours) or 0) for metric in metrics
        )
    )


def amount_sql(amount: Amount, field: str, dialect: Dialect) -> str:
    """The amount of an event under the alias v, NULL if it is of another kind. field: the SQL of its field."""
    event, name = amount
    value = field if name is not None else dialect.number(1)
    return value if event is None else f"CASE WHEN v.type = {dialect.text(event)} THEN {value} END"


def column_sql(column: Column, places: dict[Amount, str], dialect: Dialect) -> str:
    """The aggregate of a column over ticks t of a unit x. places: the tick's column of each amount."""
    if isinstance(column, TooEarly):
        covered = sorted(column.covered, key=repr)
        conditions = [
            f"(t.{places[amount]} IS NOT NULL AND t.at_us < x.met_at - {length})" for amount, length in covered
        ]
        return f"SUM(CASE WHEN {' OR '.join(conditions)} THEN {dialect.number(1)} END)"
    amount = f"t.{places[column.amount]}"
    if column.part is Part.COUNT and column.field:
        amount = f"CASE WHEN {amount} IS NOT NULL THEN {dialect.number(1)} END"
    function = "SUM" if column.part is Part.COUNT else column.part.value.upper()
    return f"{function}(CASE WHEN {_within(column)} THEN {amount} END)"


def _within(column: Feature) -> str:
    if column.span is Span.BEFORE:
        return f"t.at_us < x.met_at AND t.at_us >= x.met_at - {column.length}"
    after = "t.at_us >= x.met_at"
    return after if column.length is None else f"{after} AND t.at_us < x.met_at + {column.length}"
