"""Metrics: what is measured on each unit, and which way is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput
from assay.model.names import check_key

MAX_EVENT_CHARACTERS = 100
MAX_FIELD_CHARACTERS = 200
MAX_HOURS = 87_600


class MetricKind(StrEnum):
    """How a unit's events become its value, and values become an estimate.

    conversion: 1 if the unit has at least one event, else 0; the estimate is a share of exposed units.
    count: the unit's number of events (0 without any); the estimate is per exposed unit.
    sum: the sum of `field` over the unit's events (0 without any); the estimate is per exposed unit.
    mean: `aggregation` of `field` over the unit's events; units without the event have no value and are left out.
    ratio: sum over units of the numerator divided by sum over units of the denominator (delta method).
    """

    CONVERSION = "conversion"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    RATIO = "ratio"


class Aggregation(StrEnum):
    """How several events of one unit become one number."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


class Direction(StrEnum):
    """Which way is better."""

    INCREASE = "increase"
    DECREASE = "decrease"


class Role(StrEnum):
    """What the metric is for: one primary decides, secondaries explain, guardrails protect."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number per unit: `aggregation` of `field` over the events of type `event`.

    `event` None takes any event that carries `field`; `field` None counts events.
    """

    event: str | None = None
    field: str | None = None
    aggregation: Aggregation = Aggregation.SUM

    def __post_init__(self) -> None:
        if self.event is None and self.field is None:
            raise InvalidInput("event", None, "an event type (or a field, to take it from any event)")
        if self.event is not None and not 0 < len(self.event) <= MAX_EVENT_CHARACTERS:
            raise InvalidInput("event", self.event, f"an event type of 1 to {MAX_EVENT_CHARACTERS} characters")
        if self.field is not None and not 0 < len(self.field) <= MAX_FIELD_CHARACTERS:
            raise InvalidInput("field", self.field, f"a field name of 1 to {MAX_FIELD_CHARACTERS} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric of an experiment.

    window_hours: events count from first exposure for this long (None: until the experiment ends).
    cap: per-unit values above it are set to it (winsorising by a fixed bound; ratio: the numerator).
    covariate_hours: CUPED with the same measure over this many hours before first exposure (mean-like kinds).
    threshold: an absolute bound for a guardrail, in the metric's own unit, on the side that is worse.
    """

    key: str
    kind: MetricKind
    event: str | None = None
    field: str | None = None
    aggregation: Aggregation | None = None
    denominator: Measure | None = None
    role: Role = Role.SECONDARY
    direction: Direction = Direction.INCREASE
    window_hours: float | None = None
    cap: float | None = None
    covariate_hours: float | None = None
    threshold: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_key(self.key, "key")
        if self.kind in (MetricKind.SUM, MetricKind.MEAN) and self.field is None:
            raise InvalidInput("field", None, f"the field to aggregate: a {self.kind.value} metric needs one")
        if self.kind is MetricKind.RATIO and self.denominator is None:
            raise InvalidInput("denominator", None, "a measure with event, field or both: a ratio metric needs one")
        if self.kind is not MetricKind.RATIO and self.denominator is not None:
            raise InvalidInput("denominator", self.denominator, f"nothing: a {self.kind.value} metric has none")
        for name, most in (("window_hours", MAX_HOURS), ("covariate_hours", MAX_HOURS), ("cap", math.inf)):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and 0 < value <= most):
                accepted = "a number above 0" if math.isinf(most) else f"hours above 0 and at most {most:,} (ten years)"
                raise InvalidInput(name, value, accepted)
        if self.covariate_hours is not None and self.kind is MetricKind.RATIO:
            raise InvalidInput("covariate_hours", self.covariate_hours, "nothing for a ratio metric")
        if self.aggregation is not None and self.kind not in (MetricKind.MEAN, MetricKind.RATIO):
            raise InvalidInput("aggregation", self.aggregation.value, f"nothing: {self.kind.value} fixes its own")
        self.measure()

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.key

    def measure(self) -> Measure:
        """What is taken from each unit's events (a ratio's numerator)."""
        if self.kind in (MetricKind.CONVERSION, MetricKind.COUNT):
            return Measure(event=self.event, field=self.field, aggregation=Aggregation.COUNT)
        if self.kind is MetricKind.MEAN:
            return Measure(event=self.event, field=self.field, aggregation=self.aggregation or Aggregation.MEAN)
        if self.kind is MetricKind.RATIO:
            default = Aggregation.COUNT if self.field is None else Aggregation.SUM
            return Measure(event=self.event, field=self.field, aggregation=self.aggregation or default)
        return Measure(event=self.event, field=self.field, aggregation=Aggregation.SUM)
