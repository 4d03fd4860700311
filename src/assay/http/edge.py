"""The two hot endpoints, in raw ASGI: assign a unit, take events."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Any

import msgspec
import structlog

from assay.errors import AssayError, InvalidInput, Malformed, TooLarge
from assay.http.body import read_body
from assay.http.eventanswers import Answer, batch_answer, single_answer
from assay.http.eventstream import answer_stream, holds_lines
from assay.http.problems import (
    MEDIA_TYPE,
    encoded,
    headers_of,
    problem_of,
    unexpected,
    wrong_method,
)
from assay.http.sender import sender_of
from assay.http.wire import JSON, Disconnected, Receive, Scope, Send, send_json
from assay.model.decision import Decision
from assay.model.document import format_time
from assay.service.eventform import accepted_words
from assay.service.eventread import read_body as read_events
from assay.service.filtering import Sender
from assay.service.services import Services
from assay.service.track import Checked

ASSIGN = "/api/v1/experiments/assign"
EVENTS = "/api/v1/events"
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_ASSIGN_BYTES = 256 * 1024
MAX_BATCH = 100
_MAX_EXPERIMENTS = 1_000
_MAX_UNIT_CHARACTERS = 20_000

_log = structlog.get_logger("assay.http")


class AssignIn(msgspec.Struct, forbid_unknown_fields=True):
    """One unit, the experiments it asks about (all running ones when left out), and its attributes.

    log_exposure: record that the unit meets its variants now. By default it does when experiments are named, and
    does not when all are asked for, because nobody meets all of them at once. consistency_key: drawn and counted
    instead of user_id, to follow a person from anonymous to logged in; send it with events, too.
    """

    user_id: str
    experiments: list[str] | None = None
    context: dict[str, Any] = {}
    log_exposure: bool | None = None
    consistency_key: str | None = None


class Assignment(msgspec.Struct, omit_defaults=True):
    """What one unit gets in one experiment, and why."""

    experiment_id: str
    reason: str
    variant_id: str | None
    variant_name: str | None
    config: Any
    assigned_at: str
    experiment_start: str | None = None
    experiment_end: str | None = None


class AssignOut(msgspec.Struct):
    """The answer to an assignment request. response_time_ms: time spent on it in the server."""

    user_id: str
    assignments: list[Assignment]
    response_time_ms: float


_assign_decoder = msgspec.json.Decoder(AssignIn)
_encoder = msgspec.json.Encoder()
# The starts and ends of running experiments: few, and asked for with every unit.
_format_known = lru_cache(maxsize=4_096)(format_time)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A hot endpoint. answer: from the body, its sender and the start, in seconds of perf_counter, to the answer."""

    method: str
    path: str
    answer: Callable[[bytes, Sender, float], Awaitable[Answer]]


