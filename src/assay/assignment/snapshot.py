"""A snapshot: every running definition, compiled once for evaluation and then never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from assay.assignment.bucketing import BUCKETS, first_bytes
from assay.assignment.targeting import Predicate, compile_condition
from assay.model.decision import Decision, Reason
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status


@dataclass(frozen=True, slots=True)
class CompiledExperiment:
    """One experiment ready to evaluate.

    starts: where the slices of all variants but the first begin; outcomes: the variants' decisions, made once and
    shared; traffic_end: where taking part ends, None when everybody does. Both are `first_bytes` of buckets.
    """

    key: str
    is_running: bool
    suffix: bytes
    audience: Predicate | None
    traffic_end: bytes | None
    starts: tuple[bytes, ...]
    outcomes: tuple[Decision, ...]
    not_running: Decision
    not_in_audience: Decision
    not_in_traffic: Decision
    variants: frozenset[str]
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Definitions at one version: `experiments` holds all that ever started, `running` the keys to evaluate."""

    version: int
    experiments: Mapping[str, CompiledExperiment]
    running: tuple[str, ...]


EMPTY = Snapshot(0, {}, ())


def compile_snapshot(experiments: Iterable[Experiment], version: int) -> Snapshot:
    """Compile definitions; drafts are left out, ended ones stay known (their late events are still accepted)."""
    compiled = {
        experiment.key: compile_experiment(experiment)
        for experiment in experiments
        if experiment.status not in (Status.DRAFT, Status.REVIEW)
    }
    running = tuple(sorted(key for key, item in compiled.items() if item.is_running))
    return Snapshot(version, compiled, running)


def compile_experiment(experiment: Experiment) -> CompiledExperiment:
    """Everything that does not depend on the unit, worked out once."""
    live = [variant for variant in experiment.variants if variant.weight > 0]
    bounds = tuple(accumulate(variant.weight for variant in live))
    if bounds and bounds[-1] != BUCKETS:
        raise ValueError(f"{experiment.key}: weights sum to {bounds[-1]}, not {BUCKETS}")
    shared = (experiment.version, experiment.started_at, experiment.planned_end)

    def nobody(reason: Reason) -> Decision:
        return Decision(experiment.key, None, None, None, reason, *shared)

    return CompiledExperiment(
        key=experiment.key,
        is_running=experiment.status is Status.RUNNING and bool(bounds),
        suffix=f":{experiment.key}:{experiment.salt}".encode(),
        audience=None if experiment.audience.everyone else compile_condition(experiment.audience.condition),
        traffic_end=None if experiment.traffic == BUCKETS else first_bytes(experiment.traffic),
        starts=tuple(first_bytes(bound) for bound in bounds[:-1]),
        outcomes=tuple(
            Decision(experiment.key, item.key, item.title, item.config, Reason.ASSIGNED, *shared) for item in live
        ),
        not_running=nobody(Reason.NOT_RUNNING),
        not_in_audience=nobody(Reason.NOT_IN_AUDIENCE),
        not_in_traffic=nobody(Reason.NOT_IN_TRAFFIC),
        variants=frozenset(variant.key for variant in experiment.variants),
        started_at=experiment.started_at,
        ended_at=experiment.ended_at,
    )
