"""Layers, holdouts and segments: created, changed and deleted, with every change in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from assay.errors import Conflict, NotFound
from assay.model.audience import Condition, SegmentRef, every_part
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.model.shared import Layer, Segment
from assay.ports import Change, Clock, Definitions, Item, Shared
from assay.service.entrance import Entrance

_ENDED = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Sharing:
    """What experiments share. Running ones keep what they started with, whatever changes here."""

    shared: Shared
    definitions: Definitions
    entrance: Entrance
    clock: Clock

    def all(self, kind: type[Item]) -> list[Item]:
        """Every item of a kind, by id."""
        return self.shared.all(kind)

    def get(self, kind: type[Item], key: str) -> Item:
        """One item; raises NotFound."""
        item = self.shared.get(kind, key)
        if item is None:
            raise NotFound(_name(kind), key, known=[known.key for known in self.shared.all(kind)])
        return item

    def create(self, item: Item, *, actor: str) -> Item:
        """Store a new item; raises Conflict when its id is taken."""
        now = self.clock()
        new = cast(Item, replace(cast(Any, item), revision=0, created_at=now))
        return self.shared.save(self._checked(new), action="create", actor=actor, at=now)

    def update(self, kind: type[Item], key: str, change: Callable[[Item], Item], *, actor: str) -> Item:
        """Apply a change; what has started already does not see it."""
        changed = change(self.get(kind, key))
        return self.shared.save(self._checked(changed), action="update", actor=actor, at=self.clock())

    def delete(self, kind: type[Item], key: str, *, actor: str) -> None:
        """Remove an item; raises Conflict while experiments that are not over, or segments, refer to it."""
        self.get(kind, key)
        users = [item.key for item in self.users(kind, key) if item.status not in _ENDED]
        if kind is Segment:
            users += [other.key for other in self.shared.all(Segment) if key in segments_of(other.audience.condition)]
        if users:
            raise Conflict(f"{_name(kind)} '{key}' is used by {', '.join(users[:5])}", hint="end or change those first")
        self.shared.delete(kind, key, actor=actor, at=self.clock())

    def changes(self, kind: type[Item], key: str) -> list[Change]:
        """The audit log of one item, oldest first."""
        return self.shared.changes(kind, key)

    def users(self, kind: type[Item], key: str) -> list[Experiment]:
        """The experiments that refer to an item."""
        return [item for item in self.definitions.all() if _refers(item, kind, key)]

    def _checked(self, item: Item) -> Item:
        if isinstance(item, Segment):
            self._check_segment(item)
        return item

    def _check_segment(self, segment: Segment) -> None:
        """Its own conditions are filled in, as an experiment would, to see that they can be."""
        self.entrance.audience(segment.audience, self.clock())
        self._check_circle(segment.key, segment.audience.condition, (segment.key,))

    def _check_circle(self, key: str, condition: Condition, way: tuple[str, ...]) -> None:
        for name in segments_of(condition):
            if name == key:
                raise Conflict(f"segment '{key}' would contain itself ({' → '.join((*way, key))})")
            inner = self.shared.get(Segment, name)
            if inner is not None and name not in way:
                self._check_circle(key, inner.audience.condition, (*way, name))


def segments_of(condition: Condition) -> set[str]:
    """The segments that a condition names, at any depth."""
    return {part.segment for part in every_part(condition) if isinstance(part, SegmentRef)}


def _refers(experiment: Experiment, kind: type[Any], key: str) -> bool:
    if kind is Layer:
        return experiment.layer is not None and experiment.layer.layer == key
    if kind is Segment:
        return key in segments_of(experiment.audience.condition)
    return any(item.holdout == key for item in experiment.holdouts)


def _name(kind: type[Any]) -> str:
    return kind.__name__.lower()
