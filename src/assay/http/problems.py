"""Errors as problem details (RFC 9457): what is wrong, with which field, what was given and what is accepted."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from assay.errors import AssayError, Conflict, IllegalMove, InvalidInput, Malformed, NotFound, TooLarge, Unavailable
from assay.http.compression import BrokenEncoding, UnknownEncoding
from assay.http.wire import Scope

MEDIA_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[AssayError], int, str], ...] = (
    (UnknownEncoding, 415, "Content encoding not supported"),
    (BrokenEncoding, 400, "Cannot be unpacked"),
    (Malformed, 400, "Not JSON"),
    (InvalidInput, 422, "A value is not accepted"),
    (NotFound, 404, "Not found"),
    (Conflict, 409, "Not possible in the present state"),
    (TooLarge, 413, "Too large"),
    (Unavailable, 503, "Not available now"),
)


def problem(status: int, title: str, detail: str, *, code: str, **more: Any) -> dict[str, Any]:
    """The members of a problem document."""
    extra = {name: value for name, value in more.items() if value not in (None, "", [])}
    return {
        "type": f"urn:assay:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    } | extra


def problem_of(error: AssayError) -> dict[str, Any]:
    """The problem document of an error raised on purpose."""
    status, title = next(((s, t) for kind, s, t in _STATUS if isinstance(error, kind)), (400, "Request refused"))
    more: dict[str, Any] = {"hint": error.hint}
    if isinstance(error, InvalidInput):
        more |= {"field": error.field, "given": error.given, "accepted": error.accepted}
    if isinstance(error, IllegalMove):
        more |= {"stage": error.stage, "target": error.target, "allowed": list(error.allowed)}
    return problem(status, title, error.message, code=error.code, **more)


def unexpected() -> dict[str, Any]:
    """The problem document of a mistake of ours; the log has the details."""
    return problem(
        500, "Something went wrong here", "The server made a mistake; its log has the details.", code="internal"
    )


def wrong_method(scope: Scope, allowed: str) -> dict[str, Any]:
    """The problem document of a method that the path does not know."""
    detail = f"{scope['method']} {scope['path']}: accepted: {allowed}"
    return problem(405, "Method not allowed", detail, code="method_not_allowed", hint="see /api/docs")


def encoded(document: dict[str, Any]) -> bytes:
    """The document as JSON; what it quotes that is not Unicode becomes '?'."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return json.dumps(document, ensure_ascii=False).encode(errors="replace")


def headers_of(error: AssayError) -> dict[str, str]:
    """Headers that belong to an error."""
    return {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, Unavailable) else {}
