"""Every legal move, and every illegal one refused by name."""

from __future__ import annotations

import itertools

import pytest

from assay.errors import IllegalMove
from assay.model.lifecycle import LAUNCH_PATH, Stage, Status, check_move, status_of

LEGAL = {
    ("design", "setup"),
    ("design", "cancelled"),
    ("setup", "design"),
    ("setup", "validation"),
    ("setup", "cancelled"),
    ("validation", "setup"),
    ("validation", "pre_launch"),
    ("validation", "cancelled"),
    ("validation", "failed"),
    ("pre_launch", "setup"),
    ("pre_launch", "running"),
    ("pre_launch", "cancelled"),
    ("pre_launch", "failed"),
    ("running", "paused"),
    ("running", "analysis"),
    ("running", "cancelled"),
    ("running", "failed"),
    ("paused", "running"),
    ("paused", "analysis"),
    ("paused", "cancelled"),
    ("paused", "failed"),
    ("analysis", "decision"),
    ("analysis", "cancelled"),
    ("analysis", "failed"),
    ("decision", "completed"),
}


@pytest.mark.parametrize(("stage", "target"), list(itertools.product(Stage, Stage)), ids=str)
def test_move(stage: Stage, target: Stage) -> None:
    if (stage.value, target.value) in LEGAL:
        check_move(stage, target)
        return
    with pytest.raises(IllegalMove) as refused:
        check_move(stage, target)
    assert stage.value in refused.value.message
    assert target.value in refused.value.message
    assert set(refused.value.allowed) == {to for at, to in LEGAL if at == stage.value}


def test_the_launch_path_is_legal() -> None:
    for stage, target in itertools.pairwise(LAUNCH_PATH):
        check_move(stage, target)


def test_final_stages_lead_nowhere() -> None:
    for stage in (Stage.COMPLETED, Stage.CANCELLED, Stage.FAILED):
        assert not [to for at, to in LEGAL if at == stage.value]


def test_status_follows_from_the_stage() -> None:
    by_status = {status: [stage.value for stage in Stage if status_of(stage) is status] for status in Status}
    assert by_status == {
        Status.DRAFT: ["design", "setup"],
        Status.REVIEW: ["validation", "pre_launch"],
        Status.RUNNING: ["running"],
        Status.PAUSED: ["paused"],
        Status.COMPLETED: ["analysis", "decision", "completed"],
        Status.CANCELLED: ["cancelled"],
        Status.FAILED: ["failed"],
    }
