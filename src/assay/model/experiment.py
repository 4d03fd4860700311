"""Experiments and their variants: immutable definitions, changed only by making a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from assay.errors import InvalidInput
from assay.model.audience import Audience
from assay.model.design import (
    MAX_CELLS,
    MAX_PREREQUISITES,
    MAX_RAMP_STEPS,
    Factor,
    HoldoutShare,
    LayerPlace,
    Prerequisite,
    RampStep,
    Randomization,
    Randomizer,
    block_composition,
    check_units,
)
from assay.model.lifecycle import Stage, Status, status_of
from assay.model.metric import Metric, Role
from assay.model.names import check_key, check_name, check_text
from assay.model.plan import Plan
from assay.model.shares import PARTS

ALGORITHM = 1
"""Version of the assignment algorithm given to new experiments; an experiment keeps its own for life."""
MAX_VARIANTS = 11
MAX_TAGS = 50


class ExperimentType(StrEnum):
    """What kind of experiment it is."""

    AB = "ab"
    AA = "aa"
    MULTIVARIATE = "multivariate"
    BANDIT = "bandit"
    CONTEXTUAL_BANDIT = "contextual_bandit"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One arm: `weight` in parts of 1,000,000, and the `config` that the product reads.

    levels: in a factorial experiment, the level of each factor. version, author, tags: of the config, for people.
    """

    key: str
    name: str = ""
    description: str = ""
    weight: int = 0
    control: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_key(self.key, "key")
        check_text(self.name, "name", most=200)
        check_text(self.version, "version", most=100)
        check_text(self.author, "author", most=200)
        if len(self.tags) > MAX_TAGS:
            raise InvalidInput("tags", f"{len(self.tags)} tags", f"at most {MAX_TAGS}")
        for tag in self.tags:
            check_text(tag, "tags", most=100)
        check_text(self.description, "description", most=10_000)
        if not 0 <= self.weight <= PARTS:
            raise InvalidInput("weight", self.weight, f"parts of {PARTS:,}")

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A definition at one revision. A draft may be incomplete; `service` checks completeness before a start.

    traffic: parts of 1,000,000 of the audience that take part, until the first step of `ramp`. salt: what makes this
    version's split its own. version grows with every change of a running experiment that is more than traffic;
    revision with every saved change. forced: units with a variant of their own, never counted. allow: when given,
    only these units take part; deny: never these. in_holdouts: whether the global holdouts hold for it; holdouts: those
    that do, fixed at the start. sticky: the server remembers the variant that a unit met, and keeps it there though its
    attributes or the traffic change. config_schema: a JSON Schema for the variants' configs, or the name of a built-in
    one.
    """

    key: str
    name: str
    type: ExperimentType = ExperimentType.AB
    description: str = ""
    hypothesis: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    audience: Audience = Audience()
    traffic: int = PARTS
    ramp: tuple[RampStep, ...] = ()
    randomization: Randomization = Randomization()
    factors: tuple[Factor, ...] = ()
    layer: LayerPlace | None = None
    in_holdouts: bool = True
    holdouts: tuple[HoldoutShare, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    forced: Mapping[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    sticky: bool = False
    config_schema: Mapping[str, Any] | str | None = None
    requires_approval: bool = False
    submitted_by: str = ""
    approved_by: str = ""
    links: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    plan: Plan = Plan()
    stage: Stage = Stage.DESIGN
    salt: str = "1"
    algorithm: int = ALGORITHM
    version: int = 1
    revision: int = 0
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    winner: str | None = None

    def __post_init__(self) -> None:
        check_key(self.key, "key")
        check_key(self.salt, "salt")
        check_name(self.name, "name")
        for field_name, most in (("description", 10_000), ("hypothesis", 10_000), ("owner", 200)):
            check_text(getattr(self, field_name), field_name, most=most)
        if len(self.tags) > MAX_TAGS:
            raise InvalidInput("tags", f"{len(self.tags)} tags", f"at most {MAX_TAGS}")
        for tag in self.tags:
            check_text(tag, "tags", most=100)
        if not 0 <= self.traffic <= PARTS:
            raise InvalidInput("traffic", self.traffic, f"parts of {PARTS:,}")
        if len(self.links) > MAX_TAGS:
            raise InvalidInput("links", f"{len(self.links)} links", f"at most {MAX_TAGS}")
        for link in self.links:
            check_text(link, "links", most=2_000)
        if self.planned_start and self.planned_end and self.planned_end <= self.planned_start:
            raise InvalidInput("end_date", self.planned_end.isoformat(), "a time after start_date")
        self._check_variants()
        self._check_entrance()
        self._check_randomization()
        self._check_metrics()

    def _check_variants(self) -> None:
        most = MAX_CELLS if self.factors else MAX_VARIANTS
        if len(self.variants) > most:
            accepted = f"at most {most} cells" if self.factors else "a control and at most 10 treatments"
            raise InvalidInput("variants", f"{len(self.variants)} variants", accepted)
        _check_unique("variants", [variant.key for variant in self.variants])
        controls = [variant.key for variant in self.variants if variant.control]
        if len(controls) > 1:
            raise InvalidInput("variants", f"controls {', '.join(controls)}", "exactly one control")
        total = sum(variant.weight for variant in self.variants)
        if total > PARTS:
            raise InvalidInput("variants", f"weights that sum to {total / PARTS:g}", "weights that sum to 1")

    def _check_entrance(self) -> None:
        """Lists, prerequisites and ramp."""
        check_units(tuple(self.forced), "forced")
        check_units(self.allow, "allow")
        check_units(self.deny, "deny")
        keys = {variant.key for variant in self.variants}
        for unit, variant in self.forced.items():
            if variant not in keys:
                raise InvalidInput(f"forced.{unit}", variant, f"one of the variants {', '.join(sorted(keys))}")
        if len(self.prerequisites) > MAX_PREREQUISITES:
            raise InvalidInput("prerequisites", f"{len(self.prerequisites)} of them", f"at most {MAX_PREREQUISITES}")
        if any(item.experiment == self.key for item in self.prerequisites):
            raise InvalidInput("prerequisites", self.key, "other experiments: this one would wait for itself")
        if len(self.ramp) > MAX_RAMP_STEPS:
            raise InvalidInput("ramp", f"{len(self.ramp)} steps", f"at most {MAX_RAMP_STEPS}")
        traffic = self.traffic
        for i, step in enumerate(self.ramp):
            if i and not step.after(self.ramp[i - 1]):
                given = step.after_hours if step.at is None else step.at.isoformat()
                raise InvalidInput(f"ramp[{i}].at", given, "a time after the step before, told in the same way")
            if not traffic <= step.traffic <= PARTS:
                accepted = f"a share from {traffic / PARTS:g}, the one before, to 1: traffic only grows"
                raise InvalidInput(f"ramp[{i}].traffic_allocation", step.traffic / PARTS, accepted)
            traffic = step.traffic

    def _check_randomization(self) -> None:
        chosen, weights = self.randomization, {item.key: item.weight for item in self.variants}
        complete = sum(weights.values()) == PARTS
        if chosen.method is Randomizer.UNIFORM and complete and max(weights.values()) - min(weights.values()) > 1:
            shares = ", ".join(f"{key} {weight / PARTS:g}" for key, weight in weights.items())
            raise InvalidInput("randomization.method", f"uniform with weights {shares}", "even weights, or 'weighted'")
        if chosen.method is Randomizer.BLOCKED and complete and chosen.block_size is not None:
            try:
                block_composition(weights, chosen.block_size)
            except InvalidInput as error:
                raise error.at(f"randomization.{error.field}") from None
        for i, stratum in enumerate(chosen.strata):
            unknown = sorted(set(stratum.weights) - set(weights))
            if unknown and weights:
                accepted = f"one of the variants {', '.join(weights)}"
                raise InvalidInput(f"randomization.strata[{i}].weights", unknown[0], accepted)

    def _check_metrics(self) -> None:
        _check_unique("metrics", [metric.key for metric in self.metrics])
        primaries = [metric.key for metric in self.metrics if metric.role is Role.PRIMARY]
        if len(primaries) > 1:
            raise InvalidInput("metrics", f"primaries {', '.join(primaries)}", "at most one primary metric")

    @property
    def data_key(self) -> str:
        """What its exposures and results are kept under: each version's data stay apart."""
        return data_key(self.key, self.version)

    @property
    def status(self) -> Status:
        """What people call the present stage."""
        return status_of(self.stage)

    @property
    def control(self) -> Variant | None:
        """The variant the others are compared with."""
        return next((variant for variant in self.variants if variant.control), None)

    @property
    def primary_metric(self) -> Metric | None:
        """The metric that decides."""
        return next((metric for metric in self.metrics if metric.role is Role.PRIMARY), None)

    def variant(self, key: str) -> Variant | None:
        """The variant with that key, if there is one."""
        return next((variant for variant in self.variants if variant.key == key), None)


def data_key(key: str, version: int) -> str:
    """What exposures and results of a version are kept under: the first one's key is its own name."""
    return key if version <= 1 else f"{key}@{version}"


def split_data_key(kept_under: str) -> tuple[str, int]:
    """The experiment and the version of a `data_key`; no key holds an @."""
    key, _, version = kept_under.partition("@")
    return key, int(version or 1)


def _check_unique(field_name: str, keys: list[str]) -> None:
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    if doubled:
        raise InvalidInput(field_name, ", ".join(doubled), "keys that differ from each other")
