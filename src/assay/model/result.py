"""Results: what an analysis says, number by number. What cannot be computed says why instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from assay.model.lifecycle import Status
from assay.model.metric import Direction, Hypothesis, MetricKind, Role
from assay.model.plan import Correction, Plan


class Validity(StrEnum):
    """When a number may be trusted: at every look (anytime), or at one look fixed in advance (fixed)."""

    ANYTIME = "anytime"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class NoEstimate:
    """A number that cannot be computed: a stable code and the reason in words."""

    no_estimate: str
    reason: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval or sequence; a bound of None is unbounded on that side. level: 1 - alpha."""

    lower: float | None
    upper: float | None
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEstimate:
    """One variant's value of one metric. n_units: the units that enter it; total: n_units × value for sums."""

    variant: str
    n_units: int
    value: float | NoEstimate
    standard_deviation: float | NoEstimate
    standard_error: float | NoEstimate
    interval: Interval | NoEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSize:
    """How large a difference is beside the spread of units. name: Cohen's d or h; words: negligible to large."""

    name: str
    value: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What a Bayesian analysis says of a treatment against the control, in the metric's unit and better direction.

    chance_to_beat: that it is better than the control. chance_to_be_best: of all variants. expected_loss: what shipping
    it costs on average where it is worse. intervals: credible, at the level they say. prior, method: in words.
    """

    chance_to_beat: float
    chance_to_be_best: float | NoEstimate
    expected_loss: float
    interval: Interval
    relative_interval: Interval | NoEstimate
    prior: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A treatment against the control on one metric.

    absolute: treatment minus control, in the metric's unit. relative: treatment / control - 1.
    p_value is two-sided unless alternative or hypothesis say otherwise; p_value_adjusted is corrected within the
    family. Intervals are simultaneous over the family when the plan corrects. variance_reduction: share of variance
    removed with covariates or strata. log_p_value: natural logarithm, right also where a float ends. alternative:
    greater and less look for one side only, and their intervals have one bound. margin: of the hypothesis, a share of
    the control; significant then says that the hypothesis is shown. scale: what absolute is, where the test has a scale
    of its own and it is not in the metric's unit.
    """

    variant: str
    control: str
    absolute: float | NoEstimate
    absolute_interval: Interval | NoEstimate
    relative: float | NoEstimate
    relative_interval: Interval | NoEstimate
    p_value: float | NoEstimate
    p_value_adjusted: float | NoEstimate
    significant: bool
    better: bool | None
    test: str
    validity: Validity
    statistic: float | None = None
    degrees_of_freedom: float | None = None
    variance_reduction: float | None = None
    log_p_value: float | NoEstimate | None = None
    alternative: str = "two_sided"
    hypothesis: Hypothesis = Hypothesis.DIFFERENCE
    margin: float | None = None
    effect_size: EffectSize | None = None
    posterior: Posterior | None = None
    warnings: tuple[str, ...] = ()
    scale: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """One metric over all variants. threshold: a guardrail's absolute bound, on the side that is worse.

    correction: the plan's, or Holm's where Dunnett's is planned and the metric's test has none.
    """

    metric: str
    title: str
    kind: MetricKind
    role: Role
    direction: Direction
    arms: tuple[ArmEstimate, ...]
    comparisons: tuple[Comparison, ...]
    correction: Correction
    family_size: int
    warnings: tuple[str, ...] = ()
    threshold: float | None = None

    def arm(self, variant: str) -> ArmEstimate | None:
        """The estimate of one variant."""
        return next((arm for arm in self.arms if arm.variant == variant), None)

    @property
    def interval_level(self) -> float | None:
        """The level of this metric's intervals, higher than 1 - alpha where they hold for a whole family at once."""
        intervals = (item.absolute_interval for item in self.comparisons)
        return next((interval.level for interval in intervals if isinstance(interval, Interval)), None)

    def comparison(self, variant: str) -> Comparison | None:
        """The comparison of one treatment with the control."""
        return next((item for item in self.comparisons if item.variant == variant), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """Units seen per variant against the planned shares.

    p_value: chi-square, for one look. p_value_anytime: valid at every look (Dirichlet-multinomial martingale).
    mismatch: the p-value that applies is below the plan's srm_alpha.
    """

    expected: Mapping[str, float]
    observed: Mapping[str, int]
    p_value: float | NoEstimate
    p_value_anytime: float | NoEstimate
    mismatch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailState:
    """One guardrail for one variant.

    exceeds: its value is beyond the threshold. alarm: surely so, because its whole interval is beyond the threshold,
    or because it is significantly worse than the control. unknown: there is no value to judge.
    """

    metric: str
    variant: str
    exceeds: bool
    alarm: bool
    unknown: bool
    reason: str


class Action(StrEnum):
    """What to do next."""

    CONTINUE = "continue"
    SHIP = "ship"
    STOP = "stop"
    EXTEND = "extend"
    MODIFY = "modify"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The verdict in words: one sentence, its reasons, and what to beware of."""

    action: Action
    sentence: str
    winner: str | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far towards the planned sample. required_per_variant is None when the plan names no sample."""

    required_per_variant: int | None
    share_by_variant: Mapping[str, float] = field(default_factory=dict)
    days_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality:
    """What was seen and not counted, by a stated rule.

    units_in_two_variants: units exposed to more than one variant, left out of every variant.
    events_before_exposure: events of exposed units before their first exposure, neither counted nor part of a
    covariate, of any metric.
    sampled_one_in: only one in so many units was looked at, drawn by name; all counts are of these. 1: all.
    """

    units_in_two_variants: int = 0
    events_before_exposure: int = 0
    sampled_one_in: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """Everything one analysis of one experiment says, at one moment.

    looks: of a group sequential plan, the share of the planned sample at each look taken.
    """

    experiment: str
    version: int
    at: datetime
    status: Status
    plan: Plan
    validity: Validity
    control: str
    n_units: int
    units: Mapping[str, int]
    metrics: tuple[MetricResult, ...]
    sample_ratio: SampleRatio
    recommendation: Recommendation
    progress: Progress
    quality: DataQuality = DataQuality()
    guardrails: tuple[GuardrailState, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    final: bool = False
    looks: tuple[float, ...] = ()

    def metric(self, key: str) -> MetricResult | None:
        """The result of one metric."""
        return next((item for item in self.metrics if item.metric == key), None)

    @property
    def primary(self) -> MetricResult | None:
        """The result of the metric that decides."""
        return next((item for item in self.metrics if item.role is Role.PRIMARY), None)
