"""How units come into an experiment beside its audience: layer, holdouts, prerequisites, ramp, lists, randomisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from assay.errors import InvalidInput
from assay.model.names import check_key
from assay.model.shares import PARTS

MAX_LISTED = 10_000
MAX_BLOCK = 100
MAX_PREREQUISITES = 20
MAX_RAMP_STEPS = 100
MAX_SLOTS = 100
_MAX_UNIT = 20_000


@dataclass(frozen=True, slots=True)
class Slot:
    """Buckets of a layer, from `start` to before `end`, within 0 to 1,000,000."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= PARTS:
            raise InvalidInput("start", [self.start, self.end], f"0 <= start < end <= {PARTS:,}")


@dataclass(frozen=True, slots=True)
class LayerPlace:
    """The part of a layer that is this experiment's own. salt: the layer's, fixed for its life.

    Asked for by its slots, or by a share, parts of 1,000,000, of whatever is free; saving fills in salt and slots.
    """

    layer: str
    salt: str = ""
    slots: tuple[Slot, ...] = ()
    share: int | None = None

    def __post_init__(self) -> None:
        check_key(self.layer, "layer")
        if self.salt:
            check_key(self.salt, "salt")
        if len(self.slots) > MAX_SLOTS or not (self.slots or self.share):
            raise InvalidInput("slots", f"{len(self.slots)} slots", f"1 to {MAX_SLOTS}, or a share above 0")
        if self.share is not None and not 0 < self.share <= PARTS:
            raise InvalidInput("share", self.share, f"parts of {PARTS:,} above 0")
        ordered = sorted(self.slots, key=lambda slot: slot.start)
        for one, other in pairwise(ordered):
            if other.start < one.end:
                raise InvalidInput("slots", [other.start, other.end], "slots that do not overlap")


