"""Decisions: which variant a unit gets in an experiment, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a unit has the variant it has, or none.

    no_randomization_unit: the attribute that is drawn instead of the unit is missing. not_supported: this evaluator
    does not have the plug-in that draws. error: the plug-in failed.
    """

    ASSIGNED = "assigned"
    UNKNOWN_EXPERIMENT = "unknown_experiment"
    INVALID_UNIT = "invalid_unit"
    NOT_RUNNING = "not_running"
    FORCED = "forced"
    DENIED = "denied"
    NOT_ALLOWED = "not_allowed"
    IN_HOLDOUT = "in_holdout"
    NOT_IN_LAYER = "not_in_layer"
    PREREQUISITE_NOT_MET = "prerequisite_not_met"
    NOT_IN_AUDIENCE = "not_in_audience"
    NOT_IN_TRAFFIC = "not_in_traffic"
    NO_RANDOMIZATION_UNIT = "no_randomization_unit"
    NOT_SUPPORTED = "not_supported"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets what, and why. variant and config are None unless reason is `assigned` or `forced`."""

    experiment: str
    variant: str | None
    variant_name: str | None
    config: Mapping[str, Any] | None
    reason: Reason
    version: int = 0
    started_at: datetime | None = None
    planned_end: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether the unit takes part: forced units see a variant and are never counted."""
        return self.reason is Reason.ASSIGNED
