"""How units come in, settled: segments looked up, holidays dated, layer slots allotted, plug-ins known.

A definition that is settled holds everything evaluation needs, so that what others change later changes nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from assay.assignment.snapshot import leads_to_cycle
from assay.errors import InvalidInput
from assay.model.audience import (
    All,
    Audience,
    Condition,
    Not,
    Score,
    SegmentRef,
    Some,
    Temporal,
    Weighted,
)
from assay.model.design import HoldoutShare, LayerPlace, RampStep, Slot
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.model.possible import contradiction
from assay.model.shared import Holdout, Layer, Segment
from assay.model.shares import PARTS
from assay.ports import Definitions, Holidays, Shared

_YEARS_OF_HOLIDAYS = 6
_ENDED = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Settles drafts when they are saved and once more when they start. plugins: the randomisers installed."""

    definitions: Definitions
    shared: Shared
    holidays: Holidays
    plugins: Collection[str] = ()

    def settled(self, experiment: Experiment, now: datetime) -> Experiment:
        """The experiment with all it refers to filled in; raises InvalidInput naming the reference that is wrong."""
        audience = self.audience(experiment.audience, now)
        others = [item for item in self.definitions.all() if item.key != experiment.key]
        self._check_prerequisites(experiment, others)
        plugin = experiment.randomization.plugin
        if plugin is not None and plugin not in self.plugins:
            known = ", ".join(sorted(self.plugins)) or "none is installed"
            raise InvalidInput("randomization.plugin", plugin, f"the name of an installed randomiser ({known})")
        layer = experiment.layer
        if layer is not None:
            layer = self._placed(layer, others)
        return replace(experiment, audience=audience, layer=layer)

    def started(self, experiment: Experiment, now: datetime) -> Experiment:
        """Settled for good: with the holdouts of this moment and the steps of its ramp at their times."""
        settled = self.settled(experiment, now)
        active = [item for item in self.shared.all(Holdout) if item.active] if experiment.in_holdouts else []
        return replace(
            settled,
            started_at=now,
            holdouts=tuple(HoldoutShare(item.key, item.salt, item.share) for item in active),
            ramp=tuple(_timed(step, now) for step in settled.ramp),
        )

    def audience(self, audience: Audience, now: datetime, path: str = "audience") -> Audience:
        """The audience with segments and holidays filled in; raises InvalidInput when nobody could be in it."""
        condition = self._filled(audience.condition, now, path, ())
        cause = contradiction(condition)
        if cause is not None:
            raise InvalidInput(path, audience.to_document(), f"conditions that somebody can meet: {cause}")
        return Audience(condition)

    def _filled(self, condition: Condition, now: datetime, path: str, way: tuple[str, ...]) -> Condition:
        def inner(parts: Iterable[Condition], word: str) -> tuple[Condition, ...]:
            return tuple(self._filled(part, now, f"{path}.{word}[{i}]", way) for i, part in enumerate(parts))

        match condition:
            case All(conditions):
                return All(inner(conditions, "and"))
            case Some(conditions):
                return Some(inner(conditions, "or"))
            case Not(negated):
                return Not(self._filled(negated, now, f"{path}.not", way))
            case Score(at_least, of):
                parts = inner((line.condition for line in of), "score.of")
                return Score(at_least, tuple(Weighted(o.weight, part) for o, part in zip(of, parts, strict=True)))
            case SegmentRef(key):
                return SegmentRef(key, self._segment(key, now, path, way))
            case Temporal():
                return self._dated(condition, now, path)
            case _:
                return condition

    def _segment(self, key: str, now: datetime, path: str, way: tuple[str, ...]) -> Condition:
        if key in way:
            raise InvalidInput(
                f"{path}.segment", key, f"segments that do not go in a circle ({' → '.join((*way, key))})"
            )
        segment = self.shared.get(Segment, key)
        if segment is None:
            known = ", ".join(item.key for item in self.shared.all(Segment)) or "there is none yet"
            raise InvalidInput(f"{path}.segment", key, f"the id of a segment ({known})")
        return self._filled(segment.audience.condition, now, path, (*way, key))

    def _dated(self, condition: Temporal, now: datetime, path: str) -> Temporal:
        filled = []
        for i, part in enumerate(condition.holidays):
            try:
                days = self.holidays.dates(
                    part.country, part.subdivision, part.names, now.year - 1, now.year + _YEARS_OF_HOLIDAYS
                )
            except InvalidInput as error:
                raise error.at(f"{path}.temporal.holidays[{i}].{error.field}") from None
            filled.append(replace(part, dates=tuple(day.isoformat() for day in days)))
        return replace(condition, holidays=tuple(filled))

    def _placed(self, place: LayerPlace, others: Sequence[Experiment]) -> LayerPlace:
        layer = self.shared.get(Layer, place.layer)
        if layer is None:
            known = ", ".join(item.key for item in self.shared.all(Layer)) or "there is none yet"
            raise InvalidInput("layer.id", place.layer, f"the id of a layer ({known})")
        taken = [
            (slot, other.key)
            for other in others
            if other.layer is not None and other.layer.layer == layer.key and other.status not in _ENDED
            for slot in other.layer.slots
        ]
        for slot in place.slots:
            for theirs, key in taken:
                if slot.start < theirs.end and theirs.start < slot.end:
                    shares = [slot.start / PARTS, slot.end / PARTS]
                    held = f"'{key}' holds {theirs.start / PARTS:g} to {theirs.end / PARTS:g}"
                    raise InvalidInput("layer.slots", shares, f"slots that no other experiment has: {held}")
        slots = place.slots or _allotted(place, [slot for slot, _ in taken])
        return replace(place, salt=layer.salt, slots=slots)

    def _check_prerequisites(self, experiment: Experiment, others: Sequence[Experiment]) -> None:
        known = {item.key: item for item in others}
        for i, need in enumerate(experiment.prerequisites):
            parent = known.get(need.experiment)
            if parent is None:
                raise InvalidInput(f"prerequisites[{i}].experiment", need.experiment, "the id of another experiment")
            for variant in need.variants:
                if parent.variant(variant) is None:
                    names = ", ".join(item.key for item in parent.variants)
                    raise InvalidInput(f"prerequisites[{i}].variants", variant, f"variants of '{parent.key}': {names}")
        parents = {item.key: [need.experiment for need in item.prerequisites] for item in (*others, experiment)}
        circle = leads_to_cycle(experiment.key, parents)
        if circle is not None:
            raise InvalidInput("prerequisites", " → ".join(circle), "prerequisites that do not go in a circle")


def _timed(step: RampStep, start: datetime) -> RampStep:
    return step if step.after_hours is None else replace(step, at=start + timedelta(hours=step.after_hours))


def _allotted(place: LayerPlace, taken: Iterable[Slot]) -> tuple[Slot, ...]:
    """The lowest free buckets of a layer, as many as the share asks for."""
    wanted, at, slots = place.share or 0, 0, []
    for slot in [*sorted(taken, key=lambda item: item.start), None]:
        end = PARTS if slot is None else slot.start
        if at < end and wanted:
            size = min(wanted, end - at)
            slots.append(Slot(at, at + size))
            wanted -= size
        at = at if slot is None else max(at, slot.end)
    if wanted:
        free = ((place.share or 0) - wanted) / PARTS
        raise InvalidInput(
            "layer.share", (place.share or 0) / PARTS, f"at most {free:g}, what '{place.layer}' has free"
        )
    return tuple(slots)
