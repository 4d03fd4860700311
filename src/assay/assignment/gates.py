"""What stands before an audience: lists, holdouts, the place in a layer, other experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from assay.assignment.bucketing import first_bytes
from assay.assignment.digest import md5
from assay.model.decision import Decision, Reason
from assay.model.design import HoldoutShare, LayerPlace, Prerequisite

if TYPE_CHECKING:
    from assay.assignment.snapshot import CompiledExperiment


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: who, as text and as bytes, what is known of the unit, and when."""

    unit: str
    raw_unit: bytes
    attributes: Mapping[str, Any]
    now: datetime


Gate: TypeAlias = Callable[[Asked], Decision | None]
"""None lets the unit through; a decision ends the question."""
Nobody: TypeAlias = Callable[[Reason], Decision]


def list_gate(forced: Mapping[str, Decision], deny: frozenset[str], allow: frozenset[str], nobody: Nobody) -> Gate:
    """Units with a variant of their own, units never let in, and units that alone are let in."""
    denied, not_allowed = nobody(Reason.DENIED), nobody(Reason.NOT_ALLOWED)

    def gate(asked: Asked) -> Decision | None:
        found = forced.get(asked.unit)
        if found is not None:
            return found
        if asked.unit in deny:
            return denied
        return not_allowed if allow and asked.unit not in allow else None

    return gate


def holdout_gate(holdout: HoldoutShare, nobody: Nobody) -> Gate:
    """Keeps out units whose bucket under the holdout's salt is below its share."""
    suffix, end, kept_out = suffix_of(holdout.holdout, holdout.salt), end_of(holdout.share), nobody(Reason.IN_HOLDOUT)
    return lambda asked: kept_out if end is None or md5(asked.raw_unit + suffix).digest() < end else None


def layer_gate(place: LayerPlace, nobody: Nobody) -> Gate:
    """Lets in units whose bucket under the layer's salt is in one of the experiment's slots."""
    suffix, outside = suffix_of(place.layer, place.salt), nobody(Reason.NOT_IN_LAYER)
    slots = slots_of(place)

    def gate(asked: Asked) -> Decision | None:
        digest = md5(asked.raw_unit + suffix).digest()
        for start, end in slots:
            if start <= digest and (end is None or digest < end):
                return None
        return outside

    return gate


def prerequisite_gate(
    prerequisites: tuple[Prerequisite, ...],
    known: Mapping[str, CompiledExperiment],
    decide: Callable[[CompiledExperiment, Asked], Decision],
    nobody: Nobody,
) -> Gate:
    """Lets in units that now have one of the variants asked for in every other experiment."""
    unmet = nobody(Reason.PREREQUISITE_NOT_MET)

    def gate(asked: Asked) -> Decision | None:
        for item in prerequisites:
            parent = known.get(item.experiment)
            variant = decide(parent, asked).variant if parent is not None else None
            if variant is None or (item.variants and variant not in item.variants):
                return unmet
        return None

    return gate


def suffix_of(key: str, salt: str) -> bytes:
    """What follows the unit in the text that is hashed."""
    return f":{key}:{salt}".encode()


def end_of(bucket: int) -> bytes | None:
    """The first bytes that lie past a bucket; None when none do."""
    return None if bucket >= 1_000_000 else first_bytes(bucket)


def slots_of(place: LayerPlace) -> tuple[tuple[bytes, bytes | None], ...]:
    """The slots of a place as bytes to compare digests with."""
    return tuple((first_bytes(slot.start), end_of(slot.end)) for slot in place.slots)
