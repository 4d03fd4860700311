"""Answers to events: acknowledged, refused one by one, or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from assay.errors import AssayError
from assay.http.problems import encoded, headers_of, problem, problem_of
from assay.model.document import to_document
from assay.model.event import EventProblem, Refusal
from assay.service.eventstream import Taken
from assay.service.track import Checked

Answer = tuple[int, bytes, dict[str, str] | None]
"""Status, content, and headers if there are any beside the usual ones."""

_RETRY = {"Retry-After": "1"}
_STATUS = {EventProblem.TOO_LARGE: 413, EventProblem.RATE_LIMITED: 429}
_encode = msgspec.json.Encoder().encode


def single_answer(checked: Checked, now: str) -> Answer:
    """202 with the event's id, or the problem with it. An event that a filter leaves out has no id."""
    if checked.refusals:
        refusal = checked.refusals[0]
        detail = f"{refusal.field}: given {refusal.given}; accepted: {refusal.accepted}"
        document = problem(
            _STATUS.get(refusal.code, 422),
            "The event is not accepted",
            detail,
            code=refusal.code.value,
            field=refusal.field,
            given=refusal.given,
            accepted=refusal.accepted,
        )
        return document["status"], encoded(document), _RETRY if document["status"] == 429 else None
    if checked.filtered:
        return 202, _encode({"event_id": None, "accepted_at": now, "filtered": 1}), None
    return 202, _encode({"event_id": checked.accepted[0], "accepted_at": now}), None


def batch_answer(checked: Checked, now: str) -> Answer:
    """202 when at least one event was acknowledged; else the problem with every refusal."""
    refused = [to_document(refusal) for refusal in checked.refusals]
    if not checked.accepted and not checked.filtered:
        return _none_accepted("batch", checked.refusals, {"refused": refused})
    answer = {
        "accepted": len(checked.accepted),
        "event_ids": checked.event_ids,
        "refused": refused,
        "filtered": checked.filtered.total(),
        "accepted_at": now,
    }
    return 202, _encode(answer), None


def stream_answer(taken: Taken, now: str) -> Answer:
    """As of a batch, with lines counted from 1 in place of indices."""
    if not taken.accepted and not taken.filtered:
        return _none_accepted("stream", taken.refusals, _counts(taken))
    return 202, _encode({**_counts(taken), "accepted_at": now}), None


def broken_stream_answer(error: AssayError, taken: Taken) -> Answer:
    """A stream that could not be taken to its end: the problem, and how far it was taken."""
    document = problem_of(error) | _counts(taken)
    return document["status"], encoded(document), headers_of(error)


def _counts(taken: Taken) -> dict[str, Any]:
    return {
        "lines": taken.lines,
        "accepted": taken.accepted,
        "filtered": taken.filtered,
        "refused_count": taken.refused,
        "refused": [_of_line(refusal) for refusal in taken.refusals],
    }


def _of_line(refusal: Refusal) -> dict[str, Any]:
    document: dict[str, Any] = to_document(refusal)
    return {"line": document.pop("index"), **document}


def _none_accepted(what: str, refusals: Sequence[Refusal], more: dict[str, Any]) -> Answer:
    title, detail = f"No event of the {what} is accepted", "every event was refused; see refused"
    if all(refusal.code is EventProblem.RATE_LIMITED for refusal in refusals):
        return 429, encoded(problem(429, title, detail, code="rate_limited") | more), _RETRY
    return 422, encoded(problem(422, title, detail, code="invalid_input") | more), None
