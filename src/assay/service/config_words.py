"""What a JSON Schema accepts, in words, and where in a config it was not met."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import ValidationError  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

from assay.errors import shown
from assay.service.config_patterns import Pattern

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "text",
}
_FORMS = {
    "minLength": "text of at least {} characters",
    "maxLength": "text of at most {} characters",
    "minimum": "a number from {} on",
    "maximum": "a number up to {}",
    "exclusiveMinimum": "a number above {}",
    "exclusiveMaximum": "a number below {}",
    "multipleOf": "a multiple of {}",
    "minItems": "a list of at least {}",
    "maxItems": "a list of at most {}",
    "items": "a list without further items",
    "uniqueItems": "a list without doubles",
    "contains": "a list in which some item fits, as `contains` says",
    "minContains": "a list in which more items fit, as `contains` says",
    "maxContains": "a list in which at most {} items fit, as `contains` says",
    "minProperties": "an object with at least {} fields",
    "maxProperties": "an object with at most {} fields",
    "not": "anything but what the schema excludes here",
    "unevaluatedItems": "a list without further items",
    "unevaluatedProperties": "an object without further fields",
}
_MAX_SPELT = 6
_MISSING = ("required", "dependentRequired")


def nearest(errors: Iterable[ValidationError]) -> ValidationError | None:
    """The error that says most, inside alternatives that of the nearest one; None when there is none."""
    found: ValidationError | None = best_match(errors)
    return found


def path_below(field: str, error: ValidationError) -> tuple[str, Any]:
    """The field an error is about, and what it was given."""
    where, given = field, error.instance
    for step in error.absolute_path:
        where += f"[{step}]" if isinstance(step, int) else f".{step}"
    name = _missing(error) if error.validator in _MISSING else None
    if name is not None:
        return f"{where}.{name}", None
    extra = _extra(error) if error.validator == "additionalProperties" else None
    return (where, given) if extra is None else (f"{where}.{extra}", given[extra])


def accepted_by(error: ValidationError, patterns: Mapping[str, Pattern]) -> str:
    """What would have been accepted there."""
    words = _words(error, patterns)
    if "propertyNames" in error.absolute_schema_path:
        words = f"names of fields that are {words}"
    outer = error.parent
    if outer is not None and outer.validator in ("anyOf", "oneOf"):
        return f"{words}; or another of {len(outer.validator_value)} alternatives"
    return words


def _words(error: ValidationError, patterns: Mapping[str, Pattern]) -> str:
    keyword, value = error.validator, error.validator_value
    match keyword:
        case "type":
            return " or ".join(_TYPES.get(name, name) for name in ([value] if isinstance(value, str) else value))
        case "enum":
            return f"one of {', '.join(shown(item) for item in value[:20])}{', …' if len(value) > 20 else ''}"
        case "const":
            return shown(value)
        case "pattern":
            found = patterns.get(value)
            return f"text that matches {found.text if found else value}"
        case "required" | "dependentRequired":
            return "a value: the schema requires the field"
        case "additionalProperties":
            names = ", ".join(error.schema.get("properties", {})) or "none"
            return f"only the fields the schema knows: {names}"
        case "anyOf" | "oneOf":
            return _alternatives(error, patterns)
        case None:
            return "nothing: the schema has no place for it"
        case _:
            return _FORMS.get(keyword, "what the schema says").format(shown(value))


def _alternatives(error: ValidationError, patterns: Mapping[str, Pattern]) -> str:
    """What each alternative wants, when all of them are about the value itself; else how many there are."""
    first = {inner.schema_path[0]: inner for inner in reversed(error.context or ())}
    count = len(error.validator_value)
    if not first:
        return f"exactly one of {count} alternatives of the schema: several fit"
    if count > _MAX_SPELT or any(inner.path for inner in first.values()):
        return f"one of {count} alternatives of the schema"
    wants = [
        f"an object with {_missing(inner)}" if inner.validator in _MISSING else _words(inner, patterns)
        for _, inner in sorted(first.items())
    ]
    return ", or ".join(dict.fromkeys(wants))


def _missing(error: ValidationError) -> str | None:
    wanted = error.validator_value
    if isinstance(wanted, Mapping):
        wanted = [name for key, names in wanted.items() if key in error.instance for name in names]
    return next((name for name in wanted if name not in error.instance), None)


def _extra(error: ValidationError) -> str | None:
    known, forms = error.schema.get("properties", {}), error.schema.get("patternProperties", {})
    return next((n for n in error.instance if n not in known and not any(re.search(p, n) for p in forms)), None)
