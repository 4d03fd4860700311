"""What a unit did before: conditions on its attribute `actions`, a list of {"type", "at", "value"}."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.errors import InvalidInput
from assay.model.document import from_document

_MAX_HOURS = 24 * 366 * 100
_MAX_COUNT = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Actions of one type: how often, how long ago, worth how much. All parts that are given must hold.

    within_hours: only actions this recent count and add up. hours_ago: since the last action of the type.
    Without min_count, max_count or a value, at least one action is asked for. Bounds are included.
    """

    type: str
    min_count: int | None = None
    max_count: int | None = None
    within_hours: float | None = None
    min_hours_ago: float | None = None
    max_hours_ago: float | None = None
    min_value: float | None = None
    max_value: float | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.type) <= 200:
            raise InvalidInput("type", self.type, "1 to 200 characters")
        for name in ("min_count", "max_count"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= _MAX_COUNT:
                raise InvalidInput(name, value, f"a number from 0 to {_MAX_COUNT:,}")
        for name in ("within_hours", "min_hours_ago", "max_hours_ago"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= _MAX_HOURS:
                raise InvalidInput(name, value, f"hours from 0 to {_MAX_HOURS:,}")
        for low, high in (("min_count", "max_count"), ("min_hours_ago", "max_hours_ago"), ("min_value", "max_value")):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                raise InvalidInput(low, least, f"at most {high}, {most:g}: nothing is between these")

    @property
    def least(self) -> int:
        """The fewest actions that match."""
        if self.min_count is not None:
            return self.min_count
        asked = (self.max_count, self.min_value, self.max_value)
        return 1 if all(part is None for part in asked) else 0

    def to_document(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"action": {name: value for name, value in given.items() if value is not None}}


def parse_action(document: Any, path: str) -> Action:
    """A condition on actions from what stands behind `action`."""
    return from_document(Action, document, path)
