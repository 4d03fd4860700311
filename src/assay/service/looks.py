"""The looks of a group sequential plan: when one is due, and what is shown between two of them.

A look is due when the smallest variant has reached the next planned share of the sample, or when the experiment has
ended. Between looks nothing new is read from the data: the numbers of the last look stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.model.experiment import Experiment
from assay.model.measurement import ExperimentMoments
from assay.model.plan import Method
from assay.model.result import ExperimentResult, MetricResult
from assay.stats.looking import Looks


def looks_of(
    experiment: Experiment, moments: ExperimentMoments, required: int | None, last: ExperimentResult | None
) -> Looks | None:
    """Where a group sequential plan stands now; None for other plans."""
    plan = experiment.plan
    if plan.method is not Method.GROUP_SEQUENTIAL or required is None:
        return None
    live = [variant.key for variant in experiment.variants if variant.weight > 0]
    reached = min(1.0, min((moments.units.get(key, 0) for key in live), default=0) / required)
    before = last.looks if last is not None and last.version == experiment.version else ()
    taken = next_looks(plan.planned_looks, before, reached, ended=experiment.ended_at is not None)
    return Looks(planned=plan.planned_looks, taken=taken, spending=plan.spending, final=experiment.ended_at is not None)


def next_looks(
    planned: Sequence[float], before: tuple[float, ...], reached: float, *, ended: bool
) -> tuple[float, ...]:
    """The looks taken, with this one if it is due. reached: share of the planned sample now."""
    due = sum(share <= reached for share in planned)
    passed = sum(share <= before[-1] for share in planned) if before else 0
    is_new = bool(reached > (before[-1] if before else 0.0)) and (due > passed or ended)
    return (*before, reached) if is_new else before


def between_looks(looks: Looks | None, last: ExperimentResult) -> bool:
    """Whether the looks taken are those that the last result already shows."""
    return looks is not None and bool(looks.taken) and looks.taken == last.looks


def as_of_look(metrics: tuple[MetricResult, ...], last: ExperimentResult) -> tuple[MetricResult, ...]:
    """Arms as they are now, comparisons as of the last look."""
    shown = []
    for metric in metrics:
        before = last.metric(metric.metric)
        shown.append(metric if before is None else replace(metric, comparisons=before.comparisons))
    return tuple(shown)


def table_looks(planned: Sequence[float], reached: float) -> tuple[float, ...]:
    """The looks of data that Assay did not collect: each planned share passed was looked at, and now.

    reached: share of the planned sample now, above 0; with more than was planned, this is the last planned look.
    """
    now = min(1.0, reached)
    return (*(share for share in planned if share < now * 0.999), now)
