"""The form of an event as sent, and how its mistakes are named."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from assay.errors import InvalidInput, Malformed, shown
from assay.model.event import EventProblem
from assay.service.eventsplit import split_batch

MAX_EVENT_BYTES = 64 * 1024


# Neither kind can be part of a cycle: the collector of garbage need not look at the hundreds of a batch.
class Attribution(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An experiment that the event belongs to, and the variant the unit met there.

    version: of the experiment, if the sender knows it: what an old version drew does not count for a new one.
    """

    experiment_id: str
    variant_id: str | None = None
    version: int | None = None


class EventIn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An event as sent. consistency_key: takes the place of user_id as the unit, if the assignment was made by it."""

    user_id: str
    event_type: str
    consistency_key: str | None = None
    timestamp: datetime | None = None
    event_id: str | None = None
    experiments: list[Attribution] = []
    metrics: dict[str, float] = {}
    properties: dict[str, Any] = {}
    value: float | None = None


class EventRefused(Exception):
    """One event is not accepted: names the field, what was given and what is accepted."""

    def __init__(self, code: EventProblem, field_name: str, given: Any, accepted: str) -> None:
        self.code, self.accepted = code, accepted
        self.field, self.given = _in_unicode(field_name), _in_unicode(shown(given))


def _in_unicode(text: str) -> str:
    """What is quoted from an event must be fit to be sent back."""
    return text.encode(errors="replace").decode()


_decoder = msgspec.json.Decoder(EventIn)


def split_body(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """The events of a request body, still undecoded, and whether it was a batch.

    Accepts one event, a list of events, or {"events": [...]}. NaN and Infinity, which are not JSON, are let through
    here so that the event that holds them is refused alone. Raises InvalidInput for anything that is not JSON.
    """
    try:
        parsed: Any = msgspec.json.decode(body, type=list[msgspec.Raw] | dict[str, msgspec.Raw])
    except (msgspec.DecodeError, ValueError, RecursionError):
        elements = split_batch(body)
        if elements is not None:
            return [msgspec.Raw(element) for element in elements], True
        parsed = _parse_leniently(body)
    if isinstance(parsed, dict) and "events" in parsed:
        if len(parsed) > 1:
            other = next(key for key in parsed if key != "events")
            raise InvalidInput(other, bytes(parsed[other]).decode(errors="replace"), "only 'events' beside a batch")
        return _listed(bytes(parsed["events"])), True
    if isinstance(parsed, list):
        return parsed, True
    return [msgspec.Raw(_rejoin(parsed))], False


def _listed(events: bytes) -> list[msgspec.Raw]:
    try:
        return msgspec.json.decode(events, type=list[msgspec.Raw])
    except (msgspec.DecodeError, ValueError, RecursionError):
        parsed = _loaded(events)
    if not isinstance(parsed, list):
        raise InvalidInput("events", events.decode(errors="replace"), "a list of events")
    return [_as_raw(item) for item in parsed]


def _rejoin(parsed: Mapping[str, msgspec.Raw]) -> bytes:
    try:
        return msgspec.json.encode(parsed)
    except UnicodeEncodeError:
        return b"{%s}" % b",".join(b"%s:%s" % (json.dumps(key).encode(), bytes(raw)) for key, raw in parsed.items())


def _parse_leniently(body: bytes) -> list[msgspec.Raw] | dict[str, msgspec.Raw]:
    parsed = _loaded(body)
    if isinstance(parsed, dict):
        return {str(key): _as_raw(value) for key, value in parsed.items()}
    if isinstance(parsed, list):
        return [_as_raw(item) for item in parsed]
    raise InvalidInput("body", parsed, "an event, a list of events, or {'events': [...]}")


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("body", text[:80].decode(errors="replace"), f"JSON in UTF-8 ({error})") from None


def _as_raw(value: Any) -> msgspec.Raw:
    # json.dumps keeps NaN and Infinity, so the event's own check can name them.
    return msgspec.Raw(json.dumps(value).encode())


def decode_event(raw: bytes | msgspec.Raw) -> EventIn:
    """One event from its JSON; raises EventRefused."""
    data = bytes(raw)
    if len(data) > MAX_EVENT_BYTES:
        raise EventRefused(
            EventProblem.TOO_LARGE, "event", f"{len(data):,} bytes", f"at most {MAX_EVENT_BYTES:,} bytes"
        )
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _refusal(error, data) from None


def too_deep() -> EventRefused:
    """The refusal of an event whose values are nested deeper than can be read or written."""
    return EventRefused(EventProblem.INVALID, "event", "deep nesting", "values nested less deep")


def _refusal(error: Exception, data: bytes) -> EventRefused:
    if isinstance(error, RecursionError):
        return too_deep()
    try:
        is_form = isinstance(error, msgspec.ValidationError) and "out of range" not in str(error)
        return _explain(str(error), data) if is_form else _not_json(data)
    except RecursionError:
        return too_deep()


def _not_json(data: bytes) -> EventRefused:
    """A value that JSON does not have, found by a lenient reading, else malformed text."""
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        accepted = "whole numbers of at most 4,300 digits" if "integer string" in str(error) else "JSON in UTF-8"
        return EventRefused(EventProblem.INVALID, "event", data[:80].decode(errors="replace"), accepted)
    found = _unfit(parsed, "")
    if found is None:
        return EventRefused(EventProblem.INVALID, "event", data[:80].decode(errors="replace"), "JSON in UTF-8")
    path, given = found
    if isinstance(given, str):
        return EventRefused(EventProblem.INVALID, path or "event", given, "text in Unicode, without half a pair")
    return EventRefused(EventProblem.NOT_A_NUMBER, path or "event", given, "a finite number")


def _unfit(value: Any, path: str) -> tuple[str, Any] | None:
    """Where the first number that is not finite as a float is, or the first text that is not Unicode."""
    if isinstance(value, float) and not math.isfinite(value):
        return path, value
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return path, value
    if isinstance(value, str) and _in_unicode(value) != value:
        return path, value
    if isinstance(value, dict) and (halves := [key for key in value if _in_unicode(key) != key]):
        return path, halves[0]
    children: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        children = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        children = [(f"{path}[{i}]", item) for i, item in enumerate(value)]
    return next((found for key, item in children if (found := _unfit(item, key))), None)


_MISSING = re.compile(r"missing required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PATH = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`")


def _explain(message: str, data: bytes) -> EventRefused:
    """A decoding error as field, given and accepted."""
    where = _PATH.search(message)
    path = where.group(1) if where else ""
    what = message[: where.start()] if where else message
    if missing := _MISSING.search(message):
        name = f"{path}.{missing.group(1)}" if path else missing.group(1)
        return EventRefused(EventProblem.INVALID, name, None, "a value: the field is required")
    try:
        given: Any = json.loads(data)
    except (ValueError, RecursionError):
        return _not_json(data)
    for step in re.findall(r"\.\.\.|[^.\[\]]+", path):
        if step == "..." and isinstance(given, dict):
            # The decoder does not say which entry: it is the first that is no number.
            step = next((key for key, item in given.items() if not _is_number(item)), step)
            path = path.replace("[...]", f".{step}")
        if isinstance(given, dict):
            given = given.get(step, given)
        elif isinstance(given, list) and step.isdigit():
            given = given[int(step)]
    if unknown := _UNKNOWN.search(message):
        name = f"{path}.{unknown.group(1)}" if path else unknown.group(1)
        names = Attribution.__struct_fields__ if path else EventIn.__struct_fields__
        return EventRefused(
            EventProblem.INVALID, name or '""', given.get(unknown.group(1)), f"one of {', '.join(names)}"
        )
    return EventRefused(EventProblem.INVALID, path or "event", given, accepted_words(what))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_WORDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a finite number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}


def accepted_words(message: str) -> str:
    """What a decoder's message says is accepted, in words: 'Expected `str | null`, got `int`' → 'a string or null'."""
    if "datetime" in message or "RFC3339" in message:
        return "a time in ISO 8601, like 2026-02-05T10:30:00Z"
    expected = re.search(r"[Ee]xpected `([^`]+)`", message)
    if expected:
        return " or ".join(_WORDS.get(word, word) for word in expected.group(1).split(" | "))
    return message[0].lower() + message[1:]
