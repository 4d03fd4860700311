"""Decisions: which variant a unit gets in an experiment, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a unit has the variant it has, or none."""

    ASSIGNED = "assigned"
    UNKNOWN_EXPERIMENT = "unknown_experiment"
    INVALID_UNIT = "invalid_unit"
    NOT_RUNNING = "not_running"
    NOT_IN_AUDIENCE = "not_in_audience"
    NOT_IN_TRAFFIC = "not_in_traffic"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets what, and why. variant and config are None unless reason is `assigned`."""

    experiment: str
    variant: str | None
    variant_name: str | None
    config: Mapping[str, Any] | None
    reason: Reason
    version: int = 0
    started_at: datetime | None = None
    planned_end: datetime | None = None
