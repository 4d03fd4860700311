"""Where a unit is and on what screen: conditions on latitude, longitude, screen_width and screen_height."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assay.errors import InvalidInput
from assay.model.document import from_document

_MAX_PIXELS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """A box of degrees, edges included. With `west` greater than `east` it reaches across the antimeridian."""

    north: float
    south: float
    east: float
    west: float

    def __post_init__(self) -> None:
        for name, most in (("north", 90), ("south", 90), ("east", 180), ("west", 180)):
            if not -most <= getattr(self, name) <= most:
                raise InvalidInput(name, getattr(self, name), f"degrees from {-most} to {most}")
        if self.south > self.north:
            raise InvalidInput("south", self.south, f"at most north, {self.north:g}: no place is in this box")

    def to_document(self) -> dict[str, Any]:
        return {"coordinates": {name: getattr(self, name) for name in ("north", "south", "east", "west")}}


class Orientation(StrEnum):
    """How a screen is held: portrait when it is higher than wide."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """A size in pixels, bounds included; needs both attributes. A square screen is landscape."""

    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    orientation: Orientation | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        if all(value is None for value in given.values()):
            raise InvalidInput("min_width", None, f"at least one of {', '.join(given)}")
        for name in ("min_width", "max_width", "min_height", "max_height"):
            if given[name] is not None and not 0 <= given[name] <= _MAX_PIXELS:
                raise InvalidInput(name, given[name], f"pixels from 0 to {_MAX_PIXELS:,}")
        for low, high in (("min_width", "max_width"), ("min_height", "max_height")):
            if given[low] is not None and given[high] is not None and given[low] > given[high]:
                raise InvalidInput(low, given[low], f"at most {high}, {given[high]}: no screen is between these")

    def to_document(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"screen": {name: value for name, value in given.items() if value is not None}}


def parse_coordinates(document: Any, path: str) -> Coordinates:
    """A box from what stands behind `coordinates`."""
    return from_document(Coordinates, document, path)


def parse_screen(document: Any, path: str) -> Screen:
    """A size from what stands behind `screen`."""
    return from_document(Screen, document, path)
