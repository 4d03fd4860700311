"""The planner over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import Field, ValidationError, WrapValidator

from assay.http.entrance_payloads import Number, Payload
from assay.service.power_analysis import power_analysis
from assay.service.power_question import ClusterQuestion, PowerQuestion


def _either(accepted: str) -> WrapValidator:
    """One mistake for a field of two shapes, so that it is named as the caller knows it."""

    def check(value: Any, inner: Callable[[Any], Any]) -> Any:
        try:
            return inner(value)
        except ValidationError:
            raise ValueError(accepted) from None

    return WrapValidator(check)


Traffic = Annotated[
    Number | Annotated[list[Number], Field(min_length=1, max_length=1000)],
    _either("units per day, or a list of the unique units seen up to each day"),
]
Looks = Annotated[
    Annotated[int, Field(ge=1, le=20)] | Annotated[list[Number], Field(min_length=1, max_length=20)],
    _either("a whole number from 1 to 20, or ascending fractions of the sample, the last 1"),
]


class ClustersIn(Payload):
    """Whole groups are randomised: units in each, intraclass correlation, coefficient of variation of their sizes."""

    mean_size: Number
    icc: Number
    size_cv: Number = 0.0


class PowerAnalysisRequest(Payload):
    """A planned experiment: what is measured, what is to be found, and how it will be judged.

    Give `effect` to size the experiment, `sample_size` (units of the smallest variant) to ask what a size can do, or
    `daily_traffic` to see what could be found by week. Effects and margins are shares of the baseline unless `scale`
    is absolute. `baseline_sd` is for a mean, `unit_variance` (delta method) for a ratio, `dispersion`, `exposure` and
    `heterogeneity` for a count. `weights` start with the control's.
    """

    metric_type: Literal["conversion", "mean", "ratio", "count"] = "conversion"
    baseline: Number
    baseline_sd: Number | None = None
    treatment_sd: Number | None = None
    unit_variance: Number | None = None
    dispersion: Number | None = None
    exposure: Number | None = None
    heterogeneity: Number | None = None
    pooled: bool | None = None
    effect: Number | None = None
    scale: Literal["relative", "absolute"] = "relative"
    power: Number = 0.8
    alpha: Number = 0.05
    one_sided: bool = False
    direction: Literal["increase", "decrease"] = "increase"
    hypothesis: Literal["difference", "superiority", "non_inferiority", "equivalence"] = "difference"
    margin: Number | None = None
    num_variants: int | None = None
    weights: list[Number] | None = None
    correction: Literal["holm", "bonferroni", "hochberg", "dunnett", "benjamini_hochberg", "none"] = "holm"
    num_comparisons: Annotated[int, Field(ge=1, le=10_000)] | None = None
    method: Literal["fixed", "sequential", "group_sequential"] = "fixed"
    looks: Looks | None = None
    spending: Literal["obrien_fleming", "pocock", "kim_demets"] | None = None
    tuning_units: Annotated[int, Field(ge=2, le=10**12)] | None = None
    form: Literal["large_sample", "exact"] = "large_sample"
    covariate_correlation: Number = 0.0
    clusters: ClustersIn | None = None
    daily_traffic: Traffic | None = None
    traffic_share: Number = 1.0
    sample_size: Annotated[int, Field(ge=2, le=10**12)] | None = None


_EXAMPLES: dict[str, Any] = {
    "conversion": {
        "summary": "5 % converts; find +10 %",
        "value": {"metric_type": "conversion", "baseline": 0.05, "effect": 0.1, "daily_traffic": 4000},
    },
    "mean": {
        "summary": "Revenue per user with a covariate, two treatments and a control, read at any time",
        "value": {
            "metric_type": "mean",
            "baseline": 12.5,
            "baseline_sd": 40,
            "effect": 0.03,
            "num_variants": 3,
            "correction": "holm",
            "method": "sequential",
            "covariate_correlation": 0.5,
        },
    },
    "guardrail": {
        "summary": "Not worse by 2 %, four planned looks",
        "value": {
            "metric_type": "conversion",
            "baseline": 0.3,
            "effect": 0,
            "hypothesis": "non_inferiority",
            "margin": 0.02,
            "method": "group_sequential",
            "looks": 4,
        },
    },
    "what_can_be_found": {
        "summary": "What 20,000 units per variant can find",
        "value": {"metric_type": "ratio", "baseline": 0.6, "unit_variance": 1.4, "sample_size": 20000},
    },
}


def power_analysis_router() -> APIRouter:
    """POST /api/v1/experiments/power-analysis."""
    router = APIRouter(prefix="/api/v1/experiments", tags=["planning"])

    @router.post("/power-analysis", summary="Sample size, power, detectable effects and days of a planned experiment")
    def analyse_power(
        payload: Annotated[PowerAnalysisRequest, Body(openapi_examples=_EXAMPLES)],
    ) -> dict[str, Any]:
        return power_analysis(question_of(payload))

    return router


def question_of(payload: PowerAnalysisRequest) -> PowerQuestion:
    """The question that a request asks."""
    values = payload.model_dump()
    for name in ("weights", "daily_traffic", "looks"):
        if isinstance(values[name], list):
            values[name] = tuple(values[name])
    if payload.clusters is not None:
        values["clusters"] = ClusterQuestion(**payload.clusters.model_dump())
    return PowerQuestion(**values)
