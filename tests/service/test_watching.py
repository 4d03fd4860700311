"""Which parts answer is told once when it changes; old events go, but not what an experiment needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import structlog
from structlog.testing import capture_logs

from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.adapters.prometheus import PrometheusTelemetry
from assay.errors import Unavailable
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.model.metric import Metric, MetricKind, Role
from assay.service.retention import Retention
from assay.service.watching import Watch

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


class Part:
    """Something that answers, or not."""

    def __init__(self) -> None:
        self.gone = False

    def check(self) -> None:
        if self.gone:
            raise Unavailable("nobody at home")


def test_a_part_that_goes_and_comes_back_is_told_once_each() -> None:
    structlog.reset_defaults()
    part, other, telemetry = Part(), Part(), PrometheusTelemetry()
    watch = Watch({"inbox": part.check, "else": other.check}, telemetry)
    watch.look()
    assert watch.states() == {"inbox": "ok", "else": "ok"}
    part.gone = True
    with capture_logs() as told:
        watch.look()
        watch.look()
        assert watch.states() == {"inbox": "nobody at home", "else": "ok"}
        assert b'ab_test_part_up{part="inbox"} 0.0' in telemetry.exposition()
        part.gone = False
        watch.look()
    assert watch.problems == {}
    assert [(item["event"], item["part"]) for item in told] == [
        ("part does not answer", "inbox"),
        ("part answers again", "inbox"),
    ]
    assert "503" in told[0]["meanwhile"]
    assert b'ab_test_part_up{part="inbox"} 1.0' in telemetry.exposition()


def test_a_check_that_breaks_harms_no_other() -> None:
    def broken() -> None:
        raise ZeroDivisionError("oh")

    watch = Watch({"a": broken, "b": Part().check}, PrometheusTelemetry())
    watch.look()
    assert watch.states() == {"a": "oh", "b": "ok"}


def experiment(days_ago: float, covariate_hours: float | None) -> Experiment:
    metric = Metric(key="m", kind=MetricKind.SUM, event="buy", field="v", role=Role.PRIMARY)
    return Experiment(
        key="e",
        name="E",
        variants=(Variant(key="a", weight=500_000, control=True), Variant(key="b", weight=500_000)),
        metrics=(replace(metric, covariate_hours=covariate_hours),),
        stage=Stage.RUNNING,
        started_at=NOW - timedelta(days=days_ago),
    )


def test_events_that_an_experiment_may_still_read_are_kept() -> None:
    keeping = Retention(MemoryWarehouse(), lambda: NOW, days=90)
    assert keeping.oldest_needed([]) == NOW - timedelta(days=90)
    assert keeping.oldest_needed([experiment(10, None)]) == NOW - timedelta(days=90)
    assert keeping.oldest_needed([experiment(120, None)]) == NOW - timedelta(days=120)
    assert keeping.oldest_needed([experiment(120, 48.0), experiment(100, None)]) == NOW - timedelta(days=122)
