"""A snapshot: every running definition, compiled once for evaluation and then never changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay.assignment.bucketing import BUCKETS
from assay.assignment.digest import md5
from assay.assignment.gates import (
    Asked,
    Gate,
    Nobody,
    end_of,
    holdout_gate,
    layer_gate,
    list_gate,
    prerequisite_gate,
    suffix_of,
)
from assay.assignment.index import Index, build_index
from assay.assignment.plugins import Randomizer as Plugin
from assay.assignment.randomisers import Choose, Draws, chooser, slices, traffic_steps
from assay.assignment.targeting import Predicate, attributes_read, compile_condition, goes_by_time, one_of_texts
from assay.model.decision import Decision, Reason
from assay.model.design import Randomizer
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Status


@dataclass(frozen=True, slots=True)
class CompiledExperiment:
    """One experiment ready to evaluate.

    is_plain: it runs, without gates, and one hash of the unit draws. gates: what stands before the audience, None when
    nothing does. attribute, texts: the audience, when it only asks whether an attribute is one of some texts. choose:
    how variants are drawn when it takes more than one hash of the unit. starts: where the slices of all variants but
    the first begin; half: the only one of them, when there are two variants; outcomes: the variants' decisions, made
    once and shared; traffic_end: where taking part ends, None when everybody does.
    """

    key: str
    is_running: bool
    is_plain: bool
    suffix: bytes
    attribute: str
    texts: frozenset[str] | None
    gates: tuple[Gate, ...] | None
    audience: Predicate | None
    choose: Choose | None
    traffic_end: bytes | None
    starts: tuple[bytes, ...]
    half: bytes | None
    outcomes: tuple[Decision, ...]
    not_running: Decision
    not_in_audience: Decision
    not_in_traffic: Decision
    control: Variant | None
    variants: frozenset[str]
    version: int
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Definitions at one version: `experiments` holds all that ever started, `running` the keys to evaluate.

    index finds the running experiments that a unit may take part in without asking every one. reads_device: some
    audience compares what a user-agent string could tell. reads_time: some decision depends on when it is made. open:
    the keys that may still be decided on, running or paused. sticky: the running experiments whose units keep what they
    met, with the decision for each variant.
    """

    version: int
    experiments: Mapping[str, CompiledExperiment]
    running: tuple[str, ...]
    index: Index
    reads_device: bool = False
    reads_time: bool = False
    open: tuple[str, ...] = ()
    sticky: Mapping[str, Mapping[str, Decision]] = field(default_factory=dict)


EMPTY = Snapshot(0, {}, (), Index())
DEVICE_ATTRIBUTES = frozenset(("device_type", "os", "os_version", "browser", "browser_version", "bot"))
"""What may be read from the attribute `user_agent` when it is not given itself."""


def compile_snapshot(
    experiments: Iterable[Experiment], version: int, plugins: Mapping[str, Plugin] | None = None
) -> Snapshot:
    """Compile definitions; drafts are left out, ended ones stay known (their late events are still accepted).

    plugins: randomisers of one's own by name.
    """
    started = [item for item in experiments if item.status not in (Status.DRAFT, Status.REVIEW)]
    cyclic = _in_cycles(started)
    compiled: dict[str, CompiledExperiment] = {}
    for experiment in started:
        # Gates look parents up when they are asked: by then all are there.
        known = {} if experiment.key in cyclic else compiled
        compiled[experiment.key] = compile_experiment(experiment, known, plugins or {})
    running = tuple(sorted(key for key, item in compiled.items() if item.is_running))
    index = build_index((item, compiled[item.key]) for item in started if compiled[item.key].is_running)
    audiences = [item.audience.condition for item in started if compiled[item.key].is_running]
    reads_device = any(attributes_read(condition) & DEVICE_ATTRIBUTES for condition in audiences)
    reads_time = any(_reads_time(item) for item in started if compiled[item.key].is_running)
    unended = tuple(sorted(item.key for item in started if item.status in (Status.RUNNING, Status.PAUSED)))
    sticky = {
        item.key: {variant.key: _outcome(item, variant, Reason.ASSIGNED) for variant in item.variants}
        for item in started
        if item.sticky and compiled[item.key].is_running
    }
    return Snapshot(version, compiled, running, index, reads_device, reads_time, unended, sticky)


