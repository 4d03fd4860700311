"""Every kind of I/O the system can do. Services speak only to these; adapters make them real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
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


class AuditLog(Protocol):
    """The same append-only log for what belongs to no definition."""

    def write(self, change: Change) -> None: ...

    def changes(self, name: str) -> list[Change]:
        """What was written under `name` (of an experiment: its key), oldest first."""
        ...

    def naming(self, text: str) -> list[str]:
        """The names under which a document before or after a change holds exactly `text` as a string, sorted."""
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


class LastDefinitions(Protocol):
    """The definitions as they were last read, for a start without their store."""

    def save(self, version: int, experiments: Sequence[Experiment]) -> None:
        """Keep them in place of those before. Never raises: what could not be written is logged."""
        ...

    def load(self) -> tuple[int, list[Experiment]] | None:
        """Version and experiments, or None when there are none that can be read."""
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
    """Accepted events of one partition in the order of acceptance: `lines` of JSON, and the position that follows."""

    lines: tuple[bytes, ...]
    position: int
    partition: int = 0


class Inbox(Protocol):
    """The only durable write on the request path. Each partition is a sequence of its own; one, 0, may be all."""

    def append(self, lines: bytes) -> Future[None]:
        """Accept newline-separated JSON events; the future is done once they are on disk.

        It fails with Unavailable, within seconds, when they could not be written: they are then not acknowledged,
        and none of them is kept unless the store had them already.
        """
        ...

    def partitions(self) -> Sequence[int]:
        """Those that this process is to load now. Raises Unavailable."""
        ...

    def read(self, after: int, *, max_events: int, partition: int = 0) -> InboxBatch | None:
        """The events of a partition that follow position `after`, or None when there are none. Raises Unavailable."""
        ...

    def trim(self, through: int, *, partition: int = 0) -> None:
        """Forget events up to and including position `through`: the warehouse has them."""
        ...

    def check(self) -> None:
        """Raises Unavailable, in words, when events could not be accepted now."""
        ...

    def close(self) -> None: ...


class Measurements(Protocol):
    """Events and exposures at rest, here or in someone's own tables: what analysis asks of them."""

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        """Moments of every requested experiment, in one pass over the events.

        A unit counts in an experiment from its first exposure; events before it, outside a metric's window or at
        and after `until` do not count. An event that names experiments counts for those only. Units seen in two
        variants are left out and reported. Raises Unavailable when the store does not answer, or not in time.
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

    def check(self) -> None:
        """Raises Unavailable, in words, when the store does not answer."""
        ...

    def close(self) -> None: ...


class Warehouse(Measurements, Protocol):
    """Where Assay keeps events itself."""

    def position(self, partition: int = 0) -> int:
        """The inbox position up to which a partition's events are loaded."""
        ...

    def load(self, batch: InboxBatch) -> int:
        """Add a batch and move its partition's position; events already present count once, whoever loads them.

        Returns how many events were added; where repeats are told apart only when read, how many may have been.
        A batch at or before the position changes nothing. A crash in the middle leaves what loading again mends.
        """
        ...

    def forget(self, unit: str) -> int:
        """Remove all that is kept of a unit; returns how many events and exposures that were. Raises Unavailable."""
        ...

    def drop_before(self, moment: datetime) -> int:
        """Remove the events of the whole days of UTC before `moment`; exposures and counts by time stay. Returns how
        many events that were."""
        ...

    def activity(self, asked: EventsAsked, grain: Grain) -> list[Activity]:
        """Events by time, type and experiment, in that order. Counts outlive the events: minutes by a week, hours
        by 90 days, days by a year. Raises Unavailable."""
        ...

    def summary(
        self, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
    ) -> EventsSummary:
        """Of the events that are still there. Raises Unavailable."""
        ...


class Erasing(Protocol):
    """A store whose files keep the bytes of what was removed until they are written anew."""

    def erase_removed(self) -> None:
        """Leave no byte of what was removed on disk; may take as long as writing everything. Raises Unavailable."""
        ...


class StickyStore(Protocol):
    """Which variant a unit has met, for experiments whose answer for a unit may otherwise change."""

    def recall(self, unit: str, experiments: Sequence[str]) -> Mapping[str, str]:
        """Variant by experiment, of those remembered. Never raises: what cannot be asked is not remembered."""
        ...

    def remember(self, unit: str, variants: Mapping[str, str]) -> None:
        """Keep what is not kept yet, for as long as the store keeps things. Never raises."""
        ...

    def forget(self, unit: str) -> None:
        """Remove all that is kept of a unit. Raises Unavailable."""
        ...

    def check(self) -> None:
        """Raises Unavailable, in words, when the store does not answer."""
        ...

    def close(self) -> None: ...


class Leases(Protocol):
    """Who of several processes does what only one should do at a time."""

    def hold(self, name: str, holder: str, *, seconds: float, now: datetime) -> bool:
        """Take or renew the lease `name` until now + seconds; False while another holder's has not run out."""
        ...

    def release(self, name: str, holder: str) -> None:
        """Give the lease back, if it is this holder's."""
        ...


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
    def events_refused(self, code: str, count: int) -> None: ...
    def events_filtered(self, reason: str, count: int) -> None: ...
    def watch_waiting(self, read: Callable[[], tuple[int, int]]) -> None:
        """read: events and bytes that wait for the disk now; asked with every exposition, from any thread."""
        ...

    def request_seconds(self, method: str, route: str, status: int, seconds: float) -> None: ...
    def analysis_seconds(self, seconds: float) -> None: ...
    def part_answers(self, name: str, answers: bool) -> None: ...
    def exposition(self) -> bytes:
        """The metrics in Prometheus text format."""
        ...
