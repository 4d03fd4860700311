"""Changing what has started: more traffic in place; anything else is a new version with a salt and data of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from assay.errors import Conflict, InvalidInput
from assay.model.design import RampStep
from assay.model.document import from_document
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.model.shares import PARTS
from assay.ports import Clock, Definitions
from assay.service.checklist import checklist
from assay.service.configs import check_configs
from assay.service.entrance import Entrance
from assay.service.metric_tests import Tests
from assay.service.planning import check_plan
from assay.service.reading import Reading
from assay.service.snapshots import Snapshots

_CHANGEABLE = (Status.RUNNING, Status.PAUSED)
_STARTS = ("start", "new_version")


@dataclass(frozen=True, slots=True)
class Versions:
    """Traffic and versions of running experiments."""

    definitions: Definitions
    reading: Reading
    entrance: Entrance
    snapshots: Snapshots
    clock: Clock
    tests: Tests = field(default_factory=dict)

    def grow_traffic(self, key: str, traffic: int, *, actor: str) -> Experiment:
        """Let more units in, parts of 1,000,000; nobody who is in moves. Raises InvalidInput when it would shrink.

        Steps of the ramp that ask for less fall away.
        """
        experiment = self._started(key)
        now = self.clock()
        present = traffic_now(experiment, now)
        if traffic < present:
            accepted = f"a share from {present / PARTS:g}, the present one, to 1: units that are in stay in"
            raise InvalidInput("traffic_allocation", traffic / PARTS, accepted)
        ramp = tuple(step for step in experiment.ramp if _still_grows(step, now, traffic))
        return self._save(replace(experiment, traffic=traffic, ramp=ramp), "grow_traffic", actor)

    def new_version(self, key: str, change: Callable[[Experiment], Experiment], *, actor: str) -> Experiment:
        """Begin again with a change: a new salt, so every unit is drawn anew; data of the old version stay with it."""
        experiment = self._started(key)
        now = self.clock()
        changed = replace(change(experiment), stage=experiment.stage, salt=secrets.token_hex(4))
        if replace(changed, salt=experiment.salt) == experiment:
            raise Conflict(f"nothing would change in '{key}'", hint="name the fields that the new version changes")
        check_plan(changed, self.tests)
        check_configs(changed.config_schema, changed.variants)
        running = [item for item in self.definitions.all() if item.status is Status.RUNNING and item.key != key]
        failed = [item for item in checklist(changed, now, running) if item.blocking and not item.ok]
        if failed:
            raise Conflict(f"the new version of '{key}' cannot start: {'; '.join(item.message for item in failed)}")
        begun = replace(self.entrance.started(changed, now), version=experiment.version + 1)
        return self._save(begun, "new_version", actor)

    def history(self, key: str) -> list[Experiment]:
        """Every version that started, as it was when it began or grew last, oldest first."""
        found: dict[int, Experiment] = {}
        for line in self.reading.changes(key):
            if line.after is not None and (line.action in _STARTS or line.after.get("version") in found):
                found[line.after["version"]] = from_document(Experiment, line.after)
        return [found[version] for version in sorted(found)]

    def _started(self, key: str) -> Experiment:
        experiment = self.reading.experiment(key)
        if experiment.status in (Status.DRAFT, Status.REVIEW):
            raise Conflict(f"experiment '{key}' has not started", hint="change the draft itself")
        if experiment.status not in _CHANGEABLE:
            raise Conflict(f"experiment '{key}' is {experiment.status.value}: it can no longer be changed")
        return experiment

    def _save(self, experiment: Experiment, action: str, actor: str) -> Experiment:
        now = self.clock()
        saved = self.definitions.save(replace(experiment, updated_at=now), action=action, actor=actor, at=now)
        self.snapshots.refresh()
        return saved


def traffic_now(experiment: Experiment, now: datetime) -> int:
    """Parts of 1,000,000 that take part at a time."""
    reached = [step.traffic for step in experiment.ramp if step.at is not None and step.at <= now]
    return max([experiment.traffic, *reached])


def _still_grows(step: RampStep, now: datetime, traffic: int) -> bool:
    return step.at is not None and step.at > now and step.traffic > traffic
