"""How long until enough units have come. Units that return count once, so days are rarely in proportion to units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.checks import is_finite, is_number

_MOST_DAYS = 1_000_000_000
_LEAST_DAILY = 1e-100

Traffic = float | Sequence[float]
"""New units per day, the same every day; or unique units seen up to the end of day 1, 2, …, which never fall."""


def days_for_units(total: int, traffic: Traffic, *, traffic_share: float = 1.0) -> int | NoEstimate:
    """Whole days until `total` different units are in the experiment.

    With cumulative unique units the first day that reaches it; beyond the last day there is no estimate, because who
    will still be new then is not known. traffic_share: the part that enters, above 0 and at most 1.
    """
    traffic = _checked_traffic(traffic, traffic_share)
    if not (is_finite(total) and total >= 0):
        raise InvalidInput("total", total, "a whole number of at least 0")
    if isinstance(traffic, float):
        if total / traffic / traffic_share > _MOST_DAYS:
            return NoEstimate("beyond_traffic", f"{total:,} units need more than {_MOST_DAYS:,} days")
        return math.ceil(total / (traffic * traffic_share) * (1 - 1e-12))
    for day, seen in enumerate(traffic, start=1):
        if seen * traffic_share * (1 + 1e-12) >= total:
            return day
    reached = traffic[-1] * traffic_share
    reason = f"{total:,} units are needed; the days given bring {reached:,.0f} in {len(traffic)} days"
    return NoEstimate("beyond_traffic", reason)


def units_after(days: int, traffic: Traffic, *, traffic_share: float = 1.0) -> int | NoEstimate:
    """Different units in the experiment at the end of a number of days, at least 1."""
    traffic = _checked_traffic(traffic, traffic_share)
    if not (is_finite(days) and 1 <= days <= _MOST_DAYS):
        raise InvalidInput("days", days, f"a whole number from 1 to {_MOST_DAYS:,}")
    if isinstance(traffic, float):
        return math.floor(days * traffic * traffic_share * (1 + 1e-12))
    if days > len(traffic):
        return NoEstimate("beyond_traffic", f"the traffic given covers {len(traffic)} days, not {days}")
    return math.floor(traffic[days - 1] * traffic_share * (1 + 1e-12))


def _checked_traffic(traffic: Traffic, traffic_share: float) -> float | list[float]:
    if not (is_number(traffic_share) and 0 < traffic_share <= 1):
        raise InvalidInput("traffic_share", traffic_share, "a number above 0 and at most 1")
    if np.ndim(traffic) == 0:
        if not (is_finite(traffic) and traffic >= _LEAST_DAILY):  # type: ignore[operator]
            raise InvalidInput("traffic", traffic, "units per day, above 0, or a list of unique units up to each day")
        return float(traffic)  # type: ignore[arg-type]
    try:
        days: list[float] = np.asarray(traffic, dtype=np.float64).tolist()
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("traffic", traffic, "numbers of unique units up to day 1, 2, …") from None
    if not days or not all(a <= b for a, b in pairwise(days)) or not 0 <= days[0] <= days[-1] < math.inf:
        raise InvalidInput("traffic", days[:5], "unique units up to day 1, 2, …: finite, never falling")
    return days
