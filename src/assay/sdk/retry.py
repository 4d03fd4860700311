"""When to ask again: what the server says, else ever longer with chance in it."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_SHORTEST, _LONGEST = 1.0, 300.0


def wait_seconds(retry_after: str | None, failures: int) -> float:
    """Seconds until the next try. retry_after: the header, in seconds or as a date; failures: in a row, from 1 on.

    What is told is kept to between a second, so that no server is flooded, and five minutes.
    """
    told = _told(retry_after)
    if told is not None:
        return min(_LONGEST, max(_SHORTEST, told))
    return min(_LONGEST, 2.0 ** min(failures - 1, 9)) * random.uniform(0.5, 1.0)


def _told(header: str | None) -> float | None:
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return (parsedate_to_datetime(header) - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError):
        return None
