"""Events as a stream of lines of JSON, of any length."""

from __future__ import annotations

from assay.errors import AssayError, InvalidInput
from assay.http.body import pieces
from assay.http.eventanswers import Answer, broken_stream_answer, stream_answer
from assay.http.sender import sender_of
from assay.http.wire import Receive, Scope, header
from assay.model.document import format_time
from assay.service.eventstream import EventStream
from assay.service.services import Services

MEDIA_TYPES = ("application/x-ndjson", "application/jsonlines", "application/x-jsonlines")
_KNOWN = frozenset(name.encode() for name in MEDIA_TYPES)


def holds_lines(scope: Scope) -> bool:
    """Whether the body is said to be a stream of lines."""
    media_type = header(scope, b"content-type")
    # What almost every request says, first.
    return media_type != b"application/json" and media_type.partition(b";")[0].strip().lower() in _KNOWN


async def answer_stream(services: Services, scope: Scope, receive: Receive) -> Answer:
    """The answer to a stream, when all of it was taken or when it could not be."""
    stream = EventStream(services.tracking, sender_of(scope))
    try:
        await stream.take(pieces(scope, receive))
        if not stream.taken.lines:
            raise InvalidInput("body", "no line", "one event or more, each a line of JSON")
    except AssayError as error:
        return broken_stream_answer(error, stream.taken)
    return stream_answer(stream.taken, format_time(services.clock()))
