"""The list of experiments: what each one is about and what it says so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay import wording
from assay.dashboard.chips import Chip, action_chip, status_chip, type_words
from assay.dashboard.moment import age
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.model.result import ExperimentResult
from assay.service.checklist import checklist


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExperiment:
    """One line of the list. action: only when there is a verdict. sentence: the verdict, or what is missing."""

    key: str
    name: str
    status: Chip
    kind: str
    age: str
    units: str
    sentence: str
    action: Chip | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments in a like state, newest first."""

    title: str
    experiments: tuple[ListedExperiment, ...]


@dataclass(frozen=True, slots=True)
class ListPage:
    """The first page; no groups when there are no experiments."""

    groups: tuple[Group, ...]
    total: int


_GROUPS = (
    ("Running", (Status.RUNNING, Status.PAUSED)),
    ("Being prepared", (Status.DRAFT, Status.REVIEW)),
    ("Ended", (Status.COMPLETED, Status.CANCELLED, Status.FAILED)),
)


def list_page(experiments: Sequence[tuple[Experiment, ExperimentResult | None]], now: datetime) -> ListPage:
    """The list of these experiments with their newest results."""
    groups = []
    for title, statuses in _GROUPS:
        members = tuple(_listed(e, result, now) for e, result in experiments if e.status in statuses)
        if members:
            groups.append(Group(title, members))
    return ListPage(tuple(groups), len(experiments))


def _listed(experiment: Experiment, result: ExperimentResult | None, now: datetime) -> ListedExperiment:
    n = result.n_units if result else 0
    return ListedExperiment(
        key=experiment.key,
        name=experiment.name,
        status=status_chip(experiment),
        kind=type_words(experiment),
        age=age(experiment, now),
        units=f"{wording.count(n)} {'unit' if n == 1 else 'units'}" if result else "",
        sentence=wording.unbroken(result.recommendation.sentence) if result else missing(experiment, now),
        action=action_chip(result.recommendation.action) if result and result.n_units else None,
    )


def missing(experiment: Experiment, now: datetime) -> str:
    """Why there is no result yet, and what would bring one."""
    if experiment.status in (Status.DRAFT, Status.REVIEW):
        blocking = [check.message for check in checklist(experiment, now) if check.blocking and not check.ok]
        return f"Before it can start: {'; '.join(blocking)}." if blocking else "Ready to start."
    if experiment.status in (Status.RUNNING, Status.PAUSED):
        return "No result yet: it appears within seconds of the first exposure."
    return "It ended without a result."
