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
    quantile: as mean, but the estimate is the `quantile` of the units' values.
    """

    CONVERSION = "conversion"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    RATIO = "ratio"
    QUANTILE = "quantile"


class Aggregation(StrEnum):
    """How several events of one unit become one number."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


_OWN_AGGREGATION = (MetricKind.MEAN, MetricKind.RATIO, MetricKind.QUANTILE)
"""Kinds that may say how several events of one unit become one number."""


class Direction(StrEnum):
    """Which way is better."""

    INCREASE = "increase"
    DECREASE = "decrease"


class Hypothesis(StrEnum):
    """What a comparison must show, in the metric's better direction; margins are shares of the control's value.

    difference: any difference. superiority: better by more than the margin. non_inferiority: not worse by the margin.
    equivalence: neither better nor worse by the margin (two one-sided tests).
    """

    DIFFERENCE = "difference"
    SUPERIORITY = "superiority"
    NON_INFERIORITY = "non_inferiority"
    EQUIVALENCE = "equivalence"


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
    covariate_hours: CUPED with the same measure over this many hours before first exposure (a ratio: both parts).
    threshold: an absolute bound for a guardrail, in the metric's own unit, on the side that is worse.
    quantile: which one, for a quantile metric: 0.5 is the median.
    test: the test of one look at the planned end, by name; None takes the kind's own.
    hypothesis, margin: what to show; a margin of 0.02 is 2 % of the control's value. one_sided: look only for a
    difference for the better (hypotheses with a margin have their own sides).
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
    quantile: float | None = None
    test: str | None = None
    hypothesis: Hypothesis = Hypothesis.DIFFERENCE
    margin: float | None = None
    one_sided: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        check_key(self.key, "key")
        if self.kind in (MetricKind.SUM, MetricKind.MEAN, MetricKind.QUANTILE) and self.field is None:
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
        if self.covariate_hours is not None and self.kind is MetricKind.QUANTILE:
            raise InvalidInput("covariate_hours", self.covariate_hours, "nothing for a quantile metric")
        if self.aggregation is not None and self.kind not in _OWN_AGGREGATION:
            raise InvalidInput("aggregation", self.aggregation.value, f"nothing: {self.kind.value} fixes its own")
        self._check_question()
        self.measure()

    def _check_question(self) -> None:
        is_quantile = self.kind is MetricKind.QUANTILE
        if is_quantile and (self.quantile is None or not 0 < self.quantile < 1):
            raise InvalidInput("quantile", self.quantile, "a number above 0 and below 1, as 0.5 for the median")
        if not is_quantile and self.quantile is not None:
            raise InvalidInput("quantile", self.quantile, f"nothing: a {self.kind.value} metric has none")
        needs_margin = self.hypothesis is not Hypothesis.DIFFERENCE
        if needs_margin and (self.margin is None or not 0 < self.margin < 1):
            accepted = f"a share of the control above 0 and below 1, as 0.02, for {self.hypothesis.value}"
            raise InvalidInput("margin", self.margin, accepted)
        if not needs_margin and self.margin is not None:
            raise InvalidInput("margin", self.margin, "nothing, unless hypothesis says what it is for")
        if self.test is not None and not 0 < len(self.test) <= MAX_EVENT_CHARACTERS:
            raise InvalidInput("test", self.test, f"the name of a test, at most {MAX_EVENT_CHARACTERS} characters")

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.key

    def measure(self) -> Measure:
        """What is taken from each unit's events (a ratio's numerator)."""
        if self.kind in (MetricKind.CONVERSION, MetricKind.COUNT):
            return Measure(event=self.event, field=self.field, aggregation=Aggregation.COUNT)
        if self.kind in (MetricKind.MEAN, MetricKind.QUANTILE):
            return Measure(event=self.event, field=self.field, aggregation=self.aggregation or Aggregation.MEAN)
        if self.kind is MetricKind.RATIO:
            default = Aggregation.COUNT if self.field is None else Aggregation.SUM
            return Measure(event=self.event, field=self.field, aggregation=self.aggregation or default)
        return Measure(event=self.event, field=self.field, aggregation=Aggregation.SUM)
