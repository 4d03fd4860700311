"""When to ask again: what the server says, else ever longer with chance in it."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_LONGEST = 300.0


def wait_seconds(retry_after: str | None, failures: int) -> float:
    """Seconds until the next try. retry_after: the header, in seconds or as a date; failures: in a row, from 1 on."""
    told = _told(retry_after)
    if told is not None:
        return min(_LONGEST, told)
    return min(_LONGEST, 2.0 ** min(failures - 1, 9)) * random.uniform(0.5, 1.0)


def _told(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None
