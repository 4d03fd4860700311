"""Experiments and their variants: immutable definitions, changed only by making a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from assay.errors import InvalidInput
from assay.model.audience import Audience
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
    """One arm: `weight` in parts of 1,000,000, and the `config` that the product reads."""

    key: str
    name: str = ""
    description: str = ""
    weight: int = 0
    control: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_key(self.key, "key")
        check_text(self.name, "name", most=200)
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

    traffic: parts of 1,000,000 of the audience that take part. salt: what makes this version's split its own.
    revision grows by one with every saved change.
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
        if self.planned_start and self.planned_end and self.planned_end <= self.planned_start:
            raise InvalidInput("end_date", self.planned_end.isoformat(), "a time after start_date")
        self._check_variants()
        self._check_metrics()

    def _check_variants(self) -> None:
        if len(self.variants) > MAX_VARIANTS:
            raise InvalidInput("variants", f"{len(self.variants)} variants", "a control and at most 10 treatments")
        _check_unique("variants", [variant.key for variant in self.variants])
        controls = [variant.key for variant in self.variants if variant.control]
        if len(controls) > 1:
            raise InvalidInput("variants", f"controls {', '.join(controls)}", "exactly one control")
        total = sum(variant.weight for variant in self.variants)
        if total > PARTS:
            raise InvalidInput("variants", f"weights that sum to {total / PARTS:g}", "weights that sum to 1")

    def _check_metrics(self) -> None:
        _check_unique("metrics", [metric.key for metric in self.metrics])
        primaries = [metric.key for metric in self.metrics if metric.role is Role.PRIMARY]
        if len(primaries) > 1:
            raise InvalidInput("metrics", f"primaries {', '.join(primaries)}", "at most one primary metric")

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


def _check_unique(field_name: str, keys: list[str]) -> None:
    doubled = sorted({key for key in keys if keys.count(key) > 1})
    if doubled:
        raise InvalidInput(field_name, ", ".join(doubled), "keys that differ from each other")
