"""The smallest size, and the smallest effect, that reach a power."""

from __future__ import annotations

import math
from collections.abc import Callable

from assay.errors import InvalidInput
from assay.stats.checks import is_number

MOST_UNITS = 10**12


def smallest_size(power_of: Callable[[int], float], power: float, *, least: int = 2) -> int | None:
    """The smallest size with power_of(size) ≥ power, for a power that grows; None above a trillion.

    Where it does not always grow (exact tests of shares rise and fall like a saw) it is a size that reaches the power
    while one unit less does not.
    """
    if power_of(least) >= power:
        return least
    low, high = least, 2 * least
    while power_of(high) < power:
        low, high = high, 2 * high
        if low > MOST_UNITS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(middle) >= power:
            high = middle
        else:
            low = middle
    return high if high <= MOST_UNITS else None


def smallest_distance(power_of: Callable[[float], float], power: float, limit: float) -> float | None:
    """The smallest distance in (0, limit] with power_of(distance) ≥ power; None where there is none.

    Looks upwards from limit / 2^50 by steps of √2, so that a power that falls again far away misleads nobody.
    """
    step = math.sqrt(2)
    high = limit / step**100
    low = 0.0
    while not power_of(high) >= power:
        if high >= limit:
            return None
        low, high = high, min(limit, high * step)
        if limit - high < 1e-9 * limit:
            high = limit
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if power_of(middle) >= power:
            high = middle
        else:
            low = middle
    return high


def checked_power(power: float, chance: float) -> float:
    """A target power, above the chance of a false alarm and below 1."""
    if not (is_number(power) and 0 < power < 1):
        raise InvalidInput("power", power, "a number above 0 and below 1")
    if power <= chance:
        raise InvalidInput("power", power, f"a number above the chance of a false alarm, {chance:g}")
    return power
