"""Creating and changing drafts. A started experiment is immutable here: change it by its lifecycle or a new version."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from assay.errors import Conflict, NotFound
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Status
from assay.model.metric import Metric
from assay.ports import Clock, Definitions, Telemetry
from assay.service.configs import check_configs
from assay.service.entrance import Entrance
from assay.service.metric_tests import Tests
from assay.service.planning import check_plan

_TRIES_FOR_A_KEY = 1_000


@dataclass(frozen=True, slots=True)
class Editing:
    """Creates, updates and deletes experiments; every change is in the audit log."""

    definitions: Definitions
    entrance: Entrance
    telemetry: Telemetry
    clock: Clock
    tests: Tests = field(default_factory=dict)

    def create(self, experiment: Experiment, *, actor: str, key_is_given: bool) -> Experiment:
        """Store a new draft. A key made from the name gets a number if it is taken; a given one raises Conflict."""
        check_plan(experiment, self.tests)
        now = self.clock()
        key = experiment.key if key_is_given else self._free_key(experiment.key)
        draft = self.checked(replace(experiment, key=key, revision=0, created_at=now, updated_at=now))
        saved = self.definitions.save(draft, action="create", actor=actor, at=now)
        self.telemetry.experiment_created()
        return saved

    def update(self, key: str, change: Callable[[Experiment], Experiment], *, actor: str, action: str) -> Experiment:
        """Apply `change` to a draft; raises NotFound, or Conflict once it has started."""
        now = self.clock()
        after = self.checked(replace(change(self.draft(key)), updated_at=now))
        check_plan(after, self.tests)
        return self.definitions.save(after, action=action, actor=actor, at=now)

    def checked(self, experiment: Experiment) -> Experiment:
        """A draft with all it refers to looked up and its configs held against their schema."""
        check_configs(experiment.config_schema, experiment.variants)
        return self.entrance.settled(experiment, self.clock())

    def add_variant(self, key: str, variant: Variant, *, actor: str) -> Experiment:
        """Add one variant to a draft; weights may stay below 1 until the start."""
        return self.update(
            key, lambda draft: replace(draft, variants=(*draft.variants, variant)), actor=actor, action="add_variant"
        )

    def add_metric(self, key: str, metric: Metric, *, actor: str) -> Experiment:
        """Add one metric to a draft."""
        return self.update(
            key, lambda draft: replace(draft, metrics=(*draft.metrics, metric)), actor=actor, action="add_metric"
        )

    def delete(self, key: str, *, actor: str) -> None:
        """Delete a draft; raises Conflict once it has started."""
        self.draft(key)
        self.definitions.delete(key, actor=actor, at=self.clock())

    def draft(self, key: str) -> Experiment:
        """The experiment if it may still be edited."""
        experiment = self.definitions.get(key)
        if experiment is None:
            raise NotFound("experiment", key, known=[item.key for item in self.definitions.all()])
        if experiment.status is not Status.DRAFT:
            in_review = experiment.status is Status.REVIEW
            hint = "send it back first" if in_review else "give it more traffic, or begin a new version of it"
            raise Conflict(
                f"experiment '{key}' is {experiment.status.value}: a definition is fixed once it has left the draft",
                hint=hint,
            )
        return experiment

    def _free_key(self, wanted: str) -> str:
        for number in range(1, _TRIES_FOR_A_KEY):
            key = wanted if number == 1 else f"{wanted}-{number}"
            if self.definitions.get(key) is None:
                return key
        return f"{wanted}-{secrets.token_hex(4)}"
