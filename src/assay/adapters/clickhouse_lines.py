"""Lines of the inbox as columns of ClickHouse's tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

_HIGHEST = 2**63
_YEAR_1, _YEAR_9999 = -62_135_596_800_000_000, 253_402_300_799_999_999


class Line(msgspec.Struct, gc=False):
    """A line as it must be to be loaded. occurred_at: what a datetime can be, in microseconds since 1970."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    unit: str
    type: str
    experiment: str
    variant: str | None
    occurred_at: Annotated[int, msgspec.Meta(ge=_YEAR_1, le=_YEAR_9999)]
    metrics: dict[str, float]
    properties: msgspec.Raw


_lines = msgspec.json.Decoder(Line)
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


def read_lines(lines: Sequence[bytes], joined: bytes) -> tuple[list[Line], list[bytes]]:
    """The lines that can be read, and those that cannot. joined: all of them, a newline between each two."""
    try:
        found = _lines.decode_lines(joined)
        if len(found) == len(lines):
            return found, []
    except _UNREADABLE:
        pass
    found, torn = [], []
    for line in lines:
        try:
            found.append(_lines.decode(line))
        except _UNREADABLE:
            torn.append(line)
    return found, torn


def version_now() -> int:
    """The version of an event that is loaded now. Of repeats the highest stays, so it falls as time passes."""
    return _HIGHEST - time.time_ns()


def events_of(lines: Sequence[Line]) -> dict[str, list[Any]]:
    """Those that are no exposures, each with a lower version than those before it."""
    events = [item for item in lines if item.variant is None]
    version = version_now()
    return {
        "key": [bytes.fromhex(item.key) for item in events],
        "unit": [item.unit for item in events],
        "type": [item.type for item in events],
        "experiment": [item.experiment for item in events],
        "occurred_at": [item.occurred_at for item in events],
        "metrics": [item.metrics for item in events],
        "properties": [bytes(item.properties).decode() for item in events],
        "version": list(range(version, version - len(events), -1)),
    }


def exposures_of(lines: Sequence[Line]) -> dict[str, list[Any]]:
    """The exposures: the earlier, the higher its version."""
    exposures = [item for item in lines if item.variant is not None]
    return {
        "experiment": [item.experiment for item in exposures],
        "unit": [item.unit for item in exposures],
        "variant": [item.variant for item in exposures],
        "first_at": [item.occurred_at for item in exposures],
        "context": [bytes(item.properties).decode() for item in exposures],
        "version": [_HIGHEST - item.occurred_at for item in exposures],
    }
