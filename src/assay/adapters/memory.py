"""The ports in memory: the reference that every other adapter must agree with, and the oracle of its tests."""

from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from assay.errors import Conflict, NotFound
from assay.model.document import to_document
from assay.model.experiment import Experiment
from assay.model.result import ExperimentResult
from assay.ports import Change, InboxBatch, Item


class MemoryDefinitions:
    """The Definitions port."""

    def __init__(self) -> None:
        self._experiments: dict[str, Experiment] = {}
        self._changes: list[Change] = []

    def version(self) -> int:
        return len(self._changes)

    def get(self, key: str) -> Experiment | None:
        return self._experiments.get(key)

    def all(self) -> list[Experiment]:
        epoch = datetime.fromtimestamp(0, timezone.utc)
        by_key = sorted(self._experiments.values(), key=lambda item: item.key)
        return sorted(by_key, key=lambda item: item.created_at or epoch, reverse=True)

    def save(self, experiment: Experiment, *, action: str, actor: str, at: datetime) -> Experiment:
        before = self._experiments.get(experiment.key)
        if before is not None and experiment.revision == 0:
            raise Conflict(f"there is an experiment '{experiment.key}' already")
        if (before.revision if before else 0) != experiment.revision:
            raise Conflict(f"experiment '{experiment.key}' was changed by someone else meanwhile")
        saved = replace(experiment, revision=experiment.revision + 1)
        self._experiments[saved.key] = saved
        self._log(saved.key, action, actor, at, before, saved)
        return saved

    def delete(self, key: str, *, actor: str, at: datetime) -> None:
        before = self._experiments.pop(key, None)
        if before is None:
            raise NotFound("experiment", key)
        self._log(key, "delete", actor, at, before, None)

    def changes(self, key: str) -> list[Change]:
        return [change for change in self._changes if change.experiment == key]

    def _log(
        self, key: str, action: str, actor: str, at: datetime, before: Experiment | None, after: Experiment | None
    ) -> None:
        documents = [to_document(item) if item is not None else None for item in (before, after)]
        change = Change(experiment=key, action=action, actor=actor, at=at, before=documents[0], after=documents[1])
        self._changes.append(change)


