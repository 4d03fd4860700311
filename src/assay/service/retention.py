"""Raw events are kept for a while, and for as long as an experiment that gathers data needs them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from assay.model.experiment import Experiment
from assay.ports import Clock, Warehouse

_log = structlog.get_logger("assay.retention")


@dataclass(frozen=True, slots=True)
class Retention:
    """Drops old events. days: how long they are kept at least."""

    warehouse: Warehouse
    clock: Clock
    days: float

    def drop_old(self, gathering: Iterable[Experiment]) -> int:
        """Drop what is older than the time kept and older than all that a gathering experiment may still read."""
        return self.warehouse.drop_before(self.oldest_needed(gathering))

    def oldest_needed(self, gathering: Iterable[Experiment]) -> datetime:
        """The time from which on events are kept."""
        oldest = self.clock() - timedelta(days=self.days)
        for experiment in gathering:
            if experiment.started_at is not None:
                hours = max((metric.covariate_hours or 0 for metric in experiment.metrics), default=0)
                oldest = min(oldest, experiment.started_at - timedelta(hours=hours))
        return oldest