@dataclass(frozen=True, slots=True)
class HoldoutShare:
    """Units kept out: those whose bucket under the holdout's own salt is below `share`, parts of 1,000,000."""

    holdout: str
    salt: str
    share: int

    def __post_init__(self) -> None:
        check_key(self.holdout, "holdout")
        check_key(self.salt, "salt")
        if not 0 <= self.share <= PARTS:
            raise InvalidInput("share", self.share, f"parts of {PARTS:,}")


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Only units that now have one of `variants` (any, when empty) in another experiment."""

    experiment: str
    variants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(self.experiment, "experiment")
        for variant in self.variants:
            check_key(variant, "variants")


@dataclass(frozen=True, slots=True)
class RampStep:
    """From `at` on, `traffic` parts of 1,000,000 take part. after_hours: counted from the start, which sets `at`."""

    traffic: int
    at: datetime | None = None
    after_hours: float | None = None

    def __post_init__(self) -> None:
        if self.at is None and self.after_hours is None:
            raise InvalidInput("at", None, "a time, or after_hours since the start")
        if self.after_hours is not None and not 0 < self.after_hours <= 24 * 366:
            raise InvalidInput("after_hours", self.after_hours, "hours above 0, at most a year")

    def after(self, other: RampStep) -> bool:
        """Whether this step comes later; steps by time and steps by hours do not compare."""
        if self.after_hours is not None and other.after_hours is not None:
            return self.after_hours > other.after_hours
        return self.at is not None and other.at is not None and self.at > other.at


class Randomizer(StrEnum):
    """How the variant is drawn."""

    UNIFORM = "uniform"
    WEIGHTED = "weighted"
    STRATIFIED = "stratified"
    BLOCKED = "blocked"
    CLUSTER = "cluster"
    SWITCHBACK = "switchback"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Stratum:
    """Weights of its own, parts of 1,000,000 by variant, for units whose attribute has one of `values`."""

    values: tuple[str, ...]
    weights: Mapping[str, int]

    def __post_init__(self) -> None:
        if not self.values:
            raise InvalidInput("values", self.values, "at least one value of the attribute")
        total = sum(self.weights.values())
        if total != PARTS or any(weight < 0 for weight in self.weights.values()):
            raise InvalidInput("weights", {k: v / PARTS for k, v in self.weights.items()}, "weights that sum to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomization:
    """The way variants are drawn. Which fields count depends on the method.

    stratified: `attribute` chooses the weights, one of `strata` or the experiment's own.
    blocked: `attribute` is the unit's number in the order of arrival (0, 1, …); each `block_size` units, within the
    values of the attributes `strata_by`, hold the variants in exactly their weights, in shuffled order.
    cluster: `attribute` is drawn instead of the unit, so that all units of an account or city share a variant.
    switchback: everybody (with the same value of `attribute`, if given) has one variant for `period_minutes`,
    counted from `anchor` (1970 when left out), then it is drawn again.
    custom: `plugin` is the name of an entry point in the group assay.randomizers; `options` are handed to it.
    """

    method: Randomizer = Randomizer.WEIGHTED
    attribute: str | None = None
    strata: tuple[Stratum, ...] = ()
    strata_by: tuple[str, ...] = ()
    block_size: int | None = None
    period_minutes: float | None = None
    anchor: datetime | None = None
    plugin: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        method, needed = self.method, _NEEDS[self.method]
        for name, blank in _BLANK.items():
            given = getattr(self, name) != blank
            if name in needed and not given:
                raise InvalidInput(name, getattr(self, name), f"a value: '{method.value}' needs it")
            if given and name not in needed and name not in _MAY.get(method, ()):
                used = ", ".join((*needed, *_MAY.get(method, ()))) or "nothing else"
                raise InvalidInput(name, getattr(self, name), f"nothing: '{method.value}' uses {used}")
        if self.block_size is not None and not 2 <= self.block_size <= MAX_BLOCK:
            raise InvalidInput("block_size", self.block_size, f"2 to {MAX_BLOCK}")
        if self.period_minutes is not None and not 1 <= self.period_minutes <= 60 * 24 * 366:
            raise InvalidInput("period_minutes", self.period_minutes, "minutes from 1 to a year")
        if self.attribute is not None and not 0 < len(self.attribute) <= 200:
            raise InvalidInput("attribute", self.attribute, "a name of 1 to 200 characters")
        seen = [value for stratum in self.strata for value in stratum.values]
        for value in seen:
            if seen.count(value) > 1:
                raise InvalidInput("strata", value, "each value in one stratum")


_BLANK: dict[str, Any] = {
    "attribute": None,
    "strata": (),
    "strata_by": (),
    "block_size": None,
    "period_minutes": None,
    "anchor": None,
    "plugin": None,
    "options": {},
}
_NEEDS: dict[Randomizer, tuple[str, ...]] = {
    Randomizer.UNIFORM: (),
    Randomizer.WEIGHTED: (),
    Randomizer.STRATIFIED: ("attribute", "strata"),
    Randomizer.BLOCKED: ("attribute", "block_size"),
    Randomizer.CLUSTER: ("attribute",),
    Randomizer.SWITCHBACK: ("period_minutes",),
    Randomizer.CUSTOM: ("plugin",),
}
_MAY: dict[Randomizer, tuple[str, ...]] = {
    Randomizer.BLOCKED: ("strata_by",),
    Randomizer.SWITCHBACK: ("attribute", "anchor"),
    Randomizer.CUSTOM: ("options",),
}


@dataclass(frozen=True, slots=True)
class Factor:
    """One dimension of a factorial experiment and its levels; the first level is the baseline."""

    key: str
    levels: tuple[str, ...]

    def __post_init__(self) -> None:
        check_key(self.key, "key")
        if not 2 <= len(self.levels) <= MAX_LEVELS:
            raise InvalidInput("levels", f"{len(self.levels)} levels", f"2 to {MAX_LEVELS}")
        for level in self.levels:
            check_key(level, "levels")
        if len(set(self.levels)) < len(self.levels):
            raise InvalidInput("levels", list(self.levels), "levels that differ from each other")


MAX_LEVELS = 16
MAX_CELLS = 64


def check_units(units: tuple[str, ...], field_name: str) -> None:
    """A list of unit ids: not too many, none empty."""
    if len(units) > MAX_LISTED:
        raise InvalidInput(field_name, f"{len(units):,} units", f"at most {MAX_LISTED:,}")
    for unit in units:
        if not 0 < len(unit) <= _MAX_UNIT:
            raise InvalidInput(field_name, unit, f"unit ids of 1 to {_MAX_UNIT:,} characters")


def block_composition(weights: Mapping[str, int], block_size: int) -> tuple[str, ...]:
    """The variants of one block in their order; raises InvalidInput when the weights do not divide it."""
    counts = {key: round(weight * block_size / PARTS) for key, weight in weights.items()}
    exact = all(abs(counts[key] - weight * block_size / PARTS) < 1e-3 for key, weight in weights.items())
    if not exact or sum(counts.values()) != block_size:
        shares = ", ".join(f"{key} {weight / PARTS:g}" for key, weight in weights.items())
        raise InvalidInput("block_size", block_size, f"a size that the weights ({shares}) divide into whole units")
    return tuple(key for key, count in counts.items() for _ in range(count))
