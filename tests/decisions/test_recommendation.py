"""The verdict in words, from real statistics on counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assay.decisions.guardrails import guardrail_states
from assay.decisions.recommendation import recommend
from assay.model.metric import Direction, Hypothesis, Metric, MetricKind, Role
from assay.model.moments import Moments
from assay.model.plan import Plan
from assay.model.result import Action, DataQuality, Progress, Recommendation, Validity
from assay.model.valuecounts import ValueCounts
from assay.stats.experiment import Beside, analyse_metrics
from assay.stats.trust.sample_ratio import sample_ratio

Counts = dict[str, tuple[int, int]]
BOUGHT = Metric(key="bought", kind=MetricKind.CONVERSION, event="buy", role=Role.PRIMARY)
ERRORS = Metric(
    key="errors", kind=MetricKind.CONVERSION, event="error", role=Role.GUARDRAIL, direction=Direction.DECREASE
)


def verdict(counts: Counts, *, errors: Counts | None = None, **changes: Any) -> Recommendation:
    """The recommendation for successes and units per variant."""
    plan = changes.pop("plan", Plan())
    validity = changes.pop("validity", Validity.ANYTIME)
    metrics = [changes.pop("primary", BOUGHT)]
    moments = {"bought": {key: Moments.of_counts(x, n) for key, (x, n) in counts.items()}}
    if errors is not None:
        metrics.append(ERRORS)
        moments["errors"] = {key: Moments.of_counts(x, n) for key, (x, n) in errors.items()}
    results, failures = analyse_metrics(
        metrics, moments, control="control", plan=plan, validity=validity, tuning_units=10_000
    )
    assert failures == {}
    observed = {key: n for key, (_, n) in counts.items()}
    even = dict.fromkeys(counts, 1_000_000 // len(counts))
    values: dict[str, Any] = {
        "metrics": results,
        "sample_ratio": sample_ratio(observed, even, alpha=plan.srm_alpha, validity=validity),
        "progress": Progress(required_per_variant=None),
        "plan": plan,
        "validity": validity,
        "control": "control",
        "titles": {"control": "Blue", "green": "Green button"},
        "running": True,
        "quality": DataQuality(),
    }
    return recommend(**(values | changes))


def test_nobody_yet() -> None:
    assert verdict({"control": (0, 0), "green": (0, 0)}).sentence == "Waiting for the first exposures."


def test_a_clear_winner_is_shipped_and_named() -> None:
    found = verdict({"control": (500, 5_000), "green": (700, 5_000)})
    assert (found.action, found.winner) == (Action.SHIP, "green")
    assert found.sentence.startswith(
        "Ship “Green button”: bought is 14.0 % against 10.0 % in control, a lift of +40.0 %"
    )
    assert "p < 0.0001" in found.sentence
    assert any("however often you look" in reason for reason in found.reasons)


def test_less_can_be_better() -> None:
    lower = Metric(
        key="bought", kind=MetricKind.CONVERSION, event="buy", role=Role.PRIMARY, direction=Direction.DECREASE
    )
    found = verdict({"control": (700, 5_000), "green": (500, 5_000)}, primary=lower)
    assert (found.action, found.winner) == (Action.SHIP, "green")


def test_a_worse_treatment_is_stopped() -> None:
    found = verdict({"control": (700, 5_000), "green": (500, 5_000)})
    assert (found.action, found.winner) == (Action.STOP, "control")
    assert found.sentence == "Keep Blue: the treatment is worse on bought."


def test_the_best_of_several_winners() -> None:
    found = verdict({"control": (500, 5_000), "green": (700, 5_000), "red": (800, 5_000), "grey": (500, 5_000)})
    assert found.winner == "red"
    assert "after Holm's correction" in found.sentence
    assert any("not tested against each other" in reason for reason in found.reasons)


def test_no_difference_runs_on_until_the_sample_is_there() -> None:
    same = {"control": (500, 5_000), "green": (505, 5_000)}
    assert verdict(same).action is Action.CONTINUE
    half = Progress(required_per_variant=10_000, share_by_variant={"control": 0.5, "green": 0.5})
    found = verdict(same, progress=half)
    assert found.action is Action.CONTINUE
    assert "50.0 % of the 10,000 units" in found.reasons[0]
    full = Progress(required_per_variant=5_000, share_by_variant={"control": 1.0, "green": 1.0})
    assert verdict(same, progress=full, plan=Plan(minimum_effect=0.2)).action is Action.INCONCLUSIVE
    assert verdict(same, progress=half, running=False).action is Action.EXTEND
    assert verdict(same, progress=full, running=False).action is Action.INCONCLUSIVE


def test_a_sample_ratio_mismatch_blocks_every_verdict() -> None:
    found = verdict({"control": (500, 5_000), "green": (1_400, 7_000)})
    assert found.winner is None
    assert found.action is Action.MODIFY
    assert found.sentence.startswith("No verdict")
    assert "control 41.7 % (planned 50.0 %)" in found.reasons[0]


def test_a_suspicious_split_is_a_warning_only() -> None:
    found = verdict({"control": (500, 44_700), "green": (500, 45_489)}, validity=Validity.FIXED)
    assert found.action is not Action.MODIFY
    assert "p = 0.0086" in found.warnings[0]


def test_a_harmed_guardrail_stops_the_winner() -> None:
    found = verdict(
        {"control": (500, 5_000), "green": (700, 5_000)}, errors={"control": (50, 5_000), "green": (250, 5_000)}
    )
    assert (found.action, found.winner) == (Action.MODIFY, None)
    assert any("significantly worse on the guardrail errors" in reason for reason in found.reasons)


LOADED = Metric(
    key="load",
    kind=MetricKind.MEAN,
    field="ms",
    role=Role.GUARDRAIL,
    direction=Direction.DECREASE,
    threshold=500.0,
)
WINNING = {"control": (500, 5_000), "green": (700, 5_000)}


def with_load(**mean_ms: float | None) -> Recommendation:
    """A winner whose pages load this fast; None: no unit has a value."""
    spread = (-20.0, -5.0, 5.0, 20.0)
    load = {key: Moments.of(("value",), [(m + d,) for d in spread * 50] if m else []) for key, m in mean_ms.items()}
    bought = {key: Moments.of_counts(x, n) for key, (x, n) in WINNING.items()}
    plan = Plan()
    results, _ = analyse_metrics(
        [BOUGHT, LOADED],
        {"bought": bought, "load": load},
        control="control",
        plan=plan,
        validity=Validity.ANYTIME,
        tuning_units=10_000,
    )
    observed = {key: n for key, (_, n) in WINNING.items()}
    return recommend(
        metrics=results,
        sample_ratio=sample_ratio(observed, {"control": 1, "green": 1}, alpha=0.001, validity=Validity.ANYTIME),
        progress=Progress(required_per_variant=None),
        plan=plan,
        validity=Validity.ANYTIME,
        control="control",
        titles={},
        running=True,
        quality=DataQuality(),
    )


def test_a_guardrail_surely_beyond_its_bound_stops_the_winner() -> None:
    found = with_load(control=520.0, green=640.0)
    assert found.action is Action.MODIFY
    assert any("surely beyond the guardrail load: 640, bound 500" in reason for reason in found.reasons)


def test_a_guardrail_just_beyond_its_bound_is_a_warning() -> None:
    found = with_load(control=501.0, green=501.0)
    assert (found.action, found.winner) == (Action.SHIP, "green")
    assert any("not yet surely beyond the guardrail load" in warning for warning in found.warnings)


def test_a_guardrail_within_its_bound_says_nothing() -> None:
    found = with_load(control=300.0, green=300.0)
    assert (found.action, found.warnings) == (Action.SHIP, ())


def test_nothing_ships_past_a_guardrail_without_data() -> None:
    found = with_load(control=300.0, green=None)
    assert (found.action, found.winner) == (Action.CONTINUE, None)
    assert "a guardrail has no data" in found.sentence
    assert any("no value for green" in reason for reason in found.reasons)


def test_units_in_two_variants_are_told() -> None:
    found = verdict({"control": (500, 5_000), "green": (505, 5_000)}, quality=DataQuality(units_in_two_variants=200))
    assert found.warnings[0].startswith("200 units (1.96 %) were seen in more than one variant")
    assert "That is a lot" in found.warnings[0]


def test_a_metric_that_cannot_be_computed_gives_no_verdict() -> None:
    found = recommend(
        metrics=(),
        sample_ratio=sample_ratio(
            {"control": 10, "green": 10}, {"control": 1, "green": 1}, alpha=0.001, validity=Validity.ANYTIME
        ),
        progress=Progress(required_per_variant=None),
        plan=Plan(),
        validity=Validity.ANYTIME,
        control="control",
        titles={},
        running=True,
        quality=DataQuality(),
    )
    assert found.action is Action.INCONCLUSIVE


def with_margin(hypothesis: Hypothesis, margin: float) -> Metric:
    return replace(BOUGHT, hypothesis=hypothesis, margin=margin)


def test_not_worse_by_a_margin_is_enough_to_ship() -> None:
    counts = {"control": (5_000, 50_000), "green": (5_010, 50_000)}
    metric = with_margin(Hypothesis.NON_INFERIORITY, 0.1)
    found = verdict(counts, primary=metric, validity=Validity.FIXED, running=False)
    assert (found.action, found.winner) == (Action.SHIP, "green")
    assert found.sentence == "“Green button” may ship: on bought it is not worse than the control by 10.0 %."
    assert "above −" in found.reasons[0]
    harmed = verdict(
        counts,
        primary=metric,
        errors={"control": (100, 50_000), "green": (400, 50_000)},
        validity=Validity.FIXED,
        running=False,
    )
    assert (harmed.action, harmed.winner) == (Action.MODIFY, None)
    assert "a guardrail speaks against it" in harmed.sentence


def test_what_is_not_shown_is_named() -> None:
    few = {"control": (50, 500), "green": (50, 500)}
    running = verdict(few, primary=with_margin(Hypothesis.EQUIVALENCE, 0.05))
    assert running.sentence == (
        "Keep it running: it is not shown on bought that a treatment is within 5.00 % of the control yet."
    )
    ended = verdict(few, primary=with_margin(Hypothesis.SUPERIORITY, 0.05), running=False)
    assert ended.sentence == (
        "Inconclusive: it is not shown on bought that a treatment is better than the control by more than 5.00 %."
    )


def test_better_by_more_than_a_margin_wins() -> None:
    counts = {"control": (5_000, 50_000), "green": (6_000, 50_000)}
    found = verdict(counts, primary=with_margin(Hypothesis.SUPERIORITY, 0.05))
    assert (found.action, found.winner) == (Action.SHIP, "green")
    assert found.sentence.startswith("Ship “Green button”")


def test_worse_by_more_than_the_margin_keeps_the_control_and_alarms_as_a_guardrail() -> None:
    counts = {"control": (5_000, 50_000), "green": (4_000, 50_000)}
    metric = with_margin(Hypothesis.NON_INFERIORITY, 0.1)
    assert verdict(counts, primary=metric).action is Action.STOP
    guardrail = replace(metric, role=Role.GUARDRAIL, key="errors")
    (state,) = guardrail_states(
        analyse_metrics(
            [guardrail],
            {"errors": {key: Moments.of_counts(*found) for key, found in counts.items()}},
            control="control",
            plan=Plan(),
            validity=Validity.ANYTIME,
            tuning_units=10_000,
        )[0],
        "control",
        {},
    )
    assert state.alarm


def test_a_difference_without_a_direction_is_said_and_ships_nothing() -> None:
    metric = replace(BOUGHT, kind=MetricKind.COUNT, test="kolmogorov_smirnov")
    counts = {"control": ValueCounts((0.0, 5.0), (500, 500)), "green": ValueCounts((0.0, 2.0, 9.0), (300, 400, 300))}
    results, _ = analyse_metrics(
        [metric],
        {"bought": {key: Moments.of(("value",), [(v,) for v in (1.0, 2.0, 3.0)]) for key in counts}},
        control="control",
        plan=Plan(),
        validity=Validity.FIXED,
        tuning_units=10_000,
        data=Beside(value_counts={"bought": counts}),
    )
    found = recommend(
        metrics=results,
        sample_ratio=sample_ratio(
            {"control": 10, "green": 10}, {"control": 1, "green": 1}, alpha=0.001, validity=Validity.FIXED
        ),
        progress=Progress(required_per_variant=None),
        plan=Plan(),
        validity=Validity.FIXED,
        control="control",
        titles={},
        running=False,
        quality=DataQuality(),
    )
    assert found.action is Action.INCONCLUSIVE
    assert found.sentence == "bought is not the same in green; whether that is better, its test does not say."


def test_a_metric_that_cannot_be_compared_is_not_said_to_be_within_chance() -> None:
    metric = Metric(key="bought", kind=MetricKind.MEAN, event="buy", field="amount", role=Role.PRIMARY)
    counts: Counts = {"control": (9, 9), "green": (9, 9)}
    found = verdict(counts, primary=metric, running=False)
    why = "every unit has the same value, so chance cannot be measured"
    assert found.action is Action.INCONCLUSIVE
    assert found.sentence == f"Inconclusive: bought could not be compared: {why}."
