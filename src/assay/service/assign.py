"""Assigning units, and logging what they met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.assignment.evaluate import evaluate
from assay.assignment.snapshot import Snapshot
from assay.model.decision import Decision, Reason
from assay.model.event import microseconds
from assay.model.experiment import data_key
from assay.ports import Inbox, StickyStore, Telemetry, UserAgents
from assay.service.eventlines import exposure_line
from assay.service.filtering import NOBODY, Sender
from assay.service.policy import Policy
from assay.service.snapshots import Snapshots

_REMEMBERED_EXPOSURES = 200_000
_CHANGEABLE = (Reason.ASSIGNED, Reason.NOT_IN_AUDIENCE, Reason.NOT_IN_TRAFFIC)
"""What a remembered variant may take the place of: lists, holdouts, layers and needs still decide."""


@dataclass(slots=True)
class Assigning:
    """Answers from the snapshot in memory; nothing here waits for a disk."""

    snapshots: Snapshots
    inbox: Inbox
    telemetry: Telemetry
    user_agents: UserAgents
    policy: Policy = Policy()
    sticky: StickyStore | None = None
    _logged: dict[tuple[str, str, str], None] = field(default_factory=dict)

    def assign(
        self, unit: str, attributes: Mapping[str, Any], experiments: Iterable[str] | None, now: datetime
    ) -> list[Decision]:
        """Decisions for the experiments asked for, or for all running ones when None."""
        snapshot = self.snapshots.current
        if snapshot.reads_device and "user_agent" in attributes:
            attributes = self.with_device(attributes)
        decisions = evaluate(snapshot, unit, attributes, now, experiments)
        if snapshot.sticky and self.sticky is not None:
            decisions = self._as_met(self.sticky, snapshot, unit, attributes, now, experiments, decisions)
        for decision in decisions:
            if decision.variant is not None:
                self.telemetry.assigned(decision.experiment, decision.variant)
        return decisions

    def _as_met(
        self,
        sticky: StickyStore,
        snapshot: Snapshot,
        unit: str,
        attributes: Mapping[str, Any],
        now: datetime,
        experiments: Iterable[str] | None,
        decisions: list[Decision],
    ) -> list[Decision]:
        """The decisions with the variants that the unit met before, in the experiments that keep them."""
        if experiments is None:
            decided = {decision.experiment for decision in decisions}
            others = [key for key in snapshot.sticky if key not in decided]
            decisions = decisions + evaluate(snapshot, unit, attributes, now, others)
        names = {
            decision.experiment: data_key(decision.experiment, decision.version)
            for decision in decisions
            if decision.experiment in snapshot.sticky and decision.reason in _CHANGEABLE
        }
        stored = self.policy.stored_units.of(unit)
        met = sticky.recall(stored, list(names.values())) if names else {}
        found, fresh = [], {}
        for decision in decisions:
            name = names.get(decision.experiment)
            kept = None if name is None else snapshot.sticky[decision.experiment].get(met.get(name, ""))
            if name is not None and kept is None and decision.variant is not None:
                fresh[name] = decision.variant
            found.append(kept or decision)
        if fresh:
            sticky.remember(stored, fresh)
        if experiments is None:
            found = sorted((item for item in found if item.variant is not None), key=lambda item: item.experiment)
        return found

    def with_device(self, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
        """The attributes, and what their user-agent string tells of those that are not given."""
        text = attributes.get("user_agent")
        return {**self.user_agents.describe(text), **attributes} if isinstance(text, str) else attributes

    def log_exposures(
        self,
        unit: str,
        decisions: Iterable[Decision],
        attributes: Mapping[str, Any],
        now: datetime,
        sender: Sender = NOBODY,
    ) -> None:
        """Put first exposures into the inbox without waiting; repeats are remembered for a while and left out.

        Those of units that filters name are counted and left out.
        """
        lines, fresh = [], []
        reason = self._filtered(unit, attributes, sender)
        stored_units = self.policy.stored_units
        stored_unit, context = stored_units.of(unit), stored_units.in_properties(attributes)
        occurred_at = microseconds(now)
        for decision in decisions:
            if decision.variant is None or not decision.counts:
                continue
            kept_under = data_key(decision.experiment, decision.version)
            met = (kept_under, decision.variant, unit)
            if reason:
                self.telemetry.events_filtered(reason, 1)
            elif met not in self._logged:
                if len(self._logged) >= _REMEMBERED_EXPOSURES:
                    self._logged.clear()
                self._logged[met] = None
                fresh.append(met)
                lines.append(exposure_line(stored_unit, kept_under, decision.variant, occurred_at, context))
        if lines:
            self.inbox.append(b"\n".join(lines)).add_done_callback(lambda done: self._forget_unless(done, fresh))

    def forget(self, unit: str) -> None:
        """Remember nothing of a unit."""
        # A copy: requests go on meanwhile in another thread.
        for met in [met for met in list(self._logged) if met[2] == unit]:
            self._logged.pop(met, None)

    def _filtered(self, unit: str, attributes: Mapping[str, Any], sender: Sender) -> str | None:
        filtering = self.policy.filtering
        if filtering is None:
            return None
        return filtering.of_sender(sender) or filtering.of_unit((unit, attributes.get("user_id")), attributes)

    def _forget_unless(self, done: Future[None], met: Iterable[tuple[str, str, str]]) -> None:
        """An exposure that could not be written is logged again when the unit comes back."""
        if done.exception() is not None:
            for key in met:
                self._logged.pop(key, None)
