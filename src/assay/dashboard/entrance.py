"""Who takes part, in words: audience, layer, holdouts, prerequisites, ramp, lists and the way variants are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from assay import wording
from assay.assignment.words import Words, audience_words
from assay.model.design import Randomizer
from assay.model.experiment import Experiment
from assay.model.shares import PARTS

_UNITS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what it is about, what it says, and for audiences the conditions. key: an experiment to link to."""

    title: str
    text: str
    words: Words | None = None
    key: str = ""


def entries(experiment: Experiment, now: datetime) -> tuple[Entry, ...]:
    """Everything that stands between a unit and a variant; empty when everybody simply takes part."""
    return tuple(_entries(experiment, now))


def _entries(experiment: Experiment, now: datetime) -> Iterator[Entry]:
    if not experiment.audience.everyone:
        words = audience_words(experiment.audience.condition)
        yield Entry("Audience", words.text, words if words.parts else None)
    if experiment.ramp or experiment.traffic < PARTS:
        yield Entry("Traffic", _traffic(experiment, now))
    if experiment.layer is not None:
        parts = " and ".join(f"{_share(slot.start)} to {_share(slot.end)}" for slot in experiment.layer.slots)
        where = f", its places {parts}" if parts else ""
        yield Entry("Layer", f"“{experiment.layer.layer}”{where}: nobody is in two experiments of it")
    for holdout in experiment.holdouts:
        yield Entry("Holdout", f"“{holdout.holdout}” keeps {_share(holdout.share)} of all units out")
    for need in experiment.prerequisites:
        variants = f"one of {', '.join(need.variants)}" if need.variants else "any variant"
        yield Entry("Needs", f"{variants} of {need.experiment}", key=need.experiment)
    for title, units in (("Allowed", experiment.allow), ("Denied", experiment.deny)):
        if units:
            yield Entry(title, _listed(list(units)))
    if experiment.forced:
        forced = [f"{unit} → {variant}" for unit, variant in experiment.forced.items()]
        yield Entry("Forced", f"{_listed(forced)}; not counted")
    if experiment.sticky:
        yield Entry("Sticky", "a unit keeps the variant that it met, though its attributes or the traffic change")
    if experiment.randomization.method not in (Randomizer.UNIFORM, Randomizer.WEIGHTED):
        yield Entry("Drawn", _drawn(experiment))
    for factor in experiment.factors:
        yield Entry("Factor", f"{factor.key}: {', '.join(factor.levels)}")


def _traffic(experiment: Experiment, now: datetime) -> str:
    steps = [f"{_share(experiment.traffic)} of the audience"]
    for step in experiment.ramp:
        if step.at is not None:
            word = "since" if step.at <= now else "from"
            steps.append(f"{_share(step.traffic)} {word} {step.at:%Y-%m-%d %H:%M} UTC")
        else:
            steps.append(f"{_share(step.traffic)} {wording.duration((step.after_hours or 0) * 3_600)} after the start")
    return ", ".join(steps)


def _share(parts: int) -> str:
    """As short as it is exact: 0 %, 12.5 %, 100 %."""
    return f"{parts / PARTS * 100:.4f}".rstrip("0").rstrip(".") + "\u00a0%"


def _listed(items: list[str]) -> str:
    more = len(items) - _UNITS_SHOWN
    return ", ".join(items[:_UNITS_SHOWN]) + (f" and {wording.count(more)} more" if more > 0 else "")


def _drawn(experiment: Experiment) -> str:
    chosen = experiment.randomization
    match chosen.method:
        case Randomizer.STRATIFIED:
            return f"by weights of its own for each stratum of {chosen.attribute}"
        case Randomizer.BLOCKED:
            within = f" within {' and '.join(chosen.strata_by)}" if chosen.strata_by else ""
            return f"in blocks of {chosen.block_size}{within}, by the unit's number in {chosen.attribute}"
        case Randomizer.CLUSTER:
            return f"by {chosen.attribute}: all units that share it share a variant"
        case Randomizer.SWITCHBACK:
            each = f" of each {chosen.attribute}" if chosen.attribute else ""
            return f"anew every {wording.duration((chosen.period_minutes or 0) * 60)}, for everybody{each} at once"
        case _:
            return f"by the plug-in {chosen.plugin}"
