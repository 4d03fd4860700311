"""The services together on real adapters: final results, failures that stay alone, snapshots, planning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.app.server import App, build
from assay.app.settings import Settings
from assay.errors import Conflict, InvalidInput
from assay.model.event import microseconds
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage, Status
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.metric import Measure, Metric, MetricKind, Role
from assay.model.moments import Moments
from assay.model.plan import Method, Plan
from assay.model.result import Action, NoEstimate, Validity
from assay.service.analyse import request_of, result_of, validity_of
from assay.service.checklist import checklist
from assay.service.eventlines import exposure_line
from assay.service.planning import check_plan, planned_sample
from assay.worker.loop import Loop

NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = build(Settings(data=tmp_path / "data"))
    yield app
    app.close()


def experiment(**changes: object) -> Experiment:
    base = Experiment(
        key="e",
        name="E",
        variants=(Variant(key="control", weight=500_000, control=True), Variant(key="b", weight=500_000)),
        metrics=(Metric(key="bought", kind=MetricKind.CONVERSION, event="buy", role=Role.PRIMARY),),
        stage=Stage.RUNNING,
        started_at=NOW,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def counted(units: dict[str, int], successes: dict[str, int]) -> ExperimentMoments:
    arms = {key: Moments.of_counts(successes[key], n) for key, n in units.items()}
    return ExperimentMoments(experiment="e", units=units, metrics={"bought": arms}, first_exposure_at=NOW)


def started(app: App, key: str = "e") -> Experiment:
    app.services.editing.create(experiment(key=key, stage=Stage.DESIGN), actor="test", key_is_given=True)
    return app.services.lifecycle.start(key, actor="test")


def expose(app: App, key: str, n_units: int) -> None:
    now = datetime.now(timezone.utc)
    lines = [exposure_line(f"u{i}", key, "b" if i % 2 else "control", microseconds(now), {}) for i in range(n_units)]
    app.inbox.append(b"\n".join(lines)).result()


def test_what_came_in_before_the_stop_is_in_the_final_result(app: App) -> None:
    started(app)
    loop = Loop(app.services, 1.0)
    expose(app, "e", 10)
    app.services.lifecycle.stop("e", actor="test")
    loop.round()
    result = app.services.reading.latest("e")
    assert result is not None
    assert (result.final, result.n_units) == (True, 10)
    assert app.services.reading.experiment("e").stage is Stage.DECISION
    expose(app, "e", 20)
    loop.round()
    assert app.services.reading.latest("e") == result


def test_results_are_saved_only_when_something_moved(app: App) -> None:
    started(app)
    loop = Loop(app.services, 1.0)
    expose(app, "e", 10)
    for _ in range(3):
        loop.round()
    expose(app, "e", 10)
    loop.round()
    assert len(app.services.reading.series("e")) == 1
    expose(app, "e", 11)
    loop.round()
    assert [result.n_units for result in app.services.reading.series("e")] == [10, 11]


def test_a_round_that_fails_is_tried_again(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    started(app)
    expose(app, "e", 4)
    loop = Loop(app.services, 0.01)
    with monkeypatch.context() as broken:
        broken.setattr(type(app.warehouse), "load", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            loop.round()
    loop.round()
    result = app.services.reading.latest("e")
    assert result is not None
    assert result.n_units == 4


def test_the_snapshot_follows_the_definitions(app: App) -> None:
    before = app.services.snapshots.current
    started(app)
    assert app.services.snapshots.current.version > before.version
    assert app.services.snapshots.current.running == ("e",)
    assert app.services.snapshots.refresh() is False


def test_zero_variance_and_an_empty_arm_say_why() -> None:
    spent = Metric(key="bought", kind=MetricKind.SUM, event="buy", field="price", role=Role.PRIMARY)
    same = {key: Moments.of(("value",), [(3.0,)] * 50) for key in ("control", "b")}
    moments = ExperimentMoments(experiment="e", units={"control": 50, "b": 50}, metrics={"bought": same})
    constant = result_of(experiment(metrics=(spent,)), moments, NOW)
    (comparison,) = constant.metrics[0].comparisons
    assert isinstance(comparison.p_value, NoEstimate)
    assert comparison.p_value.no_estimate == "zero_variance"
    assert constant.recommendation.action is Action.CONTINUE
    empty = result_of(experiment(), counted({"control": 50, "b": 0}, {"control": 5, "b": 0}), NOW)
    (comparison,) = empty.metrics[0].comparisons
    assert isinstance(comparison.absolute, NoEstimate)
    assert comparison.absolute.no_estimate == "empty_arm"
    assert comparison.absolute.reason


def test_one_metric_that_fails_leaves_the_others_standing() -> None:
    ratio = Metric(key="broken", kind=MetricKind.RATIO, event="a", denominator=Measure(event="b"))
    moments = counted({"control": 500, "b": 500}, {"control": 50, "b": 60})
    result = result_of(experiment(metrics=(*experiment().metrics, ratio)), moments, NOW)
    assert [metric.metric for metric in result.metrics] == ["bought"]
    assert result.failures["broken"]


def test_a_sample_ratio_mismatch_never_has_a_winner() -> None:
    result = result_of(experiment(), counted({"control": 4_000, "b": 6_000}, {"control": 100, "b": 900}), NOW)
    assert result.sample_ratio.mismatch
    assert result.recommendation.winner is None
    assert result.primary is not None
    assert result.primary.comparisons[0].significant


def test_fixed_numbers_only_at_the_end_that_was_planned() -> None:
    plan = Plan(method=Method.FIXED, required_per_variant=1_000)
    moments = counted({"control": 1_000, "b": 1_010}, {"control": 100, "b": 120})
    running = experiment(plan=plan)
    stopped = experiment(plan=plan, stage=Stage.ANALYSIS, ended_at=NOW + timedelta(days=7))
    assert validity_of(running, moments, 1_000) is Validity.ANYTIME
    assert validity_of(stopped, moments, 1_000) is Validity.FIXED
    assert validity_of(stopped, moments, 1_011) is Validity.ANYTIME
    assert validity_of(stopped, moments, 500) is Validity.ANYTIME
    dated = replace(stopped, planned_end=NOW + timedelta(days=7))
    assert validity_of(dated, moments, None) is Validity.FIXED
    assert validity_of(replace(dated, ended_at=NOW + timedelta(days=6)), moments, None) is Validity.ANYTIME
    assert validity_of(replace(stopped, plan=Plan()), moments, 1_000) is Validity.ANYTIME
    assert stopped.status is Status.COMPLETED


def test_the_plan_is_for_its_method_and_all_treatments_together() -> None:
    plan = Plan(method=Method.FIXED, baseline=0.05, minimum_effect=0.1)
    assert planned_sample(experiment(plan=plan)) == 31_231
    three = (*experiment().variants[:1], Variant(key="b", weight=250_000), Variant(key="c", weight=250_000))
    more = planned_sample(experiment(plan=plan, variants=three))
    watched = planned_sample(experiment(plan=replace(plan, method=Method.SEQUENTIAL)))
    assert more is not None
    assert watched is not None
    assert more > 31_231
    # Looking whenever one likes has a price: tests/sim shows that this many units give the power.
    assert 1.5 * 31_231 < watched < 2.5 * 31_231
    assert planned_sample(experiment(plan=replace(plan, required_per_variant=500))) == 500
    in_looks = planned_sample(experiment(plan=replace(plan, method=Method.GROUP_SEQUENTIAL)))
    assert in_looks is not None
    assert 31_231 < in_looks < 1.05 * 31_231
    with pytest.raises(InvalidInput, match=r"plan\.baseline"):
        check_plan(experiment(plan=replace(plan, baseline=1.5)), {})


def test_one_experiment_that_cannot_be_aggregated_stops_no_other(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("good", "bad"):
        started(app, key)
        expose(app, key, 6)
    whole = type(app.warehouse).moments

    def failing(warehouse: DuckdbWarehouse, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        if any(request.experiment == "bad" for request in requests):
            raise OverflowError("a number beyond every bound")
        return whole(warehouse, requests)

    monkeypatch.setattr(type(app.warehouse), "moments", failing)
    app.services.lifecycle.stop("bad", actor="test")
    Loop(app.services, 1.0).round()
    result = app.services.reading.latest("good")
    assert result is not None
    assert result.n_units == 6
    assert app.services.reading.latest("bad") is None
    assert app.services.lifecycle.cancel("bad", actor="test").stage is Stage.CANCELLED


def test_what_was_loaded_before_a_failure_is_analysed_after_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    started(app)
    expose(app, "e", 4)
    loop = Loop(app.services, 1.0)
    loop.round()
    expose(app, "e", 8)
    with monkeypatch.context() as broken:
        broken.setattr(type(app.services.analysing), "analyse", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            loop.round()
    loop.round()
    result = app.services.reading.latest("e")
    assert result is not None
    assert result.n_units == 8


def test_events_that_arrive_after_the_end_but_happened_before_it_still_count(app: App) -> None:
    started(app)
    expose(app, "e", 10)
    loop = Loop(app.services, 1.0)
    before_the_end = datetime.now(timezone.utc)
    app.services.lifecycle.stop("e", actor="test")
    loop.round()
    late = [exposure_line(f"late{i}", "e", "b", microseconds(before_the_end), {}) for i in range(5)]
    too_late = [exposure_line(f"too-late{i}", "e", "b", microseconds(datetime.now(timezone.utc)), {}) for i in range(7)]
    app.inbox.append(b"\n".join(late + too_late)).result()
    loop.round()
    result = app.services.reading.latest("e")
    assert result is not None
    assert (result.final, result.n_units) == (True, 15)
    app.services.lifecycle.conclude("e", winner=None, actor="test")
    app.inbox.append(exposure_line("later", "e", "b", microseconds(before_the_end), {})).result()
    loop.round()
    assert app.services.reading.latest("e") == result


def test_a_fixed_plan_is_cut_at_the_end_it_had_set() -> None:
    planned = NOW + timedelta(days=7)
    fixed = experiment(plan=Plan(method=Method.FIXED), planned_end=planned, stage=Stage.ANALYSIS)
    assert request_of(replace(fixed, ended_at=planned + timedelta(days=3))).until == planned
    assert request_of(replace(fixed, ended_at=planned - timedelta(days=3))).until == planned - timedelta(days=3)
    watched = replace(fixed, plan=Plan(), ended_at=planned + timedelta(days=3))
    assert request_of(watched).until == planned + timedelta(days=3)
    checks = {check.name: check for check in checklist(replace(fixed, stage=Stage.DESIGN), planned)}
    assert (checks["end_date"].ok, checks["end_date"].blocking) == (False, True)


def test_a_mismatch_cannot_be_concluded_with_a_winner(app: App) -> None:
    started(app)
    now = datetime.now(timezone.utc)
    lines = [exposure_line(f"u{i}", "e", "b" if i % 10 else "control", microseconds(now), {}) for i in range(2_000)]
    app.inbox.append(b"\n".join(lines)).result()
    app.services.lifecycle.stop("e", actor="test")
    Loop(app.services, 1.0).round()
    with pytest.raises(Conflict, match="sample-ratio mismatch"):
        app.services.lifecycle.conclude("e", winner="b", actor="test")
    assert app.services.lifecycle.conclude("e", winner=None, actor="test").stage is Stage.COMPLETED


def test_the_checklist_names_experiments_that_decide_on_the_same_event() -> None:
    other = experiment(key="other")
    checks = {check.name: check for check in checklist(experiment(), NOW, [other, experiment()])}
    assert checks["overlap"].ok is False
    assert "other" in checks["overlap"].message
    assert checks["overlap"].blocking is False
