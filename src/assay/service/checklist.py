"""The pre-launch checklist: what must be right before a start, and what deserves a second thought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay import wording
from assay.model.experiment import Experiment
from assay.model.metric import Role
from assay.model.plan import Method
from assay.model.shares import PARTS
from assay.service.planning import needed_sample, planned_sample, power_of_plan


@dataclass(frozen=True, slots=True)
class Check:
    """One line: ok, or what to do. `blocking` checks must be ok before a start."""

    name: str
    ok: bool
    blocking: bool
    message: str


def checklist(experiment: Experiment, now: datetime, others: Sequence[Experiment] = ()) -> tuple[Check, ...]:
    """Every check of one experiment. others: the running ones, for overlap."""
    total = sum(variant.weight for variant in experiment.variants)
    treatments = [item for item in experiment.variants if not item.control and item.weight > 0]
    control = experiment.control
    primary = experiment.primary_metric
    return (
        Check("weights", total == PARTS, True, f"weights sum to {total / PARTS:g}; they must sum to 1"),
        Check("control", control is not None and control.weight > 0, True, "one control with traffic is needed"),
        Check("treatments", bool(treatments), True, "at least one treatment with traffic is needed"),
        Check("primary_metric", primary is not None, True, "a primary metric is needed: it decides"),
        Check("traffic", experiment.traffic > 0, True, "the traffic share is 0: nobody would take part"),
        Check(
            "guardrails",
            any(metric.role is Role.GUARDRAIL for metric in experiment.metrics),
            False,
            "no guardrail metric: harm elsewhere would go unseen",
        ),
        _sample_size(experiment),
        _end(experiment, now),
        _overlap(experiment, others),
    )


def _sample_size(experiment: Experiment) -> Check:
    planned, needed = planned_sample(experiment), needed_sample(experiment)
    if planned is None:
        message = "no sample size planned: give baseline and minimum_effect, and the progress can be shown"
        return Check("sample_size", False, False, message)
    if needed is not None and planned < needed:
        power = power_of_plan(experiment, planned)
        reached = f" and have power {wording.percent(power)}" if power is not None else ""
        message = (
            f"{wording.count(planned)} units per variant are fewer than the {wording.count(needed)} "
            f"the plan needs{reached}"
        )
        return Check("sample_size", False, False, message)
    return Check("sample_size", True, False, f"{wording.count(planned)} units per variant planned")


def _end(experiment: Experiment, now: datetime) -> Check:
    """An end in the past: a plan with a fixed end cannot keep it; another only shows that nobody set the date."""
    past = experiment.planned_end is not None and experiment.planned_end <= now
    fixed = experiment.plan.method is Method.FIXED
    return Check("end_date", not past, fixed, "the end date is in the past")


def _overlap(experiment: Experiment, others: Sequence[Experiment]) -> Check:
    events = {metric.event for metric in experiment.metrics if metric.role is Role.PRIMARY and metric.event}
    shared = [
        other.key
        for other in others
        if other.key != experiment.key and any(m.role is Role.PRIMARY and m.event in events for m in other.metrics)
    ]
    names = ", ".join(shared[:5])
    return Check("overlap", not shared, False, f"running experiments decide on the same event: {names}")
