"""Experiments and their results as the real analysis makes them, for pages and charts to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from assay.adapters.memory import MemoryDefinitions, MemoryResults
from assay.assignment.explain import Explanation, explain
from assay.assignment.snapshot import compile_snapshot
from assay.dashboard.why import Explain
from assay.model.audience import Audience, parse_condition
from assay.model.comparisons import Attribute, Operator
from assay.model.design import (
    HoldoutShare,
    LayerPlace,
    Prerequisite,
    RampStep,
    Randomization,
    Randomizer,
    Slot,
)
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.model.measurement import ExperimentMoments
from assay.model.metric import Direction, Metric, MetricKind, Role
from assay.model.moments import Moments
from assay.model.plan import Method, Plan
from assay.model.result import DataQuality, ExperimentResult
from assay.service.analyse import result_of
from assay.service.reading import Reading

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=timezone.utc)
STARTED = NOW - timedelta(days=6)
HOSTILE = "<script>document.title='pwned'</script>\"'>&{{7*7}}"

HEADLINES = (
    ("control", "Ten things our readers wish they had known before they moved to the countryside with two small dogs"),
    ("b", "They moved to the countryside with two small dogs. What happened next surprised the village: all of it"),
    ("c", "Why we left the city, and why we would never do it again (mostly)"),
    ("d", "“Everything smelled of hay”: one family, two dogs, three regrets"),
)
METRICS = (
    Metric(key="clicks", kind=MetricKind.CONVERSION, event="click", role=Role.PRIMARY, name="Click rate"),
    Metric(key="reading", kind=MetricKind.MEAN, event="read", field="seconds", name="Reading time in seconds"),
    Metric(key="gifts", kind=MetricKind.SUM, event="gift", field="amount", name="Gifts per reader"),
    Metric(
        key="unsubscribed",
        kind=MetricKind.CONVERSION,
        event="unsubscribe",
        role=Role.GUARDRAIL,
        direction=Direction.DECREASE,
        name="Unsubscribed",
    ),
)
CLICK_RATES = {"control": 0.060, "b": 0.081, "c": 0.061, "d": 0.048}
UNSUBSCRIBED = {"control": 0.008, "b": 0.009, "c": 0.0075, "d": 0.008}


def headlines(**changes: object) -> Experiment:
    """Four headlines, running for six days."""
    weights = (250_000,) * 4
    variants = tuple(
        Variant(key=key, name=name, weight=weight, control=key == "control", config={"headline": name, "size": 2})
        for (key, name), weight in zip(HEADLINES, weights, strict=True)
    )
    experiment = Experiment(
        key="headlines",
        name="Which headline makes readers open the story?",
        hypothesis="A headline with a question left open is opened more often",
        owner="newsroom",
        tags=("headline",),
        variants=variants,
        metrics=METRICS,
        plan=Plan(baseline=0.06, minimum_effect=0.15),
        stage=Stage.RUNNING,
        created_at=STARTED - timedelta(hours=3),
        started_at=STARTED,
    )
    return replace(experiment, **changes)  # type: ignore[arg-type]


def buttons(**changes: object) -> Experiment:
    """Two buttons with a fixed horizon."""
    experiment = Experiment(
        key="buttons",
        name="Green checkout button",
        variants=(
            Variant(key="control", name="Blue", weight=500_000, control=True),
            Variant(key="green", name="Green", weight=500_000),
        ),
        metrics=(METRICS[0],),
        plan=Plan(method=Method.FIXED, required_per_variant=4_000),
        stage=Stage.ANALYSIS,
        created_at=STARTED,
        started_at=STARTED,
        ended_at=NOW - timedelta(hours=1),
        planned_end=NOW - timedelta(hours=1),
    )
    return replace(experiment, **changes)  # type: ignore[arg-type]


def gated(**changes: object) -> Experiment:
    """An experiment with everything that may stand between a unit and a variant."""
    audience = {
        "and": [
            {"attribute": "country", "op": "in", "value": ["US", "CA"]},
            {
                "or": [
                    {"action": {"type": "purchase", "min_count": 2, "within_hours": 720}},
                    {"score": {"at_least": 2, "of": [{"weight": 2, "if": {"attribute": "plan", "value": "pro"}}]}},
                ]
            },
            {"not": {"temporal": {"days_of_week": ["sunday"], "timezone": "Europe/Berlin"}}},
        ]
    }
    experiment = replace(
        buttons(),
        key="gated",
        name="Checkout for returning buyers",
        stage=Stage.RUNNING,
        ended_at=None,
        audience=Audience(parse_condition(audience)),
        traffic=200_000,
        ramp=(
            RampStep(traffic=500_000, at=NOW - timedelta(days=1)),
            RampStep(traffic=1_000_000, at=NOW + timedelta(days=2)),
        ),
        layer=LayerPlace("checkout-page", "salt", (Slot(0, 400_000),)),
        holdouts=(HoldoutShare("everyone-out", "salt", 50_000),),
        prerequisites=(Prerequisite("headlines", ("b", "c")),),
        forced={"qa-1": "green", "qa-2": "control"},
        deny=tuple(f"partner-{i}" for i in range(8)),
        randomization=Randomization(method=Randomizer.CLUSTER, attribute="account"),
    )
    return replace(experiment, **changes)  # type: ignore[arg-type]


def explainer(reading: Reading) -> Explain:
    """What a server would explain, over these experiments."""

    def explained(key: str, unit: str, attributes: Mapping[str, object]) -> Explanation:
        snapshot = compile_snapshot(reading.experiments(), version=1)
        return explain(snapshot, reading.experiment(key), unit, attributes, NOW)

    return explained


def draft(**changes: object) -> Experiment:
    """An experiment without a primary metric."""
    experiment = replace(buttons(), key="draft", stage=Stage.DESIGN, started_at=None, ended_at=None, metrics=())
    return replace(experiment, **changes)  # type: ignore[arg-type]


def normal(n: int, mean: float, deviation: float) -> Moments:
    """n units with this mean and standard deviation."""
    return Moments(n, ("value",), (mean,), (deviation * deviation * (n - 1),), mean + 3 * deviation)


def moments_of(experiment: Experiment, units: Mapping[str, int], **changes: object) -> ExperimentMoments:
    """What a warehouse would say: clicks, reading time (no unit of d has read), gifts (nobody gave in control)."""
    metrics = {
        "clicks": {v: Moments.of_counts(round(n * CLICK_RATES.get(v, 0.07)), n) for v, n in units.items()},
        "reading": {
            v: Moments.zeros(0, ("value",)) if v == "d" else normal(n // 4, 41.0 + len(v), 30.0)
            for v, n in units.items()
        },
        "gifts": {v: Moments.zeros(n, ("value",)) if v == "control" else normal(n, 0.4, 3.1) for v, n in units.items()},
        "unsubscribed": {v: Moments.of_counts(round(n * UNSUBSCRIBED.get(v, 0.008)), n) for v, n in units.items()},
    }
    wanted = {metric.key for metric in experiment.metrics}
    found = ExperimentMoments(
        experiment=experiment.key,
        units=units,
        metrics={key: arms for key, arms in metrics.items() if key in wanted},
        quality=DataQuality(units_in_two_variants=7, events_before_exposure=12),
        first_exposure_at=STARTED,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def even(experiment: Experiment, n: int) -> dict[str, int]:
    """n units in every variant."""
    return {variant.key: n for variant in experiment.variants}


def analysed(
    experiment: Experiment, units: Mapping[str, int], at: datetime = NOW, **changes: object
) -> ExperimentResult:
    """One analysis of an experiment with so many units."""
    return result_of(experiment, moments_of(experiment, units, **changes), at)


def looks(experiment: Experiment, sizes: Sequence[int]) -> list[ExperimentResult]:
    """Analyses at growing sizes, evenly from the start to now."""
    step = (NOW - STARTED) / max(1, len(sizes))
    return [analysed(experiment, even(experiment, n), STARTED + step * (i + 1)) for i, n in enumerate(sizes)]


GROWING = (2, 15, 60, 150, 300, 500, 800, 1_200, 1_700, 2_300, 3_000, 3_800, 4_600, 5_400, 6_000)
SKEWED = {"control": 6_000, "b": 6_050, "c": 5_100, "d": 6_010}


def reading_of(entries: Sequence[tuple[Experiment, Sequence[ExperimentResult]]]) -> Reading:
    """A Reading over these experiments and their results."""
    definitions, results = MemoryDefinitions(), MemoryResults()
    for experiment, series in entries:
        definitions.save(replace(experiment, revision=0), action="create", actor="test", at=NOW)
        for result in series:
            results.save(result)
    return Reading(definitions, results)


def gallery() -> Reading:
    """Every kind of page: a winner among four, a mismatch, a fixed plan, one look, none, a draft, a hostile name."""
    main, skewed = headlines(), headlines(key="skewed", name="Headlines with a broken split")
    young, silent = headlines(key="young", name="Just started"), headlines(key="silent", name="Nobody came")
    hostile = headlines(
        key="hostile",
        name=HOSTILE,
        hypothesis=HOSTILE,
        owner=HOSTILE,
        variants=tuple(
            replace(variant, name=f"{variant.key} {HOSTILE}", description=HOSTILE, config={HOSTILE: HOSTILE})
            for variant in headlines().variants
        ),
        metrics=(replace(METRICS[0], name=HOSTILE),),
        audience=Audience(Attribute(HOSTILE[:60], Operator.NE, HOSTILE)),
        deny=(HOSTILE,),
    )
    return reading_of(
        [
            (main, looks(main, GROWING)),
            (skewed, [analysed(skewed, SKEWED)]),
            (buttons(), [analysed(buttons(), {"control": 4_010, "green": 4_050})]),
            (young, looks(young, (1,))),
            (silent, []),
            (draft(), []),
            (gated(), []),
            (hostile, looks(hostile, (900, 1_800))),
        ]
    )
