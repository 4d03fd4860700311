"""Why a unit gets what it gets: every step on the way, in words and numbers, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.assignment.bucketing import BUCKETS, digest_of, traffic_bucket, variant_bucket
from assay.assignment.evaluate import evaluate
from assay.assignment.gates import Asked
from assay.assignment.plugins import Randomizer as Plugin
from assay.assignment.probability import probabilities, weights_for
from assay.assignment.randomisers import drawn_text, traffic_at
from assay.assignment.snapshot import Snapshot
from assay.assignment.trace import trace
from assay.model.decision import Decision, Reason
from assay.model.design import Randomizer
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whether the unit got past it, why in words, and the numbers behind it."""

    name: str
    passed: bool
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and the steps that led to it; the last one decided. probabilities: see `probabilities`."""

    unit: str
    at: datetime
    decision: Decision
    steps: tuple[Step, ...]
    probabilities: Mapping[str, float]


def explain(
    snapshot: Snapshot,
    experiment: Experiment,
    unit: str,
    attributes: Mapping[str, Any],
    now: datetime,
    plugins: Mapping[str, Plugin] | None = None,
) -> Explanation:
    """Every step of one decision. snapshot: the one that holds the experiment and those it depends on.

    An experiment that has not started is explained as if it ran, behind a first step that says that it does not.
    """
    (decision,) = evaluate(snapshot, unit, attributes, now, [experiment.key])
    asked = Asked(unit, unit.encode("utf-8", "surrogatepass"), attributes, now)
    steps = []
    for step in _steps(snapshot, experiment, asked):
        steps.append(step)
        if not step.passed and step.name != "status":
            break
    if decision.reason is Reason.PREREQUISITE_NOT_MET and steps[-1].name != "prerequisite":
        steps = _in_a_circle(steps)
    chances = probabilities(experiment, unit, attributes, now, plugins)
    return Explanation(unit, now, decision, tuple(steps), chances)


def _in_a_circle(steps: list[Step]) -> list[Step]:
    """Prerequisites that lead back to where they began are never met, whatever each of them says alone."""
    last = max(i for i, step in enumerate(steps) if step.name == "prerequisite")
    message = "the prerequisites lead back to this experiment, so they are never met"
    return [*steps[:last], Step("prerequisite", False, message, steps[last].details)]


def _steps(snapshot: Snapshot, experiment: Experiment, asked: Asked) -> Iterator[Step]:
    running = experiment.status is Status.RUNNING
    yield Step("status", running, f"the experiment is {experiment.status.value}")
    if asked.unit in experiment.forced:
        variant = experiment.forced[asked.unit]
        yield Step("forced", True, f"the unit is forced to '{variant}' and not counted", {"variant": variant})
        return
    if experiment.deny or experiment.allow:
        yield _listed(experiment, asked.unit)
    for holdout in experiment.holdouts:
        bucket = variant_bucket(digest_of(asked.unit, holdout.holdout, holdout.salt))
        passed = bucket >= holdout.share
        where = "outside" if passed else "inside"
        message = f"bucket {bucket:,} is {where} holdout '{holdout.holdout}', which holds out 0 to {holdout.share:,}"
        yield Step("holdout", passed, message, {"bucket": bucket, "held_out_below": holdout.share})
    if experiment.layer is not None:
        yield _layer(experiment, asked.unit)
    for need in experiment.prerequisites:
        (parent,) = evaluate(snapshot, asked.unit, asked.attributes, asked.now, [need.experiment])
        passed = parent.variant is not None and (not need.variants or parent.variant in need.variants)
        has = f"has '{parent.variant}'" if parent.variant is not None else f"has no variant ({parent.reason.value})"
        wanted = f"one of {', '.join(need.variants)}" if need.variants else "any variant"
        message = f"in '{need.experiment}' the unit {has}; needed: {wanted}"
        yield Step("prerequisite", passed, message, {"experiment": need.experiment, "variant": parent.variant})
    if not experiment.audience.everyone:
        found = trace(experiment.audience.condition, asked.attributes, asked.now)
        message = "the unit is in the audience" if found.matched else f"the unit is not in the audience: {found.cause}"
        yield Step("audience", found.matched, message, {"conditions": found.document()})
    yield from _draw(experiment, asked)


def _listed(experiment: Experiment, unit: str) -> Step:
    if unit in experiment.deny:
        return Step("lists", False, "the unit is on the deny list")
    if experiment.allow and unit not in experiment.allow:
        return Step("lists", False, "only units on the allow list take part, and this one is not on it")
    return Step("lists", True, "the unit is on the allow list" if experiment.allow else "the unit is not denied")


def _layer(experiment: Experiment, unit: str) -> Step:
    place = experiment.layer
    assert place is not None
    bucket = variant_bucket(digest_of(unit, place.layer, place.salt))
    passed = any(slot.start <= bucket < slot.end for slot in place.slots)
    slots = ", ".join(f"{slot.start:,} to {slot.end:,}" for slot in place.slots)
    message = f"bucket {bucket:,} of layer '{place.layer}' is {'in' if passed else 'not in'} this experiment's {slots}"
    return Step("layer", passed, message, {"bucket": bucket, "slots": [[slot.start, slot.end] for slot in place.slots]})


def _draw(experiment: Experiment, asked: Asked) -> Iterator[Step]:
    chosen = experiment.randomization
    text = drawn_text(chosen, asked)
    if text is None:
        name = " and ".join(part for part in (chosen.attribute, *chosen.strata_by) if part)
        message = f"'{chosen.method.value}' draws by '{name}', which the unit does not have"
        yield Step("randomization_unit", False, message)
        return
    if text != asked.unit:
        yield Step("randomization_unit", True, f"drawn by {text!r}, not by the unit", {"text": text})
    digest = digest_of(text, experiment.key, experiment.salt)
    bucket, traffic = traffic_bucket(digest), traffic_at(experiment.traffic, experiment.ramp, asked.now)
    details = {"bucket": bucket, "in_below": traffic}
    message = f"traffic bucket {bucket:,}: {traffic / BUCKETS:.6g} of all take part, those below {traffic:,}"
    yield Step("traffic", bucket < traffic, message, details)
    yield _variant(experiment, asked, digest)


def _variant(experiment: Experiment, asked: Asked, digest: bytes) -> Step:
    chosen = experiment.randomization
    if chosen.method is Randomizer.BLOCKED:
        position = asked.attributes.get(chosen.attribute or "")
        return Step("variant", True, f"place {position} in blocks of {chosen.block_size}", {"position": position})
    if chosen.method is Randomizer.CUSTOM:
        return Step("variant", True, f"drawn by the plug-in '{chosen.plugin}'", {"plugin": chosen.plugin})
    bucket, start = variant_bucket(digest), 0
    slices: list[dict[str, Any]] = []
    for key, weight in weights_for(experiment, asked.attributes).items():
        slices.append({"variant": key, "from": start, "below": start + weight})
        start += weight
    found = next((part for part in slices if part["from"] <= bucket < part["below"]), None)
    if found is None:
        return Step("variant", False, "no variant has any weight", {"bucket": bucket})
    message = f"variant bucket {bucket:,} belongs to '{found['variant']}', {found['from']:,} to {found['below']:,}"
    return Step("variant", True, message, {"bucket": bucket, "slices": slices})


ENDS = {
    Reason.NOT_RUNNING: "status",
    Reason.FORCED: "forced",
    Reason.DENIED: "lists",
    Reason.NOT_ALLOWED: "lists",
    Reason.IN_HOLDOUT: "holdout",
    Reason.NOT_IN_LAYER: "layer",
    Reason.PREREQUISITE_NOT_MET: "prerequisite",
    Reason.NOT_IN_AUDIENCE: "audience",
    Reason.NO_RANDOMIZATION_UNIT: "randomization_unit",
    Reason.NOT_IN_TRAFFIC: "traffic",
    Reason.ASSIGNED: "variant",
    Reason.NOT_SUPPORTED: "variant",
    Reason.ERROR: "variant",
}
"""The step at which a decision of each reason ends."""
