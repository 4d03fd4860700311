"""The planner over HTTP: the whole answer, mistakes as problem documents, and its documentation."""

from __future__ import annotations

from typing import Any

import pytest

from assay.http.power_analysis import PowerAnalysisRequest, question_of
from assay.service.power_analysis import power_analysis
from assay.service.power_question import (
    CORRECTIONS,
    METHODS,
    METRIC_TYPES,
    ClusterQuestion,
    PowerQuestion,
)
from tests.http.conftest import Server

PATH = "/experiments/power-analysis"
USUAL: dict[str, Any] = {"metric_type": "conversion", "baseline": 0.05, "effect": 0.1}
EVERYTHING = {
    "required_sample_per_variant",
    "required_sample",
    "required_clusters",
    "total_sample_size",
    "sample_size",
    "power",
    "minimum_detectable_effect",
    "minimum_margin",
    "days_to_completion",
    "expected_sample_per_variant",
    "detectable_effects",
    "looks",
    "design",
    "warnings",
    "assumptions",
}


async def test_five_percent_and_ten_more(server: Server) -> None:
    answer = await server.post(PATH, USUAL | {"daily_traffic": 4_000})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == EVERYTHING
    assert body["required_sample_per_variant"] == 31_231
    assert body["total_sample_size"] == 62_462
    assert body["days_to_completion"] == 16
    assert body["power"] == pytest.approx(0.8, abs=1e-4)
    assert body["minimum_detectable_effect"]["value"] == pytest.approx(0.055, rel=1e-4)
    assert "5.00 % in control" in body["design"][0]


async def test_every_field_reaches_the_question(server: Server) -> None:
    asked = USUAL | {
        "power": 0.9,
        "weights": [2, 1, 1],
        "method": "group_sequential",
        "looks": [0.5, 1],
        "spending": "pocock",
        "correction": "dunnett",
        "clusters": {"mean_size": 10, "icc": 0.02, "size_cv": 0.5},
        "covariate_correlation": 0.3,
        "daily_traffic": [5_000, 9_000, 12_000, 14_000, 15_000, 15_500, 15_800],
        "traffic_share": 0.8,
    }
    question = PowerQuestion(
        **USUAL,
        power=0.9,
        weights=(2.0, 1.0, 1.0),
        method="group_sequential",
        looks=(0.5, 1.0),
        spending="pocock",
        correction="dunnett",
        clusters=ClusterQuestion(mean_size=10, icc=0.02, size_cv=0.5),
        covariate_correlation=0.3,
        daily_traffic=(5_000.0, 9_000.0, 12_000.0, 14_000.0, 15_000.0, 15_500.0, 15_800.0),
        traffic_share=0.8,
    )
    assert question_of(PowerAnalysisRequest(**asked)) == question
    body = (await server.post(PATH, asked)).json()
    assert body == power_analysis(question)
    assert body["days_to_completion"]["no_estimate"] == "beyond_traffic"
    assert set(PowerAnalysisRequest.model_fields) == set(PowerQuestion.__dataclass_fields__)


def test_the_request_knows_every_choice() -> None:
    properties = PowerAnalysisRequest.model_json_schema()["properties"]
    assert properties["metric_type"]["enum"] == list(METRIC_TYPES)
    assert properties["method"]["enum"] == list(METHODS)
    assert properties["correction"]["enum"] == list(CORRECTIONS)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"baseline": None}, "baseline"),
        ({"baseline": 1.2}, "baseline"),
        ({"baseline": "much"}, "baseline"),
        ({"metric_type": "median"}, "metric_type"),
        ({"metric_type": "mean"}, "baseline_sd"),
        ({"metric_type": "ratio"}, "unit_variance"),
        ({"metric_type": "count", "dispersion": 0}, "dispersion"),
        ({"baseline_sd": 3}, "baseline_sd"),
        ({"effect": 0}, "effect"),
        ({"effect": None}, "effect"),
        ({"scale": "log"}, "scale"),
        ({"power": 1}, "power"),
        ({"alpha": 0}, "alpha"),
        ({"one_sided": "perhaps"}, "one_sided"),
        ({"one_sided": True, "method": "sequential"}, "one_sided"),
        ({"one_sided": True, "direction": "decrease"}, "effect"),
        ({"direction": "up"}, "direction"),
        ({"hypothesis": "superiority"}, "margin"),
        ({"margin": 0.1}, "margin"),
        ({"weights": [1, -1]}, "weights"),
        ({"weights": [1, "x"]}, "weights[1]"),
        ({"num_variants": 1}, "num_variants"),
        ({"correction": "sidak"}, "correction"),
        ({"num_comparisons": 0}, "num_comparisons"),
        ({"method": "bayesian"}, "method"),
        ({"looks": 3}, "looks"),
        ({"method": "group_sequential", "looks": "many"}, "looks"),
        ({"method": "group_sequential", "looks": [0.5, 0.9]}, "looks"),
        ({"method": "group_sequential", "looks": [0.5, "x"]}, "looks"),
        ({"method": "group_sequential", "spending": "all"}, "spending"),
        ({"tuning_units": 100}, "tuning_units"),
        ({"form": "exact"}, "form"),
        ({"covariate_correlation": 1}, "covariate_correlation"),
        ({"clusters": {"mean_size": 10}}, "clusters.icc"),
        ({"clusters": {"mean_size": 0, "icc": 0.1}}, "clusters.mean_size"),
        ({"clusters": {"mean_size": 9, "icc": 0.1, "size_cv": -1}}, "clusters.size_cv"),
        ({"daily_traffic": 0}, "daily_traffic"),
        ({"daily_traffic": "lots"}, "daily_traffic"),
        ({"daily_traffic": [3, 2]}, "daily_traffic"),
        ({"daily_traffic": []}, "daily_traffic"),
        ({"traffic_share": 2}, "traffic_share"),
        ({"sample_size": 1}, "sample_size"),
        ({"mde": 0.1}, "mde"),
    ],
)
async def test_a_mistake_is_a_problem_that_names_the_field(server: Server, change: dict[str, Any], field: str) -> None:
    answer = await server.post(PATH, USUAL | change)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert answer.json()["accepted"]


async def test_the_documentation_has_the_route_and_its_examples_work(server: Server) -> None:
    document = (await server.http.get("/api/openapi.json")).json()
    operation = document["paths"][f"/api/v1{PATH}"]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) >= 3
    for example in examples.values():
        answer = await server.post(PATH, example["value"])
        assert answer.status_code == 200, answer.text
    assert operation["tags"] == ["planning"]


async def test_no_experiment_takes_the_path(server: Server) -> None:
    refused = await server.post("/experiments", {"id": "power-analysis", "name": "Power"})
    assert refused.status_code == 422
    named = await server.post("/experiments", {"name": "Power analysis"})
    assert named.json()["experiment_id"] == "power-analysis-experiment"