def compile_experiment(
    experiment: Experiment, known: Mapping[str, CompiledExperiment], plugins: Mapping[str, Plugin]
) -> CompiledExperiment:
    """Everything that does not depend on the unit, worked out once. known: the others, for prerequisites."""
    weights = {variant.key: variant.weight for variant in experiment.variants}
    total = sum(weights.values())
    if total not in (0, BUCKETS):
        raise ValueError(f"{experiment.key}: weights sum to {total}, not {BUCKETS}")
    nobody = _nobody(experiment)
    outcomes = {item.key: _outcome(experiment, item, Reason.ASSIGNED) for item in experiment.variants}
    starts, live = slices(weights)
    is_running = experiment.status is Status.RUNNING and bool(live)
    gates = tuple(_gates(experiment, known, nobody)) if is_running else ()
    choose = _choose(experiment, outcomes, nobody, plugins) if is_running else None
    attribute, texts = one_of_texts(experiment.audience.condition)
    return CompiledExperiment(
        key=experiment.key,
        is_running=is_running,
        is_plain=is_running and not gates and choose is None,
        attribute=attribute,
        texts=texts,
        suffix=suffix_of(experiment.key, experiment.salt),
        gates=gates or None,
        audience=None if experiment.audience.everyone else compile_condition(experiment.audience.condition),
        choose=choose,
        traffic_end=end_of(experiment.traffic),
        starts=starts,
        half=starts[0] if len(starts) == 1 else None,
        outcomes=tuple(outcomes[key] for key in live),
        not_running=nobody(Reason.NOT_RUNNING),
        not_in_audience=nobody(Reason.NOT_IN_AUDIENCE),
        not_in_traffic=nobody(Reason.NOT_IN_TRAFFIC),
        control=experiment.control,
        variants=frozenset(weights),
        version=experiment.version,
        started_at=experiment.started_at,
        ended_at=experiment.ended_at,
    )


def draws_of(experiment: Experiment, outcomes: Mapping[str, Decision], nobody: Nobody) -> Draws:
    """What the ways of drawing need of an experiment."""
    return Draws(
        key=experiment.key,
        salt=experiment.salt,
        suffix=suffix_of(experiment.key, experiment.salt),
        weights={variant.key: variant.weight for variant in experiment.variants},
        outcomes=outcomes,
        traffic=traffic_steps(experiment.traffic, experiment.ramp),
        nobody=nobody,
    )


def _reads_time(experiment: Experiment) -> bool:
    by_time = experiment.randomization.method in (Randomizer.SWITCHBACK, Randomizer.CUSTOM)
    return by_time or bool(experiment.ramp) or goes_by_time(experiment.audience.condition)


def _choose(
    experiment: Experiment, outcomes: Mapping[str, Decision], nobody: Nobody, plugins: Mapping[str, Plugin]
) -> Choose | None:
    simple = experiment.randomization.method in (Randomizer.UNIFORM, Randomizer.WEIGHTED)
    if simple and not experiment.ramp:
        return None
    return chooser(experiment.randomization, draws_of(experiment, outcomes, nobody), plugins)


def _gates(experiment: Experiment, known: Mapping[str, CompiledExperiment], nobody: Nobody) -> Iterable[Gate]:
    if experiment.forced or experiment.deny or experiment.allow:
        by_key = {item.key: _outcome(experiment, item, Reason.FORCED) for item in experiment.variants}
        forced = {unit: by_key[key] for unit, key in experiment.forced.items()}
        yield list_gate(forced, frozenset(experiment.deny), frozenset(experiment.allow), nobody)
    for holdout in experiment.holdouts:
        yield holdout_gate(holdout, nobody)
    if experiment.layer is not None:
        yield layer_gate(experiment.layer, nobody)
    if experiment.prerequisites:
        yield prerequisite_gate(experiment.prerequisites, known, decide, nobody)


def decide(experiment: CompiledExperiment, asked: Asked) -> Decision:
    """One decision, by every gate in its order."""
    if not experiment.is_running:
        return experiment.not_running
    if experiment.gates is not None:
        for gate in experiment.gates:
            stopped = gate(asked)
            if stopped is not None:
                return stopped
    if experiment.audience is not None and not experiment.audience(asked.attributes, asked.now):
        return experiment.not_in_audience
    return draw(experiment, asked)


def draw(experiment: CompiledExperiment, asked: Asked) -> Decision:
    """The last step: traffic and variant."""
    if experiment.choose is not None:
        return experiment.choose(asked)
    digest = md5(asked.raw_unit + experiment.suffix).digest()
    if experiment.traffic_end is not None and digest[4:8] >= experiment.traffic_end:
        return experiment.not_in_traffic
    return experiment.outcomes[bisect_right(experiment.starts, digest)]


def _nobody(experiment: Experiment) -> Nobody:
    shared = (experiment.version, experiment.started_at, experiment.planned_end)
    return lambda reason: Decision(experiment.key, None, None, None, reason, *shared)


def _outcome(experiment: Experiment, variant: Variant, reason: Reason) -> Decision:
    shared = (experiment.version, experiment.started_at, experiment.planned_end)
    return Decision(experiment.key, variant.key, variant.title, variant.config, reason, *shared)


def _in_cycles(experiments: Iterable[Experiment]) -> frozenset[str]:
    """Experiments whose prerequisites lead back to one already on the way: they are never met."""
    parents = {item.key: [need.experiment for need in item.prerequisites] for item in experiments if item.prerequisites}
    return frozenset(key for key in parents if leads_to_cycle(key, parents) is not None)


def leads_to_cycle(key: str, parents: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A way along prerequisites from `key` that comes back to where it was; None when there is none."""
    finished: set[str] = set()
    way: list[str] = []
    waiting: list[tuple[str, bool]] = [(key, False)]
    while waiting:
        here, leaving = waiting.pop()
        if leaving:
            way.pop()
            finished.add(here)
        elif here in way:
            return [*way[way.index(here) :], here]
        elif here not in finished:
            way.append(here)
            waiting.append((here, True))
            waiting.extend((parent, False) for parent in parents.get(here, ()))
    return None
