"""Times as text, to the millisecond: the one form that conditions read, the same in every language."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

TIME_ACCEPTED = "a time like 2026-02-05, 2026-02-05T10:30Z or 2026-02-05T10:30:00.250+01:00"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_MILLISECOND = timedelta(milliseconds=1)
_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time, rounded down."""
    return (moment - EPOCH) // _MILLISECOND


def milliseconds_of(text: object) -> int | None:
    """Milliseconds since 1970 of a time in ISO 8601 (UTC without an offset), or None when it is no such text.

    Digits past the third after the point are dropped.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) and len(text) < 40 else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=timezone.utc
        )
    except ValueError:
        return None
    shift = 0
    if offset and offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        if hours > 23 or minutes > 59:
            return None
        shift = (hours * 60 + minutes) * (-60_000 if offset[0] == "+" else 60_000)
    return milliseconds(moment) + int((fraction or "0").ljust(3, "0")[:3]) + shift
