"""Request bodies of the control plane: shapes for documentation and a first check; the model has the last word."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field

from assay.http.entrance_payloads import EntranceIn, Number, Payload, Share
from assay.http.targeting import TargetingIn

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class VariantIn(Payload):
    """A variant. Without any `is_control`, the variant whose id is 'control' is the control."""

    id: str | None = Field(None, validation_alias=AliasChoices("id", "key", "variant_id"))
    name: str = ""
    description: str = ""
    traffic_allocation: Share | None = Field(None, validation_alias=AliasChoices("traffic_allocation", "weight"))
    is_control: bool | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    version: str = ""
    author: str = ""
    tags: list[str] = Field(default_factory=list)


class MeasureIn(Payload):
    """One number per unit: `aggregation` of `field` over events of type `event`."""

    event: str | None = None
    field: str | None = None
    aggregation: Literal["sum", "mean", "min", "max", "count"] | None = None


class MetricIn(Payload):
    """A metric. `continuous` is another word for `mean`, `revenue` for `sum`; thresholds are for guardrails."""

    key: str | None = Field(None, validation_alias=AliasChoices("key", "id"))
    name: str = ""
    type: Literal["conversion", "continuous", "mean", "count", "sum", "revenue", "ratio", "quantile"] = Field(
        "conversion", validation_alias=AliasChoices("type", "kind")
    )
    event: str | None = Field(None, validation_alias=AliasChoices("event", "numerator_event"))
    field: str | None = None
    aggregation: Literal["sum", "mean", "min", "max", "count"] | None = None
    denominator: MeasureIn | Literal["users_exposed"] | None = None
    role: Literal["primary", "secondary", "guardrail"] | None = None
    direction: Literal["increase", "decrease"] | None = None
    window_hours: Positive | None = None
    cap: Positive | None = None
    covariate_hours: Positive | None = None
    quantile: Share | None = None
    test: Annotated[str, Field(max_length=100)] | None = None
    hypothesis: Literal["difference", "superiority", "non_inferiority", "equivalence"] = "difference"
    margin: Share | None = None
    one_sided: bool = False
    threshold: Number | None = Field(
        None, validation_alias=AliasChoices("threshold", "threshold_ms", "threshold_percentage")
    )
    alert_on_degradation: bool | None = None
    alert_on_increase: bool | None = None
    alert_on_decrease: bool | None = None


class SampleSizeIn(Payload):
    """What the plan's sample rests on; required_sample_per_variant is checked against it."""

    mde: Number | None = None
    baseline_rate: Number | None = None
    baseline_sd: Positive | None = None
    alpha: Number | None = None
    power: Number | None = None
    required_sample_per_variant: int | None = None


class PlanIn(Payload):
    """The analysis plan; see the model's Plan for each field."""

    method: Literal["sequential", "fixed", "group_sequential", "bayesian"] | None = None
    alpha: Number | None = None
    power: Number | None = None
    baseline: Number | None = None
    baseline_sd: Positive | None = None
    minimum_effect: Number | None = None
    required_per_variant: int | None = None
    correction: (
        Literal[
            "holm",
            "bonferroni",
            "hochberg",
            "dunnett",
            "benjamini_hochberg",
            "benjamini_yekutieli",
            "e_bh",
            "none",
        ]
        | None
    ) = None
    tuning_units: int | None = None
    srm_alpha: Number | None = None
    looks: Annotated[list[Number], Field(max_length=20)] | None = None
    spending: Literal["obrien_fleming", "pocock", "kim_demets"] | None = None
    prior_lift_sd: Positive | None = None


class ExperimentChange(EntranceIn):
    """The parts of a draft that can be set; those left out stay as they are."""

    name: str | None = None
    description: str | None = None
    hypothesis: str | None = None
    owner: str | None = None
    tags: list[str] | None = None
    links: list[str] | None = None
    requires_approval: bool | None = None
    config_schema: dict[str, Any] | str | None = Field(
        None,
        description="What every variant's config must fit: a JSON Schema (draft 2020-12, references inside it only),"
        " or 'website_metadata', the built-in form of titles, descriptions, images, colours and layout",
    )
    type: Literal["ab", "aa", "multivariate", "bandit", "contextual_bandit", "content"] | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    variants: list[VariantIn] | None = None
    targeting: TargetingIn | None = None
    audience: dict[str, Any] | list[Any] | None = None
    traffic_allocation: Share | None = None
    primary_metric: MetricIn | None = None
    secondary_metrics: list[MetricIn] | None = None
    guardrail_metrics: list[MetricIn] | None = None
    metrics: list[MetricIn] | None = None
    sample_size: SampleSizeIn | None = None
    plan: PlanIn | None = None


class ExperimentIn(ExperimentChange):
    """A new experiment. Without an id, one is made from the name."""

    id: str | None = Field(None, validation_alias=AliasChoices("id", "key", "experiment_id"))
    salt: str | None = None
    name: str

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Checkout button",
                "hypothesis": "A green button is clicked more often",
                "variants": [{"id": "control", "traffic_allocation": 0.5}, {"id": "green", "traffic_allocation": 0.5}],
                "primary_metric": {"name": "click_rate", "type": "conversion", "event": "click"},
                "plan": {"baseline": 0.05, "minimum_effect": 0.1},
            }
        }
    )


class SampleSizeRequest(Payload):
    """How many units are needed to find `mde`, a relative effect, over `baseline_rate` (or baseline_mean).

    method: fixed for one look at the end, sequential for looking whenever you like.
    """

    metric_type: Literal["conversion", "continuous", "mean", "sum", "count"] = "conversion"
    baseline_rate: Number | None = None
    baseline_mean: Number | None = None
    baseline_sd: Positive | None = Field(None, validation_alias=AliasChoices("baseline_sd", "baseline_std"))
    mde: Number
    alpha: Number = 0.05
    power: Number = 0.8
    num_variants: Annotated[int, Field(ge=2, le=11)] = 2
    two_tailed: bool = True
    correction: Literal["holm", "bonferroni", "none"] = "holm"
    daily_traffic: Annotated[float, Field(ge=1, le=1e12, allow_inf_nan=False)] | None = None
    method: Literal["fixed", "sequential"] = "fixed"


class ConcludeIn(Payload):
    """The decision of people: the variant to keep, or null."""

    winner: str | None = None
