"""The OpenAPI document: FastAPI's own, plus the edge endpoints that stand in front of it."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from assay.http.edge import ASSIGN, EVENTS, MAX_BATCH, AssignIn, AssignOut
from assay.http.eventstream import MEDIA_TYPES
from assay.http.ofrep import PATH as FLAGS
from assay.http.openapi_flags import flag_paths, flag_schemas
from assay.http.problems import MEDIA_TYPE
from assay.service.eventform import EventIn
from assay.version import __version__

_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
        "given": {"type": "string"},
        "accepted": {"type": "string"},
        "hint": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}


def document_api(app: FastAPI) -> None:
    """Give `app` an OpenAPI document that holds the edge endpoints and the problem answers too."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title="Assay", version=__version__, description=app.description, routes=app.routes)
    _, components = msgspec.json.schema_components([AssignIn, AssignOut, EventIn], ref_template=_REF)
    known = schema.setdefault("components", {}).setdefault("schemas", {})
    known |= components | flag_schemas() | {"Problem": _PROBLEM}
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    for operations in schema["paths"].values():
        for operation in operations.values():
            _add_problems(operation)
    schema["paths"] |= {ASSIGN: {"post": _assign_operation()}, EVENTS: {"post": _events_operation()}}
    schema["paths"] |= flag_paths(FLAGS)
    return schema


def _add_problems(operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    problems = {"404": "Not found", "409": "Not possible now", "422": "A value is not accepted"}
    if "requestBody" in operation:
        problems |= {"400": "Not JSON", "413": "Too large"}
    for status, text in problems.items():
        operation["responses"][status] = _problem(text)


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _assign_operation() -> dict[str, Any]:
    answer = {"application/json": {"schema": {"$ref": _REF.format(name="AssignOut")}}}
    return {
        "tags": ["assignment"],
        "summary": "Which variants a unit gets, and why",
        "description": AssignIn.__doc__,
        "operationId": "assign",
        "requestBody": _body({"$ref": _REF.format(name="AssignIn")}),
        "responses": {
            "200": {"description": "One assignment per experiment asked for", "content": answer},
            "400": _problem("Not JSON"),
            "413": _problem("Too large"),
            "422": _problem("A value is not accepted"),
        },
    }


def _events_operation() -> dict[str, Any]:
    event = {"$ref": _REF.format(name="EventIn")}
    batch = {"type": "array", "items": event, "minItems": 1, "maxItems": MAX_BATCH}
    wrapped = {"type": "object", "properties": {"events": batch}, "required": ["events"], "additionalProperties": False}
    body = _body({"anyOf": [event, batch, wrapped]})
    lines = {"schema": {"type": "string", "description": "Any number of events, one on each line"}}
    body["content"] |= dict.fromkeys(MEDIA_TYPES, lines)
    return {
        "tags": ["events"],
        "summary": f"Take one event, up to {MAX_BATCH}, or a stream of lines",
        "description": "Accepted events are on disk before the answer; the others are named one by one.",
        "operationId": "track",
        "requestBody": body,
        "responses": {
            "202": {"description": "Kept", "content": {"application/json": {"schema": {"type": "object"}}}},
            "400": _problem("Not JSON, or not what its Content-Encoding says"),
            "413": _problem("Too large"),
            "415": _problem("A Content-Encoding that is not unpacked here"),
            "422": _problem("Not accepted"),
            "429": _problem("More than one unit may send; Retry-After says when to send it again"),
            "503": _problem("Cannot be written now; nothing of this request was kept, of a stream what is told"),
        },
    }
