"""Whether a unit is in a box of degrees, and whether its screen has a size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from assay.model.places import Coordinates, Orientation, Screen


def number(value: Any) -> float | None:
    """A number that a float can hold, as it is; None for anything else (true and false are no numbers)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def in_box(box: Coordinates, attributes: Mapping[str, Any]) -> bool:
    """Edges included. -180 and 180 are the same meridian."""
    latitude, longitude = number(attributes.get("latitude")), number(attributes.get("longitude"))
    if latitude is None or longitude is None or not -180 <= longitude <= 180:
        return False
    if not box.south <= latitude <= box.north:
        return False
    return _between(box, longitude) or (abs(longitude) == 180 and _between(box, -longitude))


def _between(box: Coordinates, longitude: float) -> bool:
    if box.west <= box.east:
        return box.west <= longitude <= box.east
    return longitude >= box.west or longitude <= box.east


def on_screen(screen: Screen, attributes: Mapping[str, Any]) -> bool:
    """Bounds included; both attributes are needed."""
    width, height = number(attributes.get("screen_width")), number(attributes.get("screen_height"))
    if width is None or height is None:
        return False
    if screen.orientation is not None and (height > width) is not (screen.orientation is Orientation.PORTRAIT):
        return False
    return _within(width, screen.min_width, screen.max_width) and _within(height, screen.min_height, screen.max_height)


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)
