"""Plans, tests, hypotheses and quantiles over HTTP: from the definition to the numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Server

METRIC = {"name": "bought", "type": "conversion", "event": "buy"}


async def visit(server: Server, first: int, n: int, *, key: str = "checkout", bought: int = 3) -> None:
    """n units meet the experiment; of the green ones every second buys, of the others every `bought`-th."""
    events = []
    for i in range(first, first + n):
        asked = {"user_id": f"u{i}", "experiments": [key]}
        (found,) = (await server.post("/experiments/assign", asked)).json()["assignments"]
        every = 2 if found["variant_id"] == "green" else bought
        seconds = 1 + i % 10 + (5 if found["variant_id"] == "green" else 0)
        events.append({"user_id": f"u{i}", "event_type": "load", "metrics": {"seconds": seconds}})
        if i % every == 0:
            events.append({"user_id": f"u{i}", "event_type": "buy", "metrics": {"revenue": float(i % 7)}})
    for start in range(0, len(events), 100):
        answer = await server.post("/events", {"events": events[start : start + 100]})
        assert answer.status_code == 202, answer.text
    await server.count_everything()


async def versus(server: Server, metric: str, key: str = "checkout") -> dict[str, Any]:
    body = (await server.get(f"/experiments/{key}/results")).json()
    (green,) = [item for item in body["variants"] if item["variant_id"] == "green"]
    found: dict[str, Any] = green["metrics"][metric]["vs_control"]
    return found


async def test_looks_of_a_group_sequential_plan(server: Server) -> None:
    plan = {"method": "group_sequential", "required_per_variant": 200, "looks": [0.5, 1.0], "correction": "none"}
    await server.running(
        plan=plan, secondary_metrics=[{"name": "revenue", "type": "sum", "event": "buy", "field": "revenue"}]
    )
    await visit(server, 0, 100)
    early = await versus(server, "bought")
    assert early["p_value"]["no_estimate"] == "before_first_look"
    assert early["is_significant"] is False
    await visit(server, 100, 150)
    first = await versus(server, "bought")
    assert first["test_type"] == "two_proportion_z_group_sequential"
    assert isinstance(first["p_value"], float)
    await visit(server, 250, 50)
    between = await versus(server, "bought")
    assert between == first
    await visit(server, 300, 160)
    last = await versus(server, "bought")
    body = (await server.get("/experiments/checkout/results")).json()
    assert (body["total_users_exposed"], body["data_quality"]["events_before_exposure"]) == (460, 0)
    assert last != first
    assert last["is_significant"] is True


async def test_a_guardrail_that_must_not_be_worse(server: Server) -> None:
    guardrail = {
        "name": "revenue",
        "type": "sum",
        "event": "buy",
        "field": "revenue",
        "hypothesis": "non_inferiority",
        "margin": 0.3,
    }
    await server.running(guardrail_metrics=[guardrail], plan={"correction": "none", "tuning_units": 400})
    await visit(server, 0, 400)
    found = await versus(server, "revenue")
    assert (found["hypothesis"], found["margin"], found["alternative"]) == ("non_inferiority", 0.3, "greater")
    assert found["relative_interval"][1] is None
    assert (found["relative_interval"][0] > -0.3) is found["is_significant"]
    view = (await server.get("/experiments/checkout")).json()
    assert [m["margin"] for m in view["metrics"]] == [None, 0.3]


async def test_a_quantile_of_load_times(server: Server) -> None:
    median = {"name": "load", "type": "quantile", "event": "load", "field": "seconds", "quantile": 0.5}
    await server.running(secondary_metrics=[median], plan={"correction": "none"})
    await visit(server, 0, 400)
    found = await versus(server, "load")
    assert found["test_type"] == "quantile_sequence"
    lower, upper = found["absolute_interval"]
    assert lower <= found["absolute_lift"] <= upper
    assert 0 < lower <= upper <= 9
    assert found["is_significant"] is True
    body = (await server.get("/experiments/checkout/results")).json()
    values = {item["variant_id"]: item["metrics"]["load"]["value"] for item in body["variants"]}
    assert values["control"] in (5.0, 6.0)
    assert values["green"] - values["control"] == found["absolute_lift"]


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"primary_metric": {**METRIC, "test": "boschloo"}}, "metrics.bought.test", "two_proportion_z"),
        (
            {"primary_metric": {**METRIC, "test": "two_proportion_z_unpooled"}},
            "metrics.bought.test",
            "group_sequential",
        ),
        ({"primary_metric": {**METRIC, "hypothesis": "equivalence"}}, "margin", "equivalence"),
        ({"primary_metric": {**METRIC, "margin": 0.1}}, "margin", "hypothesis"),
        ({"primary_metric": {**METRIC, "quantile": 0.5}}, "quantile", "conversion"),
        (
            {"primary_metric": {"name": "t", "type": "quantile", "field": "s"}},
            "quantile",
            "0.5 for the median",
        ),
        ({"plan": {"looks": [0.5, 1.0]}}, "plan.looks", "group_sequential"),
        ({"plan": {"method": "group_sequential", "looks": [0.5, 0.4, 1.0]}}, "plan.looks", "ascending"),
        ({"plan": {"method": "fixed", "correction": "e_bh"}}, "plan.correction", "sequential"),
        ({"plan": {"method": "bayesian", "prior_lift_sd": 0}}, "plan.prior_lift_sd", ""),
        ({"plan": {"method": "sequential", "prior_lift_sd": 0.1}}, "plan.prior_lift_sd", ""),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(
    server: Server, body: dict[str, Any], field: str, words: str
) -> None:
    whole = {"id": "e", "name": "e", "variants": [{"id": "control"}, {"id": "b"}], "primary_metric": METRIC, **body}
    answer = await server.post("/experiments", whole)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["field"] == field
    assert words in problem["accepted"]
