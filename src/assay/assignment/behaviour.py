"""Whether a unit's history of actions has what a condition asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assay.assignment.places import number
from assay.model.behaviour import Action
from assay.model.moment import milliseconds, milliseconds_of

MAX_ACTIONS = 10_000
"""Longer histories are read by their first entries only."""
_HOUR_MS = 3_600_000


def acted(condition: Action, attributes: Mapping[str, Any], now: datetime) -> bool:
    """Entries that are no objects, of another type, without a readable time or in the future do not count."""
    history = attributes.get("actions")
    if not isinstance(history, (list, tuple)):
        return False
    now_ms = milliseconds(now)
    done = []
    for entry in history[:MAX_ACTIONS]:
        if isinstance(entry, Mapping) and entry.get("type") == condition.type:
            at = milliseconds_of(entry.get("at"))
            if at is not None and at <= now_ms:
                done.append((now_ms - at, entry.get("value")))
    return _recency(condition, [age for age, _ in done]) and _amount(condition, done)


def _recency(condition: Action, ages: list[int]) -> bool:
    if condition.min_hours_ago is None and condition.max_hours_ago is None:
        return True
    if not ages:
        return False
    last = min(ages)
    if condition.min_hours_ago is not None and last < round(condition.min_hours_ago * _HOUR_MS):
        return False
    return condition.max_hours_ago is None or last <= round(condition.max_hours_ago * _HOUR_MS)


def _amount(condition: Action, done: list[tuple[int, Any]]) -> bool:
    if condition.within_hours is not None:
        reach = round(condition.within_hours * _HOUR_MS)
        done = [(age, value) for age, value in done if age <= reach]
    if len(done) < condition.least or (condition.max_count is not None and len(done) > condition.max_count):
        return False
    if condition.min_value is None and condition.max_value is None:
        return True
    total = 0.0
    for _, value in done:
        total += number(value) or 0.0
    if condition.min_value is not None and total < condition.min_value:
        return False
    return condition.max_value is None or total <= condition.max_value
