"""The stored form of an event: one line of JSON per event and experiment it names, with the key that tells it apart.

The key is a 128-bit digest. Of an event with an id: of unit and id. Of one without: of unit, type, time and
experiment. The same event sent again has the same key, whichever process takes it, and is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from assay.assignment.digest import md5

_encoder = msgspec.json.Encoder()
_encode = _encoder.encode


class EventLine(msgspec.Struct, gc=False):
    """A line of the inbox. experiment is '' for an event that names none; variant is set for exposures only."""

    key: str
    unit: str
    type: str
    experiment: str
    variant: str | None
    occurred_at: int
    metrics: Mapping[str, float]
    properties: Mapping[str, Any]


def encode_line(line: EventLine) -> bytes:
    """The line as JSON without its newline."""
    return _encoder.encode(line)


def encode_lines(lines: Sequence[EventLine]) -> bytes:
    """Lines with newlines between them; as `encode_line` for each, in one go."""
    return _encoder.encode_lines(lines)[:-1]


def key_of_id(unit: str, event_id: str) -> str:
    """As `event_key` of an event with an id that names at most one experiment."""
    return md5(_encode(("id", unit, event_id, 0))).hexdigest()


def event_key(
    unit: str, event_id: str | None, event_type: str, occurred_at: int, experiment: str, place: int = 0
) -> str:
    """32 hex digits that are equal exactly for events that count as the same.

    place: of the experiment among those the event names, in sorted order; 0 if it names none. An id counts once
    whether the event names its experiment or not.
    """
    identity = ("id", unit, event_id, place) if event_id else ("at", unit, event_type, occurred_at, experiment)
    return md5(_encoder.encode(identity)).hexdigest()


def exposure_line(unit: str, experiment: str, variant: str, occurred_at: int, context: Mapping[str, Any]) -> bytes:
    """An exposure as a line, put together by hand: it is written for every assignment. occurred_at: microseconds since
    1970. Keys of experiments and variants need no escaping in JSON."""
    text, key, at = _encoder.encode(unit), experiment.encode(), b"%d" % occurred_at
    digest = md5(b'["at",%b,"exposure",%b,"%b"]' % (text, at, key)).hexdigest().encode()
    return (
        b'{"key":"%b","unit":%b,"type":"exposure","experiment":"%b","variant":"%b","occurred_at":%b,"metrics":{},'
        b'"properties":%b}' % (digest, text, key, variant.encode(), at, _encoder.encode(context))
    )
