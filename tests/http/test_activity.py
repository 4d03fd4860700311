"""Events as they happen, over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.http.conftest import Server

NOW = datetime.now(timezone.utc)


async def sent(server: Server) -> None:
    await server.running("checkout")
    for i in range(12):
        event = {
            "user_id": f"u{i % 4}",
            "event_type": "buy" if i % 3 else "click",
            "event_id": f"e{i}",
            "timestamp": (NOW - timedelta(minutes=90)).isoformat(),
            "metrics": {"revenue": float(i)} if i % 3 else {},
            "experiments": [],
        }
        assert (await server.post("/events", event)).status_code == 202
        assert (await server.post("/events", event)).status_code == 202
    await server.count_everything()


@pytest.mark.parametrize("grain", ["minute", "hour", "day"])
async def test_counts_by_time(server: Server, grain: str) -> None:
    await sent(server)
    answer = await server.get(f"/events/counts?grain={grain}")
    assert answer.status_code == 200
    counts = {item["event_type"]: item["events"] for item in answer.json()["counts"]}
    assert counts["buy"] == 8
    assert counts["click"] == 4
    only = (await server.get(f"/events/counts?grain={grain}&event_type=buy")).json()["counts"]
    assert {item["event_type"] for item in only} == {"buy"}


async def test_a_summary_is_exact_unless_asked_otherwise(server: Server) -> None:
    await sent(server)
    exact = (await server.get("/events/summary?event_type=buy&field=revenue&quantiles=0.5,0.95")).json()
    values = [1.0, 2.0, 4.0, 5.0, 7.0, 8.0, 10.0, 11.0]
    assert (exact["events"], exact["users"], exact["values"]) == (8, 4, 8)
    assert exact["mean"] == sum(values) / 8
    assert exact["quantiles"]["0.5"] == 6.0
    assert (exact["users_standard_error"], exact["quantile_rank_error"]) == (0.0, 0.0)
    near = (await server.get("/events/summary?event_type=buy&field=revenue&quantiles=0.5&approximate=true")).json()
    assert near["approximate"] is True
    assert near["users_standard_error"] > 0
    assert near["quantile_rank_error"] > 0
    assert near["users"] == pytest.approx(4, abs=1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("counts?grain=year", "grain"),
        ("counts?grain=minute&since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z", "grain"),
        ("counts?since=2026-01-01T00:00:00", "since"),
        ("counts?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
        ("summary?quantiles=0.5", "field"),
        ("summary?field=revenue&quantiles=2", "quantiles"),
        ("summary?field=revenue&quantiles=a", "quantiles"),
    ],
)
async def test_a_question_that_cannot_be_answered_names_its_field(server: Server, query: str, field: str) -> None:
    answer = await server.get(f"/events/{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == field


async def test_an_unknown_experiment(server: Server) -> None:
    assert (await server.get("/events/counts?experiment_id=nothing")).status_code == 404
