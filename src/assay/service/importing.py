"""Bringing in a history: row by row into the inbox, from where it stopped, nothing counted twice."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from assay.errors import AssayError, Conflict, InvalidInput, NotFound
from assay.model.event import microseconds, moment_of
from assay.model.experiment import Experiment, Variant
from assay.model.history import (
    HistoryBatch,
    HistoryMapping,
    HistoryRules,
    KnownExperiment,
    MetricColumn,
    Reached,
    RefusedRow,
    Survey,
)
from assay.model.lifecycle import Status
from assay.model.metric import Metric, MetricKind, Role
from assay.model.names import check_key
from assay.model.shares import even_parts
from assay.ports import Definitions
from assay.ports.history import Bookmarks, History, HistorySink
from assay.service.editing import Editing
from assay.service.eventcheck import MAX_AHEAD
from assay.service.lifecycle import Lifecycle

IMPORT = "import"
"""What the audit log calls the start of an experiment that ran elsewhere."""
_DRAFTS = (Status.DRAFT, Status.REVIEW)
Seen = Callable[[Reached, Sequence[RefusedRow]], None]


def rules_of(now: datetime, started: Iterable[Experiment] | None, *, as_events: bool = False) -> HistoryRules:
    """What rows must keep: live events' rules without the limit of age. started: None where a server checks names."""
    known = None
    if started is not None:
        known = [
            KnownExperiment(
                item.key,
                item.data_key,
                tuple(variant.key for variant in item.variants),
                None if item.started_at is None else microseconds(item.started_at),
            )
            for item in started
            if item.status not in _DRAFTS
        ]
    grace = microseconds(moment_of(0) + MAX_AHEAD)
    return HistoryRules(latest=microseconds(now) + grace, grace=grace, known=known, as_events=as_events)


@dataclass(frozen=True, slots=True)
class Importing:
    """Moves the rows of a history to a sink. name: of the bookmark, None to begin at the first row always."""

    history: History
    sink: HistorySink
    bookmarks: Bookmarks
    name: str | None = None

    def reached(self) -> Reached:
        """How far an earlier run came."""
        return (self.bookmarks.recall(self.name) if self.name else None) or Reached()

    def run(
        self, mapping: HistoryMapping, rules: HistoryRules, survey: Survey, seen: Seen, *, max_errors: int | None = None
    ) -> Reached:
        """All rows that follow the bookmark. seen: called with what is stored, and with the rows refused since.

        Raises AssayError when more than `max_errors` rows were refused, Unavailable when the sink does not answer;
        the same call goes on where it stopped.
        """
        reached = self.reached()
        if reached.through == 0:
            reached = replace(reached, refused=len(survey.unreadable))
            seen(reached, survey.unreadable)
            _check_errors(reached, max_errors)
        for batch in _read_ahead(self.history.batches(mapping, rules, reached.through)):
            refused = [*batch.refused, *(self.sink.send(batch) if batch.texts else ())]
            reached = _after(reached, batch, refused)
            if self.name:
                self.bookmarks.keep(self.name, reached)
            seen(reached, refused)
            _check_errors(reached, max_errors)
        if self.name:
            self.bookmarks.drop(self.name)
        return reached


def _read_ahead(batches: Iterator[HistoryBatch]) -> Iterator[HistoryBatch]:
    """The next batch is read while one is stored."""
    with ThreadPoolExecutor(1, thread_name_prefix="import-reader") as pool:
        waiting = pool.submit(next, batches, None)
        while (batch := waiting.result()) is not None:
            waiting = pool.submit(next, batches, None)
            yield batch


def _after(reached: Reached, batch: HistoryBatch, refused: Sequence[RefusedRow]) -> Reached:
    return Reached(
        through=batch.through,
        exposures=reached.exposures + batch.exposures,
        events=reached.events + batch.events,
        refused=reached.refused + len(refused),
    )


def _check_errors(reached: Reached, most: int | None) -> None:
    if most is not None and reached.refused > most:
        raise AssayError(
            f"stopped after row {reached.through:,}: {reached.refused:,} rows were refused, more than {most:,}",
            hint="what is good up to there is stored; mend the mapping or the rows, or allow more",
        )


@dataclass(frozen=True, slots=True)
class Observing:
    """Experiments that ran elsewhere: begun in the past and paused, so that nobody is assigned here."""

    definitions: Definitions
    editing: Editing
    lifecycle: Lifecycle

    def prepare(
        self, key: str, mapping: HistoryMapping, survey: Survey, *, create: bool, control: str | None, actor: str
    ) -> Experiment:
        """The started experiment that rows belong to. create: a missing one is made of the variants found and a draft
        is begun at the first row's time. Raises NotFound or Conflict, saying how to get one."""
        found = self.definitions.get(key)
        if found is not None and found.status not in _DRAFTS:
            return found
        if not create:
            hint = "--create makes it from the rows: begun with the first of them, assigning nobody, and ended by it"
            if found is None:
                raise NotFound("experiment", key, hint=hint)
            raise Conflict(f"experiment '{key}' has not been started", hint=hint)
        if survey.first is None:
            raise InvalidInput("rows", survey.rows, f"rows with times, to begin experiment '{key}' with")
        if found is None:
            draft = observed_draft(key, mapping, survey.variants.get(key, ()), control)
            self.editing.create(draft, actor=actor, key_is_given=True)
        return self.lifecycle.observe(key, since=moment_of(survey.first), actor=actor)

    def finish(self, key: str, *, actor: str) -> bool:
        """End an experiment that an import began; False for any other."""
        experiment = self.definitions.get(key)
        if experiment is None or experiment.status is not Status.PAUSED:
            return False
        if not any(change.action == IMPORT for change in self.definitions.changes(key)):
            return False
        self.lifecycle.stop(key, actor=actor)
        return True


def observed_draft(key: str, mapping: HistoryMapping, variants: Sequence[str], control: str | None) -> Experiment:
    """A definition with the variants found, evenly weighted, and a metric for each that is mapped."""
    if len(variants) < 2:
        raise InvalidInput("--variant", ", ".join(variants) or None, "a column with two variants or more")
    for variant in variants:
        check_key(variant, "--variant")
    control = control or next((name for name in variants if name.lower() == "control"), None)
    if control not in variants:
        raise InvalidInput("--control", control, f"one of the variants {', '.join(variants)}")
    metrics = [_metric(item, mapping) for item in mapping.metrics]
    if not metrics and mapping.event is not None:
        metrics = [Metric(key=mapping.event, kind=MetricKind.CONVERSION, event=mapping.event)]
    if not metrics:
        raise InvalidInput(
            "--metric", None, "what decides, as --metric conversion:bought; or create a draft with metrics"
        )
    metrics[0] = replace(metrics[0], role=Role.PRIMARY)
    weights = even_parts(len(variants))
    return Experiment(
        key=check_key(key, "--experiment"),
        name=key,
        description="Ran elsewhere; its history was imported.",
        variants=tuple(
            Variant(key=name, weight=weight, control=name == control)
            for name, weight in zip(variants, weights, strict=True)
        ),
        metrics=tuple(metrics),
        salt=secrets.token_hex(4),
    )


def _metric(item: MetricColumn, mapping: HistoryMapping) -> Metric:
    kind = item.kind or MetricKind.MEAN
    event = item.name if mapping.wide else mapping.event
    if kind in (MetricKind.CONVERSION, MetricKind.COUNT):
        return Metric(key=item.name, kind=kind, event=event or item.name)
    return Metric(key=item.name, kind=kind, event=event, field="value" if mapping.wide else item.name)
