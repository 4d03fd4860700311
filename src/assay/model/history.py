"""Rows of a history collected elsewhere, and how they are read as exposures and events."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from assay.errors import InvalidInput, NotFound
from assay.model.metric import MetricKind

METRIC_KINDS = (MetricKind.CONVERSION, MetricKind.COUNT, MetricKind.SUM, MetricKind.MEAN)
"""The kinds that a column can say what to do with; others are defined in a draft."""

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "unit": ("user_id", "userid", "unit", "unit_id", "visitor_id", "customer_id", "client_id", "device_id", "user"),
    "time": ("timestamp", "time", "occurred_at", "event_time", "exposed_at", "created_at", "ts", "datetime", "date"),
    "type": ("event_type", "event_name", "event", "type"),
    "variant": ("variant_id", "variant", "variation", "variation_id", "arm", "group", "treatment_group"),
    "id": ("event_id", "insert_id", "message_id"),
    "experiment": ("experiment_id", "experiment", "experiment_key"),
}
"""What columns are usually called, the likeliest first; case does not matter."""


@dataclass(frozen=True, slots=True)
class MetricColumn:
    """A number of a row. kind: what it is measured by; a conversion's rows with 0 or false make no event."""

    name: str
    column: str
    kind: MetricKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMapping:
    """Which column is what. at: the time of every row, where no column has it. event: the type of every row.

    experiment: a key that holds for every row; experiment_column: or the column that has it. exposures: whether a row
    with a variant says that the unit met it.
    """

    unit: str | None = None
    time: str | None = None
    at: datetime | None = None
    type: str | None = None
    event: str | None = None
    variant: str | None = None
    experiment: str | None = None
    experiment_column: str | None = None
    metrics: tuple[MetricColumn, ...] = ()
    properties: tuple[str, ...] = ()
    id: str | None = None
    exposures: bool = True

    @property
    def wide(self) -> bool:
        """One row holds all of a unit: each metric column is an event of its own, with the number as its `value`."""
        return bool(self.metrics) and self.type is None and self.event is None

    def columns(self) -> dict[str, str]:
        """Column by option, of those that are mapped."""
        single = {
            "unit": self.unit,
            "time": self.time,
            "type": self.type,
            "variant": self.variant,
            "experiment": self.experiment_column,
            "id": self.id,
        }
        return {option: column for option, column in single.items() if column is not None}

    def completed(self, columns: Sequence[str]) -> HistoryMapping:
        """With what was left out guessed from usual names; raises NotFound for columns that the source has not, and
        InvalidInput for what cannot be guessed."""
        for name in (*self.columns().values(), *(m.column for m in self.metrics), *self.properties):
            if name not in columns:
                raise NotFound("column", name, known=columns)
        full = replace(self, unit=self.unit or _usual("unit", columns), id=self.id or _usual("id", columns))
        if full.time is None and full.at is None:
            full = replace(full, time=_usual("time", columns))
        if full.type is None and full.event is None and not full.metrics:
            full = replace(full, type=_usual("type", columns))
        if full.experiment is None and full.experiment_column is None:
            full = replace(full, experiment_column=_usual("experiment", columns))
        if full.variant is None and full.exposures and (full.experiment or full.experiment_column):
            full = replace(full, variant=_usual("variant", columns))
        full._check(columns)
        return full

    def _check(self, columns: Sequence[str]) -> None:
        known = f"one of the columns {', '.join(columns)}"
        if self.unit is None:
            raise InvalidInput("--unit", None, known)
        if self.time is None and self.at is None:
            raise InvalidInput("--time", None, f"{known}, or --at with the time of every row")
        if self.variant is not None and not (self.experiment or self.experiment_column):
            raise InvalidInput("--experiment", None, f"the experiment of the variants: its key, or {known}")
        has_events = self.type is not None or self.event is not None or self.metrics
        if not has_events and (self.variant is None or not self.exposures):
            raise InvalidInput("--type", None, f"{known}; or --event NAME, --metric NAME, or --variant COLUMN")
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise InvalidInput("--metric", ", ".join(names), "names that differ from each other")


def _usual(option: str, columns: Collection[str]) -> str | None:
    by_lower = {column.lower(): column for column in reversed(list(columns))}
    return next((by_lower[name] for name in USUAL_NAMES[option] if name in by_lower), None)


class RowProblem(StrEnum):
    """What is wrong with a row."""

    ROW = "row"
    UNIT = "unit"
    ID = "id"
    TIME = "time"
    FUTURE = "future"
    BEFORE_START = "before_start"
    EXPERIMENT = "experiment"
    UNKNOWN_EXPERIMENT = "unknown_experiment"
    VARIANT = "variant"
    UNKNOWN_VARIANT = "unknown_variant"
    TYPE = "type"
    METRIC = "metric"
    SIZE = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that was not taken. number: from 1, without the header. row: what it holds, as far as it could be read."""

    number: int
    field: str
    given: str
    accepted: str
    row: Any = None


@dataclass(frozen=True, slots=True)
class KnownExperiment:
    """An experiment that rows may name. started: microseconds since 1970, None for any time."""

    key: str
    kept_under: str
    variants: tuple[str, ...]
    started: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRules:
    """What rows must keep. latest: the last accepted time, in microseconds since 1970. grace: so much may a row be
    older than its experiment. known: the experiments that rows may name, None where somebody else checks that.
    as_events: make events of the HTTP API instead of lines of the inbox.
    """

    latest: int
    grace: int = 0
    known: Sequence[KnownExperiment] | None = None
    as_events: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a whole source holds. unreadable: lines that are no rows at all. first, last: microseconds since 1970.

    variants: of each experiment that rows name, in alphabetical order.
    """

    rows: int
    unreadable: tuple[RefusedRow, ...] = ()
    first: int | None = None
    last: int | None = None
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBatch:
    """Some rows in the order of their source, up to and including row `through`.

    texts: of each good row the lines or events it makes, one per line of text; numbers: the numbers of those rows.
    """

    through: int
    numbers: Sequence[int]
    texts: Sequence[str]
    exposures: int
    events: int
    refused: Sequence[RefusedRow] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far an import came: all rows up to `through` are stored."""

    through: int = 0
    exposures: int = 0
    events: int = 0
    refused: int = 0
