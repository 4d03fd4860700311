"""Round times for an axis: seconds, minutes, hours or days, whatever the stretch asks for."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEPS_SECONDS = (
    1, 2, 5, 10, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR,
    2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 56 * _DAY,
    112 * _DAY, 364 * _DAY,
)  # fmt: skip


def time_ticks(first: datetime, last: datetime, at_most: int = 4) -> list[tuple[datetime, str]]:
    """Round times from `first` to `last` (UTC) with their labels; `first` alone when nothing round lies between."""
    span = (last - first).total_seconds()
    step = next((step for step in _STEPS_SECONDS if span / step <= at_most), _STEPS_SECONDS[-1])
    start = first.astimezone(timezone.utc)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    k = math.ceil((start - midnight).total_seconds() / step)
    found = []
    while (at := midnight + timedelta(seconds=k * step)) <= last:
        found.append((at, _label(at, step)))
        k += 1
    return found or [(first, _label(start, 1 if span < _MINUTE else _MINUTE))]


def _label(at: datetime, step_seconds: int) -> str:
    if step_seconds >= _DAY:
        return f"{at.day} {at:%b}"
    return f"{at:%H:%M}" if step_seconds >= _MINUTE else f"{at:%H:%M:%S}"
