"""The OpenFeature Remote Evaluation Protocol 0.3: any OpenFeature client reads experiments as flags.

The unit is the context's `targetingKey`, all other members of the context are its attributes. A single evaluation is
a unit that meets its variant, so it logs the exposure of a unit that takes part; a bulk evaluation logs none, because
nobody meets all experiments at once.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec
import structlog

from assay.errors import AssayError, TooLarge, Unavailable, shown
from assay.http.body import read_body
from assay.http.compression import BrokenEncoding, UnknownEncoding
from assay.http.etags import etag_of, matches
from assay.http.flags import encoded_failure, encoded_flag, encoded_flags, flag_of
from assay.http.problems import headers_of
from assay.http.sender import sender_of
from assay.http.wire import Disconnected, Receive, Scope, Send, send_json
from assay.model.decision import Decision, Reason
from assay.service.filtering import Sender
from assay.service.services import Services

PATH = "/ofrep/v1/evaluate/flags"
MAX_BODY_BYTES = 256 * 1024
_MAX_UNIT_CHARACTERS = 20_000
_TARGETING_KEY = "targetingKey"

_CODES: dict[type[AssayError], str] = {
    TooLarge: "INVALID_CONTEXT",
    UnknownEncoding: "PARSE_ERROR",
    BrokenEncoding: "PARSE_ERROR",
}
_log = structlog.get_logger("assay.http")
_decoder = msgspec.json.Decoder()


class Refused(Exception):
    """A request that is not evaluated: the status, the protocol's error code, and details for a person."""

    def __init__(self, code: str, details: str, *, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.status = status
        self.headers = headers


class Ofrep:
    """Answers the two evaluation endpoints. Failures have the protocol's own form, with the flag's key if there is one.

    A body beyond the limit is 400 and not 413: clients read the details of 400, 404 and 500 only.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def knows(self, path: str) -> bool:
        """Whether the path, percent-decoded, is one of the two endpoints."""
        return path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in ("", "/")

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request at a path that is known."""
        started, status = perf_counter(), 500
        key = scope["path"][len(PATH) + 1 :] if scope["path"] != PATH else None
        headers: dict[str, str] | None = None
        try:
            if scope["method"] != "POST":
                details = f"{scope['method']} {scope['path']}: accepted: POST"
                raise Refused("GENERAL", details, status=405, headers={"Allow": "POST"})
            body = await read_body(scope, receive, MAX_BODY_BYTES)
            unit, attributes = _context(body)
            if key is not None:
                status, content = 200, self._single(key, unit, attributes, sender_of(scope))
            else:
                content = self._bulk(unit, attributes)
                headers = {"ETag": etag_of(content)}
                status = 304 if matches(headers["ETag"], _header(scope, b"if-none-match")) else 200
        except Disconnected:
            return
        except Refused as refused:
            status, headers = refused.status, refused.headers
            content = encoded_failure(key, refused.code, refused.details)
        except AssayError as error:
            status, headers = 503 if isinstance(error, Unavailable) else 400, headers_of(error)
            code = _CODES.get(type(error), "GENERAL")
            content = encoded_failure(key, code, str(error))
        except RecursionError:
            status, content = 400, encoded_failure(key, "INVALID_CONTEXT", "context: its values are nested too deep")
        except Exception:
            # Logged here and not raised on, so that the connection lives for the next request.
            _log.exception("request failed", method=scope["method"], path=PATH)
            content = encoded_failure(key, "GENERAL", "The server made a mistake; its log has the details.")
        if status == 304:
            await _send_not_modified(send, headers or {})
        else:
            await send_json(send, status, content, headers=headers)
        route = PATH if key is None else f"{PATH}/{{key}}"
        self._services.telemetry.request_seconds("POST", route, status, perf_counter() - started)

    def _single(self, key: str, unit: str, attributes: dict[str, Any], sender: Sender) -> bytes:
        services = self._services
        now = services.clock()
        # The keys of flags are those of started experiments: nothing else, of whatever characters, is known.
        if key not in services.snapshots.current.experiments:
            raise _not_found(key)
        (decision,) = services.assigning.assign(unit, attributes, [key], now)
        content = self._flag(decision)
        if decision.counts:
            services.assigning.log_exposures(unit, [decision], attributes, now, sender)
        return content

    def _bulk(self, unit: str, attributes: dict[str, Any]) -> bytes:
        """All running and paused experiments, also those the unit takes no part in: a client must have their values."""
        services = self._services
        keys = services.snapshots.current.open
        decisions = services.assigning.assign(unit, attributes, keys, services.clock())
        return encoded_flags([self._flag_or_failure(decision) for decision in decisions])

    def _flag(self, decision: Decision) -> bytes:
        compiled = self._services.snapshots.current.experiments.get(decision.experiment)
        if compiled is None or decision.reason is Reason.UNKNOWN_EXPERIMENT:
            raise _not_found(decision.experiment)
        if compiled.control is None:
            # What was cancelled before it was complete.
            raise Refused("FLAG_NOT_FOUND", f"experiment {decision.experiment} has no control variant", status=404)
        return encoded_flag(flag_of(decision, compiled.control))

    def _flag_or_failure(self, decision: Decision) -> bytes:
        """The flag, or what went wrong with it: one failure leaves all other flags as they are."""
        try:
            return self._flag(decision)
        except Refused as refused:
            return encoded_failure(decision.experiment, refused.code, refused.details)
        except Exception:
            _log.exception("flag failed", experiment=decision.experiment)
            return encoded_failure(decision.experiment, "GENERAL", "The flag's value cannot be written as JSON.")


def _context(body: bytes) -> tuple[str, dict[str, Any]]:
    """The unit and its attributes."""
    try:
        request = _decoder.decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused("PARSE_ERROR", f"the body is not JSON in UTF-8: {error}") from None
    if not isinstance(request, dict):
        raise Refused("PARSE_ERROR", f"body: given {shown(request)}; accepted: an object with a context")
    context = request.get("context")
    if context is None:
        raise Refused("TARGETING_KEY_MISSING", "there is no context; it needs a targetingKey: the unit's id")
    if not isinstance(context, dict):
        raise Refused("INVALID_CONTEXT", f"context: given {shown(context)}; accepted: an object")
    unit = context.pop(_TARGETING_KEY, None)
    if unit is None or unit == "":
        raise Refused("TARGETING_KEY_MISSING", "the context needs a targetingKey: the unit's id, as text")
    if not isinstance(unit, str) or len(unit) > _MAX_UNIT_CHARACTERS:
        accepted = f"text of 1 to {_MAX_UNIT_CHARACTERS:,} characters"
        raise Refused("INVALID_CONTEXT", f"context.targetingKey: given {shown(unit)}; accepted: {accepted}")
    return unit, context


def _not_found(key: str) -> Refused:
    return Refused("FLAG_NOT_FOUND", f"there is no started experiment {shown(key)}", status=404)


def _header(scope: Scope, wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == wanted)


async def _send_not_modified(send: Send, headers: dict[str, str]) -> None:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 304, "headers": pairs})
    await send({"type": "http.response.body", "body": b""})
