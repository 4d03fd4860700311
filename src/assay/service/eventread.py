"""Events out of a body all at once. What cannot be read so is left, unread, to be read one by one and named."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.service.eventform import MAX_EVENT_BYTES, EventIn, split_body

Event = EventIn | bytes | msgspec.Raw
"""One event, read or not."""

_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
_WRAPPER = b'"events"'
_WRAPPER_STARTS_WITHIN = 20


class _Wrapped(msgspec.Struct, forbid_unknown_fields=True):
    events: list[EventIn]


_one = msgspec.json.Decoder(EventIn)
_list = msgspec.json.Decoder(list[EventIn])
_wrapped = msgspec.json.Decoder(_Wrapped)


def read_body(body: bytes) -> tuple[Sequence[Event], bool]:
    """The events of a request body, and whether it was a batch; raises InvalidInput as `split_body` does."""
    # A short body has no event that is too long.
    if len(body) <= MAX_EVENT_BYTES:
        try:
            if body.startswith(b"["):
                return _list.decode(body), True
            if _WRAPPER in body[:_WRAPPER_STARTS_WITHIN]:
                return _wrapped.decode(body).events, True
            return [_one.decode(body)], False
        except _UNREADABLE:
            pass
    return split_body(body)


def read_lines(lines: Sequence[bytes]) -> Sequence[Event]:
    """The events of lines of JSON, one each, without blanks around them."""
    # Where each begins and ends as an object does, none can reach into the next.
    if all(line.startswith(b"{") and line.endswith(b"}") and len(line) <= MAX_EVENT_BYTES for line in lines):
        try:
            events = _one.decode_lines(b"\n".join(lines))
        except _UNREADABLE:
            return lines
        if len(events) == len(lines):
            return events
    return lines
