"""Start, pause, resume, stop and the rest: one legal move after another, each in the audit log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from assay.errors import Conflict, IllegalMove, NotFound
from assay.model.experiment import Experiment
from assay.model.lifecycle import LAUNCH_PATH, MOVES, Stage, Status, check_move
from assay.ports import Clock, Definitions, Results, Telemetry
from assay.service.checklist import checklist
from assay.service.entrance import Entrance
from assay.service.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Moves experiments between stages and refreshes the snapshot at once."""

    definitions: Definitions
    results: Results
    entrance: Entrance
    snapshots: Snapshots
    telemetry: Telemetry
    clock: Clock

    def start(self, key: str, *, actor: str) -> Experiment:
        """From any stage before the launch to running; raises Conflict naming every blocking check that fails."""
        now = self.clock()
        experiment = self._launched(key, now)
        saved = self._save(self.entrance.started(experiment, now), "start", actor)
        self.telemetry.experiment_started()
        return saved

    def observe(self, key: str, *, since: datetime, actor: str) -> Experiment:
        """From any stage before the launch to paused, begun at `since`: it ran elsewhere, and nobody is assigned here.
        Raises Conflict as `start` does."""
        experiment = self._launched(key, since)
        begun = replace(self.entrance.started(experiment, self.clock()), started_at=since)
        check_move(begun.stage, Stage.PAUSED)
        return self._save(replace(begun, stage=Stage.PAUSED), "import", actor)

    def _launched(self, key: str, at: datetime) -> Experiment:
        """A draft that has passed all that comes before a start at `at`."""
        experiment = self._get(key)
        if experiment.stage not in LAUNCH_PATH[:-1]:
            raise IllegalMove(experiment.stage.value, Stage.RUNNING.value, _allowed(experiment.stage))
        if experiment.requires_approval and not experiment.approved_by:
            raise Conflict(
                f"experiment '{key}' needs approval before it starts", hint="submit it, and have it approved"
            )
        running = [item for item in self.definitions.all() if item.status is Status.RUNNING]
        failed = [item for item in checklist(experiment, at, running) if item.blocking and not item.ok]
        if failed:
            problems = "; ".join(check.message for check in failed)
            raise Conflict(f"experiment '{key}' cannot start: {problems}", hint="mend the draft, then start it again")
        for stage in LAUNCH_PATH[LAUNCH_PATH.index(experiment.stage) + 1 :]:
            check_move(experiment.stage, stage)
            experiment = replace(experiment, stage=stage)
        return experiment

    def submit(self, key: str, *, actor: str) -> Experiment:
        """From a draft to validation: ready for somebody else to look at. Raises Conflict with what blocks a start."""
        experiment = self._get(key)
        if experiment.stage not in (Stage.DESIGN, Stage.SETUP):
            raise IllegalMove(experiment.stage.value, Stage.VALIDATION.value, _allowed(experiment.stage))
        failed = [item for item in checklist(experiment, self.clock()) if item.blocking and not item.ok]
        if failed:
            problems = "; ".join(check.message for check in failed)
            raise Conflict(f"experiment '{key}' is not ready: {problems}", hint="mend the draft, then submit it again")
        for stage in LAUNCH_PATH[LAUNCH_PATH.index(experiment.stage) + 1 : LAUNCH_PATH.index(Stage.VALIDATION) + 1]:
            check_move(experiment.stage, stage)
            experiment = replace(experiment, stage=stage)
        return self._save(replace(experiment, submitted_by=actor), "submit", actor)

    def approve(self, key: str, *, actor: str) -> Experiment:
        """From validation to the launch pad; by somebody other than who submitted it when approval is required."""
        experiment = self._get(key)
        check_move(experiment.stage, Stage.PRE_LAUNCH)
        if experiment.requires_approval and actor == experiment.submitted_by:
            raise Conflict(f"'{actor}' submitted experiment '{key}'", hint="somebody else has to approve it")
        return self._save(replace(experiment, stage=Stage.PRE_LAUNCH, approved_by=actor), "approve", actor)

    def send_back(self, key: str, *, actor: str) -> Experiment:
        """From review to the draft: it may be changed again, and must be submitted again."""
        experiment = self._get(key)
        check_move(experiment.stage, Stage.SETUP)
        back = replace(experiment, stage=Stage.SETUP, submitted_by="", approved_by="")
        return self._save(back, "send_back", actor)

    def fail(self, key: str, *, actor: str) -> Experiment:
        """Give it up because something is broken: its numbers are not to be used."""
        experiment = self._get(key)
        check_move(experiment.stage, Stage.FAILED)
        ended_at = self.clock() if experiment.started_at else None
        return self._save(replace(experiment, stage=Stage.FAILED, ended_at=ended_at), "fail", actor)

    def pause(self, key: str, *, actor: str) -> Experiment:
        """Assign nobody for a while; events of units already exposed still count."""
        return self._move(key, Stage.PAUSED, "pause", actor)

    def resume(self, key: str, *, actor: str) -> Experiment:
        """Assign again; the same units get the same variants."""
        experiment = self._get(key)
        if experiment.stage is not Stage.PAUSED:
            raise IllegalMove(experiment.stage.value, Stage.RUNNING.value, _allowed(experiment.stage))
        return self._move(key, Stage.RUNNING, "resume", actor)

    def stop(self, key: str, *, actor: str) -> Experiment:
        """End it: exposures and events from now on do not count; the final analysis follows by itself."""
        experiment = self._get(key)
        check_move(experiment.stage, Stage.ANALYSIS)
        ended = replace(experiment, stage=Stage.ANALYSIS, ended_at=self.clock())
        saved = self._save(ended, "stop", actor)
        self.telemetry.experiment_completed()
        return saved

    def cancel(self, key: str, *, actor: str) -> Experiment:
        """Give it up without a verdict."""
        experiment = self._get(key)
        check_move(experiment.stage, Stage.CANCELLED)
        ended_at = self.clock() if experiment.started_at else None
        return self._save(replace(experiment, stage=Stage.CANCELLED, ended_at=ended_at), "cancel", actor)

    def conclude(self, key: str, *, winner: str | None, actor: str) -> Experiment:
        """Record the decision of people: the variant to keep, or None for no decision."""
        experiment = self._get(key)
        check_move(experiment.stage, Stage.COMPLETED)
        if winner is not None and experiment.variant(winner) is None:
            raise NotFound("variant", winner, known=[variant.key for variant in experiment.variants])
        last = self.results.latest(key)
        if winner is not None and last is not None and last.sample_ratio.mismatch:
            raise Conflict(
                f"experiment '{key}' has a sample-ratio mismatch: its numbers cannot name a winner",
                hint="conclude it with winner null, find the cause, and run it again",
            )
        return self._save(replace(experiment, stage=Stage.COMPLETED, winner=winner), "conclude", actor)

    def analysed(self, key: str) -> Experiment:
        """The final analysis is saved: from analysis to decision."""
        return self._move(key, Stage.DECISION, "final_analysis", "assay")

    def _move(self, key: str, target: Stage, action: str, actor: str) -> Experiment:
        experiment = self._get(key)
        check_move(experiment.stage, target)
        return self._save(replace(experiment, stage=target), action, actor)

    def _get(self, key: str) -> Experiment:
        experiment = self.definitions.get(key)
        if experiment is None:
            raise NotFound("experiment", key, known=[item.key for item in self.definitions.all()])
        return experiment

    def _save(self, experiment: Experiment, action: str, actor: str) -> Experiment:
        now = self.clock()
        saved = self.definitions.save(replace(experiment, updated_at=now), action=action, actor=actor, at=now)
        self.snapshots.refresh()
        return saved


def _allowed(stage: Stage) -> list[str]:
    return [move.value for move in MOVES[stage]]
