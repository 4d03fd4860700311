"""Whether what somebody handed over is a number at all, before it is compared with anything."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def is_number(given: Any) -> bool:
    """An int, a float or one of NumPy's; no bool, text, array or None, and no int that is too large for a float."""
    if isinstance(given, float):
        return True
    if isinstance(given, bool) or not isinstance(given, Real):
        return False
    try:
        return math.isfinite(given)
    except OverflowError:
        return False


def is_finite(given: Any) -> bool:
    """A number, neither infinite nor NaN."""
    return is_number(given) and math.isfinite(given)
