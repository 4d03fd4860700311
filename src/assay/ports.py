"""Every kind of I/O the system can do. Services speak only to these; adapters make them real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from assay.model.event import FirstExposure
from assay.model.experiment import Experiment
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.result import ExperimentResult
from assay.model.shared import Holdout, Layer, Segment
from assay.model.table import Assigned, BatchQuestion, ColumnKind, TableMoments, TableRequest

Item = TypeVar("Item", Layer, Holdout, Segment)
Clock = Callable[[], datetime]
"""The time now, aware, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the audit log: who did what to which experiment when, and the document before and after."""

    experiment: str
    action: str
    actor: str
    at: datetime
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Definitions(Protocol):
    """Experiments and the append-only log of their changes, kept in one transaction."""

    def version(self) -> int:
        """A number that grows with every saved or deleted definition; cheap to ask."""
        ...

    def get(self, key: str) -> Experiment | None: ...

    def all(self) -> list[Experiment]:
        """Every experiment, newest first."""
        ...

    def save(self, experiment: Experiment, *, action: str, actor: str, at: datetime) -> Experiment:
        """Store `experiment` as the revision after its own; returns it with the new revision.

        Raises Conflict when the stored revision is not the one `experiment` was made from (0: not stored yet).
        """
        ...

    def delete(self, key: str, *, actor: str, at: datetime) -> None:
        """Remove a definition; its audit log stays."""
        ...

    def changes(self, key: str) -> list[Change]:
        """The audit log of one experiment, oldest first."""
        ...


class Shared(Protocol):
    """Layers, holdouts and segments, with the same audit log; a change is kept under `layer:KEY` and so on."""

    def get(self, kind: type[Item], key: str) -> Item | None: ...

    def all(self, kind: type[Item]) -> list[Item]:
        """Every item of a kind, by key."""
        ...

    def save(self, item: Item, *, action: str, actor: str, at: datetime) -> Item:
        """Store `item` as the revision after its own. Raises Conflict as Definitions does."""
        ...

    def delete(self, kind: type[Item], key: str, *, actor: str, at: datetime) -> None: ...

    def changes(self, kind: type[Item], key: str) -> list[Change]:
        """The audit log of one item, oldest first."""
        ...


class Holidays(Protocol):
    """Public holidays of the world."""

    def dates(
        self, country: str, subdivision: str | None, names: Sequence[str], first_year: int, last_year: int
    ) -> tuple[date, ...]:
        """The days, sorted; raises InvalidInput naming country, subdivision or names."""
        ...


class UserAgents(Protocol):
    """What a browser says of itself, read."""

    def describe(self, user_agent: str) -> Mapping[str, str]:
        """Some of device_type, os, os_version, browser, browser_version and bot. Never raises."""
        ...


class Results(Protocol):
    """Results with the time they were computed."""

    def save(self, result: ExperimentResult, *, spacing_seconds: float = 0.0) -> None:
        """Store a result as the newest. It takes the place of the newest so far if that one followed the one before
        it by less than `spacing_seconds`: so the past stays thin, and the newest is always there."""
        ...

    def latest(self, key: str) -> ExperimentResult | None: ...

    def series(self, key: str, *, limit: int = 200) -> list[ExperimentResult]:
        """Results of one experiment, oldest first, thinned evenly to about `limit`; first and last always included."""
        ...


@dataclass(frozen=True, slots=True)
class InboxBatch:
    """Accepted events in the order of acceptance: `lines` of JSON, and the position that follows them."""

    lines: tuple[bytes, ...]
    position: int


class Inbox(Protocol):
    """The only durable write on the request path."""

    def append(self, lines: bytes) -> Future[None]:
        """Accept newline-separated JSON events; the future is done once they are on disk.

        It fails with Unavailable when they could not be written; then none of them is kept.
        """
        ...

    def read(self, after: int, *, max_events: int) -> InboxBatch | None:
        """The events that follow position `after`, or None when there are none."""
        ...

    def trim(self, through: int) -> None:
        """Forget events up to and including position `through`: the warehouse has them."""
        ...

    def close(self) -> None: ...


class Warehouse(Protocol):
    """Events at rest, and moments out of them."""

    def position(self) -> int:
        """The inbox position up to which events are loaded."""
        ...

    def load(self, batch: InboxBatch) -> int:
        """Add a batch and move the position in one transaction; events already present are left out.

        Returns the number of events added. A batch at or before the position changes nothing.
        """
        ...

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        """Moments of every requested experiment, in one pass over the events.

        A unit counts in an experiment from its first exposure; events before it, outside a metric's window or at
        and after `until` do not count. An event that names experiments counts for those only. Units seen in two
        variants are left out and reported.
        """
        ...

    def exposures(self) -> dict[str, int]:
        """Exposed units per experiment."""
        ...

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        """First exposures, the latest first, then by key, unit and variant. kept_under, unit: only these."""
        ...

    def close(self) -> None: ...


class Tables(Protocol):
    """Data at rest elsewhere: files and dataframes."""

    def columns(self, source: Any) -> list[str]:
        """Column names in their order; raises NotFound or InvalidInput when the source cannot be read."""
        ...

    def moments(self, source: Any, request: TableRequest) -> TableMoments:
        """Rows are combined per unit first; units in two variants are left out and counted.

        Every column of the request must be one of `columns(source)`. A metric that cannot be aggregated is named in
        the answer's failures and leaves the others standing.
        """
        ...


class Batches(Protocol):
    """Whole tables of units assigned at once, here or, by a query, where they are. No exposure is logged: being
    assigned is not having met a variant."""

    def assign(
        self, source: Any, experiments: Sequence[Experiment], question: BatchQuestion, output: Path | None = None
    ) -> Assigned:
        """Give every row of a file or dataframe a variant and a reason, and write them to `output`.

        experiments: the started ones, prerequisites among them. output: a .parquet, .csv or .jsonl file, which
        appears whole or not at all. Raises NotFound for experiments, files and columns, InvalidInput for the rest.
        """
        ...

    def frame(self, source: Any, experiments: Sequence[Experiment], question: BatchQuestion) -> Any:
        """The same as a pandas dataframe, its rows in the order of the source."""
        ...

    def sql(
        self,
        experiments: Sequence[Experiment],
        question: BatchQuestion,
        *,
        dialect: str,
        table: str,
        columns: Mapping[str, ColumnKind],
    ) -> str:
        """The query that does it in duckdb, clickhouse, postgres or spark. columns: the attributes that are columns."""
        ...


class Notices(Protocol):
    """Word that an experiment has a new result."""

    def publish(self, key: str) -> None: ...

    def subscribe(self, key: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback`, from any thread, at each notice; returns what ends the subscription."""
        ...


class Telemetry(Protocol):
    """Counts and durations for operators."""

    def experiment_created(self) -> None: ...
    def experiment_started(self) -> None: ...
    def experiment_completed(self) -> None: ...
    def assigned(self, experiment: str, variant: str) -> None: ...
    def events_accepted(self, count: int) -> None: ...
    def events_refused(self, count: int) -> None: ...
    def request_seconds(self, method: str, route: str, status: int, seconds: float) -> None: ...
    def analysis_seconds(self, seconds: float) -> None: ...
    def exposition(self) -> bytes:
        """The metrics in Prometheus text format."""
        ...
