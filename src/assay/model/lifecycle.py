"""The stages of an experiment's life, the legal moves between them, and the status that follows."""

from __future__ import annotations

from enum import StrEnum

from assay.errors import IllegalMove


class Stage(StrEnum):
    """Where an experiment stands."""

    DESIGN = "design"
    SETUP = "setup"
    VALIDATION = "validation"
    PRE_LAUNCH = "pre_launch"
    RUNNING = "running"
    PAUSED = "paused"
    ANALYSIS = "analysis"
    DECISION = "decision"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Status(StrEnum):
    """What people call it; follows from the stage."""

    DRAFT = "draft"
    REVIEW = "review"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


S = Stage
MOVES: dict[Stage, tuple[Stage, ...]] = {
    S.DESIGN: (S.SETUP, S.CANCELLED),
    S.SETUP: (S.DESIGN, S.VALIDATION, S.CANCELLED),
    S.VALIDATION: (S.SETUP, S.PRE_LAUNCH, S.CANCELLED, S.FAILED),
    S.PRE_LAUNCH: (S.SETUP, S.RUNNING, S.CANCELLED, S.FAILED),
    S.RUNNING: (S.PAUSED, S.ANALYSIS, S.CANCELLED, S.FAILED),
    S.PAUSED: (S.RUNNING, S.ANALYSIS, S.CANCELLED, S.FAILED),
    S.ANALYSIS: (S.DECISION, S.CANCELLED, S.FAILED),
    S.DECISION: (S.COMPLETED,),
    S.COMPLETED: (),
    S.CANCELLED: (),
    S.FAILED: (),
}
"""For each stage, the stages it may move to."""

LAUNCH_PATH = (S.DESIGN, S.SETUP, S.VALIDATION, S.PRE_LAUNCH, S.RUNNING)
"""The stages that `start` walks through, each move checked."""

_STATUS = {
    S.DESIGN: Status.DRAFT,
    S.SETUP: Status.DRAFT,
    S.VALIDATION: Status.REVIEW,
    S.PRE_LAUNCH: Status.REVIEW,
    S.RUNNING: Status.RUNNING,
    S.PAUSED: Status.PAUSED,
    S.ANALYSIS: Status.COMPLETED,
    S.DECISION: Status.COMPLETED,
    S.COMPLETED: Status.COMPLETED,
    S.CANCELLED: Status.CANCELLED,
    S.FAILED: Status.FAILED,
}


def status_of(stage: Stage) -> Status:
    """The status that people see for a stage."""
    return _STATUS[stage]


def check_move(stage: Stage, target: Stage) -> None:
    """Raise IllegalMove, naming both stages and the legal ones, unless `stage` may move to `target`."""
    if target not in MOVES[stage]:
        raise IllegalMove(stage.value, target.value, (move.value for move in MOVES[stage]))