class Edge:
    """Answers the hot endpoints; everything else is the control plane's."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._by_path = {
            path: Endpoint("POST", path.rstrip("/"), answer)
            for known, answer in ((ASSIGN, self._assign), (EVENTS, self._events))
            for path in (known, known + "/")
        }

    def endpoint(self, scope: Scope) -> Endpoint | None:
        """The hot endpoint at a request's path, or None."""
        return self._by_path.get(scope["path"])

    async def answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of the edge; every failure is a problem document."""
        started = perf_counter()
        status = 500
        if scope["method"] != endpoint.method:
            document = wrong_method(scope, endpoint.method)
            await send_json(send, 405, encoded(document), media_type=_PROBLEM, headers={"Allow": endpoint.method})
            return
        try:
            if endpoint.path == EVENTS and holds_lines(scope):
                status, content, headers = await answer_stream(self._services, scope, receive)
            else:
                body = read_body(scope, receive, MAX_BODY_BYTES)
                status, content, headers = await endpoint.answer(await body, sender_of(scope), started)
            await send_json(send, status, content, media_type=JSON if status < 400 else _PROBLEM, headers=headers)
        except Disconnected:
            return
        except AssayError as error:
            document = problem_of(error)
            status = document["status"]
            await send_json(send, status, encoded(document), media_type=_PROBLEM, headers=headers_of(error))
        except RecursionError:
            document = problem_of(Malformed("body", "deep nesting", "values nested less deep"))
            status = document["status"]
            await send_json(send, status, encoded(document), media_type=_PROBLEM)
        except Exception:
            # Logged here and not raised on, so that the connection lives for the next request.
            _log.exception("request failed", method=endpoint.method, path=endpoint.path)
            await send_json(send, 500, encoded(unexpected()), media_type=_PROBLEM)
        finally:
            self._services.telemetry.request_seconds(endpoint.method, endpoint.path, status, perf_counter() - started)

    async def _assign(self, body: bytes, sender: Sender, started: float) -> Answer:
        if len(body) > MAX_ASSIGN_BYTES:
            raise TooLarge(f"the body has {len(body):,} bytes; accepted: at most {MAX_ASSIGN_BYTES:,} bytes")
        try:
            request = _assign_decoder.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise _body_error(error, body) from None
        _check_assign(request)
        services = self._services
        now = services.clock()
        unit = request.user_id if request.consistency_key is None else request.consistency_key
        decisions = services.assigning.assign(unit, request.context, request.experiments, now)
        logs = request.log_exposure if request.log_exposure is not None else request.experiments is not None
        if logs:
            known = request.context
            if request.consistency_key is not None:
                known = {"user_id": request.user_id, **known}
            services.assigning.log_exposures(unit, decisions, known, now, sender)
        shown = _format_now(now)
        answer = AssignOut(
            request.user_id,
            [_assignment(decision, shown) for decision in decisions],
            round((perf_counter() - started) * 1000, 3),
        )
        return 200, _encoder.encode(answer), None

    async def _events(self, body: bytes, sender: Sender, _: float) -> Answer:
        checked, is_batch = self._checked(body, sender)
        # What waits for the disk is as little as can be: what is freed now, the next request finds in the cache.
        del body
        await self._services.tracking.keep(checked)
        now = format_time(self._services.clock())
        return batch_answer(checked, now) if is_batch else single_answer(checked, now)

    def _checked(self, body: bytes, sender: Sender) -> tuple[Checked, bool]:
        tracking = self._services.tracking
        tracking.intake.check_room()
        events, is_batch = read_events(body)
        if len(events) > MAX_BATCH:
            raise TooLarge(
                f"events: given {len(events):,}; accepted: at most {MAX_BATCH} in one request",
                hint="send several batches",
            )
        if not events:
            raise InvalidInput("events", [], f"1 to {MAX_BATCH} events")
        return tracking.check(events, sender), is_batch


_PROBLEM = MEDIA_TYPE.encode()


def _format_now(now: datetime) -> str:
    """As format_time, five times as fast for what is never the same twice. now: in UTC."""
    # Microseconds that are zero would be left out.
    text: str = msgspec.to_builtins(now) if now.microsecond else format_time(now)
    return text


def _assignment(decision: Decision, now: str) -> Assignment:
    start, end = decision.started_at, decision.planned_end
    return Assignment(
        decision.experiment,
        decision.reason,
        decision.variant,
        decision.variant_name,
        decision.config,
        now,
        None if start is None else _format_known(start),
        None if end is None else _format_known(end),
    )


def _check_assign(request: AssignIn) -> None:
    if not request.user_id or len(request.user_id) > _MAX_UNIT_CHARACTERS:
        raise InvalidInput("user_id", request.user_id, f"text of 1 to {_MAX_UNIT_CHARACTERS:,} characters")
    key = request.consistency_key
    if key is not None and not 0 < len(key) <= _MAX_UNIT_CHARACTERS:
        raise InvalidInput("consistency_key", key, f"text of 1 to {_MAX_UNIT_CHARACTERS:,} characters, or nothing")
    if request.experiments is not None and len(request.experiments) > _MAX_EXPERIMENTS:
        raise InvalidInput(
            "experiments", f"{len(request.experiments):,} keys", f"at most {_MAX_EXPERIMENTS:,} experiments"
        )


def _body_error(error: Exception, body: bytes) -> InvalidInput:
    """A decoding error with field, given and accepted."""
    message = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return Malformed("body", body[:80].decode(errors="replace"), f"a JSON object in UTF-8 ({message})")
    what, _, path = message.partition(" - at `$")
    field = path.rstrip("`").lstrip(".") or "body"
    if "`" in what and ("missing required" in what or "unknown field" in what):
        field = what.split("`")[1]
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as unreadable:
        return Malformed("body", body[:80].decode(errors="replace"), f"a JSON object in UTF-8 ({unreadable})")
    value = given.get(field.split(".")[0].split("[")[0]) if isinstance(given, dict) else given
    if "missing required" in what:
        return InvalidInput(field, None, "a value: the field is required")
    fields = ", ".join(AssignIn.__struct_fields__)
    accepted = f"one of {fields}" if "unknown field" in what else accepted_words(what)
    # The decoder does not say which entry of an object it is.
    return InvalidInput(field.removesuffix("[...]"), value, accepted)
