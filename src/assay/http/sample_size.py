"""The sample-size calculator over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from assay.errors import InvalidInput
from assay.http.payloads import SampleSizeRequest
from assay.service.samplesize import SampleSizeQuestion, answer

_NAMES = {"relative_effect": "mde", "n_comparisons": "num_variants", "standard_deviation": "baseline_sd"}
"""What the formulas call a thing → what the request calls it."""


def sample_size_router() -> APIRouter:
    """POST /api/v1/experiments/sample-size."""
    router = APIRouter(prefix="/api/v1/experiments", tags=["planning"])

    @router.post("/sample-size", summary="Units needed to find an effect, and how long that takes")
    def sample_size(payload: SampleSizeRequest) -> dict[str, Any]:
        conversion = payload.metric_type == "conversion"
        name = "baseline_rate" if conversion else "baseline_mean"
        baseline = payload.baseline_rate if conversion else payload.baseline_mean
        if baseline is None:
            raise InvalidInput(name, None, "the expected value in control")
        if not conversion and payload.baseline_sd is None:
            raise InvalidInput("baseline_sd", None, "the expected standard deviation of a unit's value")
        question = SampleSizeQuestion(
            baseline=baseline,
            baseline_name=name,
            baseline_sd=None if conversion else payload.baseline_sd,
            relative_effect=payload.mde,
            alpha=payload.alpha,
            power=payload.power,
            n_variants=payload.num_variants,
            two_sided=payload.two_tailed,
            corrected=payload.correction != "none",
            daily_traffic=payload.daily_traffic,
            sequential=payload.method == "sequential",
        )
        try:
            return answer(question)
        except InvalidInput as error:
            raise error.at(_NAMES.get(error.field, name if error.field == "baseline" else error.field)) from None

    return router