class MemoryAuditLog:
    """The AuditLog port."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def write(self, change: Change) -> None:
        self._changes.append(change)

    def changes(self, name: str) -> list[Change]:
        return [change for change in self._changes if change.experiment == name]

    def naming(self, text: str) -> list[str]:
        quoted = json.dumps(text)
        return sorted({c.experiment for c in self._changes if quoted in json.dumps([c.before, c.after])})


class MemoryShared:
    """The Shared port."""

    def __init__(self) -> None:
        self._items: dict[tuple[type, str], Any] = {}
        self._changes: list[Change] = []

    def get(self, kind: type[Item], key: str) -> Item | None:
        return self._items.get((kind, key))

    def all(self, kind: type[Item]) -> list[Item]:
        mine = sorted(key for known, key in self._items if known is kind)
        return [self._items[kind, key] for key in mine]

    def save(self, item: Item, *, action: str, actor: str, at: datetime) -> Item:
        before = self._items.get((type(item), item.key))
        name = type(item).__name__.lower()
        if before is not None and item.revision == 0:
            raise Conflict(f"there is a {name} '{item.key}' already")
        if (before.revision if before else 0) != item.revision:
            raise Conflict(f"{name} '{item.key}' was changed by someone else meanwhile")
        saved = replace(item, revision=item.revision + 1)
        self._items[type(item), item.key] = saved
        self._log(f"{name}:{item.key}", action, actor, at, before, saved)
        return saved

    def delete(self, kind: type[Item], key: str, *, actor: str, at: datetime) -> None:
        before = self._items.pop((kind, key), None)
        name = kind.__name__.lower()
        if before is None:
            raise NotFound(name, key)
        self._log(f"{name}:{key}", "delete", actor, at, before, None)

    def changes(self, kind: type[Item], key: str) -> list[Change]:
        return [change for change in self._changes if change.experiment == f"{kind.__name__.lower()}:{key}"]

    def _log(self, name: str, action: str, actor: str, at: datetime, before: Any, after: Any) -> None:
        documents = [to_document(item) if item is not None else None for item in (before, after)]
        change = Change(experiment=name, action=action, actor=actor, at=at, before=documents[0], after=documents[1])
        self._changes.append(change)


class MemoryResults:
    """The Results port."""

    def __init__(self) -> None:
        self._series: dict[str, list[ExperimentResult]] = defaultdict(list)

    def save(self, result: ExperimentResult, *, spacing_seconds: float = 0.0) -> None:
        series = self._series[result.experiment]
        if len(series) > 1 and (series[-1].at - series[-2].at).total_seconds() < spacing_seconds:
            series.pop()
        series.append(result)

    def latest(self, key: str) -> ExperimentResult | None:
        series = self._series.get(key)
        return series[-1] if series else None

    def series(self, key: str, *, limit: int = 200) -> list[ExperimentResult]:
        series = self._series.get(key, [])
        step = max(1, math.ceil(len(series) / limit))
        return [item for i, item in enumerate(series) if i == 0 or (len(series) - 1 - i) % step == 0]


class MemoryInbox:
    """The Inbox port; durable as long as the process."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, bytes]] = []
        self._position = 0
        self._lock = threading.Lock()

    def append(self, lines: bytes) -> Future[None]:
        with self._lock:
            self._position += 1
            self._rows.append((self._position, lines))
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def partitions(self) -> Sequence[int]:
        return (0,)

    def read(self, after: int, *, max_events: int, partition: int = 0) -> InboxBatch | None:
        lines: list[bytes] = []
        position = after
        for row_position, blob in self._rows:
            if row_position > after and len(lines) < max_events:
                lines.extend(blob.split(b"\n"))
                position = row_position
        return InboxBatch(tuple(lines), position, partition) if position > after else None

    def trim(self, through: int, *, partition: int = 0) -> None:
        with self._lock:
            self._rows = [row for row in self._rows if row[0] > through]

    def check(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing to close."""


class MemoryNotices:
    """The Notices port within one process."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def publish(self, key: str) -> None:
        for callback in list(self._callbacks.get(key, ())):
            callback()

    def subscribe(self, key: str, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks[key].append(callback)
        return lambda: self._callbacks[key].remove(callback)


class MemoryStickyStore:
    """The StickyStore port; remembers as long as the process lives, the latest `size` units."""

    def __init__(self, size: int = 1_000_000) -> None:
        self._kept: dict[str, dict[str, str]] = {}
        self._size = size
        self._lock = threading.Lock()

    def recall(self, unit: str, experiments: Sequence[str]) -> Mapping[str, str]:
        kept = self._kept.get(unit)
        return {key: kept[key] for key in experiments if key in kept} if kept else {}

    def remember(self, unit: str, variants: Mapping[str, str]) -> None:
        with self._lock:
            kept = self._kept.pop(unit, {})
            self._kept[unit] = {**variants, **kept}
            if len(self._kept) > self._size:
                del self._kept[next(iter(self._kept))]

    def forget(self, unit: str) -> None:
        with self._lock:
            self._kept.pop(unit, None)

    def check(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing to close."""


class MemoryLeases:
    """The Leases port among the threads of one process."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def hold(self, name: str, holder: str, *, seconds: float, now: datetime) -> bool:
        with self._lock:
            held = self._held.get(name)
            if held is not None and held[0] != holder and held[1] > now:
                return False
            self._held[name] = (holder, now + timedelta(seconds=seconds))
            return True

    def release(self, name: str, holder: str) -> None:
        with self._lock:
            if self._held.get(name, ("", None))[0] == holder:
                del self._held[name]
