"""Small words with a tone: status, action, type."""

from __future__ import annotations

from dataclasses import dataclass

from assay.model.experiment import Experiment, ExperimentType
from assay.model.lifecycle import Status
from assay.model.result import Action


@dataclass(frozen=True, slots=True)
class Chip:
    """A word and the tone it is shown in: good, bad, warn, info or quiet."""

    text: str
    tone: str


_STATUS = {
    Status.DRAFT: Chip("Draft", "quiet"),
    Status.REVIEW: Chip("In review", "info"),
    Status.RUNNING: Chip("Running", "good"),
    Status.PAUSED: Chip("Paused", "warn"),
    Status.COMPLETED: Chip("Completed", "info"),
    Status.CANCELLED: Chip("Cancelled", "quiet"),
    Status.FAILED: Chip("Failed", "bad"),
}
_ACTIONS = {
    Action.CONTINUE: Chip("Keep running", "info"),
    Action.SHIP: Chip("Ship", "good"),
    Action.STOP: Chip("Stop", "bad"),
    Action.EXTEND: Chip("Extend", "info"),
    Action.MODIFY: Chip("Fix first", "bad"),
    Action.INCONCLUSIVE: Chip("Inconclusive", "quiet"),
}
_TYPES = {
    ExperimentType.AB: "A/B test",
    ExperimentType.AA: "A/A test",
    ExperimentType.MULTIVARIATE: "Multivariate",
    ExperimentType.BANDIT: "Bandit",
    ExperimentType.CONTEXTUAL_BANDIT: "Contextual bandit",
    ExperimentType.CONTENT: "Content test",
}


def status_chip(experiment: Experiment) -> Chip:
    """Where the experiment stands."""
    return _STATUS[experiment.status]


def action_chip(action: Action) -> Chip:
    """What to do next."""
    return _ACTIONS[action]


def type_words(experiment: Experiment) -> str:
    """What kind of experiment it is; a test of several treatments is called A/B/n."""
    if experiment.type is ExperimentType.AB and len(experiment.variants) > 2:
        return f"A/B/n test, {len(experiment.variants)} variants"
    return _TYPES[experiment.type]
