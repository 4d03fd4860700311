"""The flag protocol in the OpenAPI document, which FastAPI does not see."""

from __future__ import annotations

from typing import Any

_JSON = "application/json"
_TEXT = {"type": "string"}
_CONTEXT = {
    "type": "object",
    "properties": {
        "context": {
            "type": "object",
            "properties": {"targetingKey": {"type": "string", "description": "the unit"}},
            "required": ["targetingKey"],
            "additionalProperties": True,
        }
    },
    "required": ["context"],
}
_FLAG = {
    "type": "object",
    "properties": {
        "key": _TEXT,
        "value": {"description": "true or false, text, a number, or an object"},
        "variant": _TEXT,
        "reason": {"enum": ["SPLIT", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"]},
        "metadata": {"type": "object"},
    },
    "required": ["key", "value", "variant", "reason", "metadata"],
}
_FAILURE = {
    "type": "object",
    "properties": {"key": _TEXT, "errorCode": _TEXT, "errorDetails": _TEXT},
    "required": ["errorCode", "errorDetails"],
}
_TAG = {"ETag": {"schema": _TEXT}}


def flag_schemas() -> dict[str, Any]:
    """The schemas that `flag_paths` refers to."""
    return {"Flag": _FLAG, "FlagFailure": _FAILURE, "FlagContext": _CONTEXT}


def flag_paths(path: str) -> dict[str, Any]:
    """Both operations of OFREP. path: of the bulk evaluation."""
    key = {"name": "key", "in": "path", "required": True, "schema": _TEXT, "description": "an experiment's key"}
    seen = {"name": "If-None-Match", "in": "header", "required": False, "schema": _TEXT}
    flags = {"type": "array", "items": {"anyOf": [_ref("Flag"), _ref("FlagFailure")]}}
    many = {"type": "object", "properties": {"flags": flags, "metadata": {"type": "object"}}, "required": ["flags"]}
    return {
        f"{path}/{{key}}": {
            "post": _operation("evaluateFlag", "One experiment as a flag; logs the exposure", [key], _ref("Flag"))
        },
        path: {
            "post": _operation("evaluateFlags", "All experiments as flags; logs nothing", [seen], many, tagged=True)
        },
    }


def _operation(
    name: str, summary: str, parameters: list[dict[str, Any]], answer: dict[str, Any], *, tagged: bool = False
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Evaluated", "content": {_JSON: {"schema": answer}}}
    responses = {
        "200": good,
        "400": _failure("The context is not accepted"),
        "500": _failure("A mistake of the server"),
    }
    if tagged:
        good["headers"] = _TAG
        responses["304"] = {"description": "The same as what was given before", "headers": _TAG}
    else:
        responses["404"] = _failure("There is no such flag")
    return {
        "tags": ["OpenFeature"],
        "summary": summary,
        "description": "The OpenFeature Remote Evaluation Protocol: any OFREP provider works with it.",
        "operationId": name,
        "parameters": parameters,
        "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("FlagContext")}}},
        "responses": responses,
    }


def _failure(text: str) -> dict[str, Any]:
    return {"description": text, "content": {_JSON: {"schema": _ref("FlagFailure")}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
