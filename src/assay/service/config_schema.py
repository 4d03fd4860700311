"""JSON Schemas for configs, read: draft 2020-12, complete in themselves, of bounded size, with harmless patterns.

Keywords that the draft does not know are refused, because a misspelt one would check nothing; those that begin with
`x-` are yours. `format` says something to people and is not checked, as the draft has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from assay.errors import InvalidInput
from assay.service.config_patterns import Pattern, read_pattern
from assay.service.config_words import accepted_by, nearest, path_below

FIELD = "config_schema"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 64 * 1024
MAX_DEPTH = 50
MAX_CONTAINERS = 3_000

_ONE = (
    *("items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else", "contentSchema"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_REFERENCES = ("$ref", "$dynamicRef")
_ANCHORS = ("$anchor", "$dynamicAnchor")
_PLAIN = frozenset(
    (
        *("type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains"),
        *("maxProperties", "minProperties", "required", "dependentRequired", "$comment"),
        *("title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples"),
        *("format", "contentEncoding", "contentMediaType"),
    )
)
_KNOWN = frozenset((*_ONE, *_SEVERAL, *_NAMED, *_REFERENCES, *_ANCHORS, *_PLAIN))


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that can be applied. patterns: what each of its regular expressions came from."""

    document: Mapping[str, Any]
    patterns: Mapping[str, Pattern]


def read_schema(given: Mapping[str, Any]) -> Schema:
    """The schema, ready to be applied; raises InvalidInput naming the part that is wrong."""
    document = json.loads(_written(given))
    draft = document.pop("$schema", DRAFT)
    if not isinstance(draft, str) or draft.rstrip("#") != DRAFT:
        raise InvalidInput(f"{FIELD}.$schema", draft, f"{DRAFT}, or nothing")
    document.pop("$id", None)
    error = nearest(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(document))
    if error is not None:
        where, wrong = path_below(FIELD, error)
        raise InvalidInput(where, wrong, accepted_by(error, {}))
    reader = _Reader()
    read = reader.read(document, (), FIELD)
    reader.check_references()
    return Schema(read, reader.patterns)


def _written(given: Mapping[str, Any]) -> str:
    """As JSON, of a size that can be checked in good time."""
    for count, depth in enumerate(_depths(given), 1):
        if depth > MAX_DEPTH:
            raise InvalidInput(FIELD, "…", f"a schema nested at most {MAX_DEPTH} deep")
        if count > MAX_CONTAINERS:
            raise InvalidInput(FIELD, "…", f"a schema of at most {MAX_CONTAINERS:,} objects and lists")
    try:
        text = json.dumps(given, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise InvalidInput(FIELD, given, f"a JSON Schema, which is JSON ({error})") from None
    if size > MAX_BYTES:
        raise InvalidInput(FIELD, f"{size:,} bytes", f"at most {MAX_BYTES:,} bytes")
    return text


def _depths(value: Any) -> Iterator[int]:
    """Of every object and list, how deep it lies."""
    waiting = [(0, value)]
    while waiting:
        depth, item = waiting.pop()
        if isinstance(item, (Mapping, list, tuple)):
            yield depth
            inner = item.values() if isinstance(item, Mapping) else item
            waiting += [(depth + 1, part) for part in inner]


@dataclass(slots=True)
class _Reader:
    """Goes through a schema once. places: where schemas stand in it; references: each with the field it stands in."""

    patterns: dict[str, Pattern] = field(default_factory=dict)
    places: set[tuple[str, ...]] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)
    references: list[tuple[str, str]] = field(default_factory=list)

    def read(self, node: Any, place: tuple[str, ...], where: str) -> Any:
        self.places.add(place)
        if not isinstance(node, dict):
            return node
        mine = {keyword: value for keyword, value in node.items() if not keyword.startswith("x-")}
        return {keyword: self._part(keyword, value, place, f"{where}.{keyword}") for keyword, value in mine.items()}

    def _part(self, keyword: str, value: Any, place: tuple[str, ...], where: str) -> Any:
        if keyword not in _KNOWN:
            inner = keyword in ("$id", "$schema")
            accepted = "only at the top of the schema" if inner else "a keyword of draft 2020-12, or one that begins x-"
            raise InvalidInput(where, value, accepted)
        if keyword in _ONE:
            return self.read(value, (*place, keyword), where)
        if keyword in _SEVERAL:
            return [self._inner(item, (*place, keyword, str(i)), f"{where}[{i}]") for i, item in enumerate(value)]
        if keyword == "patternProperties":
            named = {self._pattern(name, f"{where}.{name}"): (name, item) for name, item in value.items()}
            return {
                p: self._inner(item, (*place, keyword, name), f"{where}.{name}") for p, (name, item) in named.items()
            }
        if keyword in _NAMED:
            return {name: self._inner(item, (*place, keyword, name), f"{where}.{name}") for name, item in value.items()}
        if keyword in _REFERENCES:
            self.references.append((where, value))
        elif keyword in _ANCHORS:
            self.anchors.add(value)
        return self._pattern(value, where) if keyword == "pattern" else value

    def _inner(self, node: Any, place: tuple[str, ...], where: str) -> Any:
        """A schema among others. For `false`, the library would not say which field it was about."""
        return self.read({"not": {}} if node is False else node, place, where)

    def _pattern(self, text: str, where: str) -> str:
        pattern = read_pattern(text, where)
        self.patterns[pattern.python] = pattern
        return pattern.python

    def check_references(self) -> None:
        """Every reference leads to a part of this schema: none is ever fetched."""
        for where, reference in self.references:
            start, mark, fragment = reference.partition("#")
            fragment = unquote(fragment)
            steps = tuple(step.replace("~1", "/").replace("~0", "~") for step in fragment.split("/")[1:])
            by_name = fragment and not fragment.startswith("/")
            known = fragment in self.anchors if by_name else steps in self.places and "patternProperties" not in steps
            if start or not mark or not known:
                raise InvalidInput(where, reference, "a part of this schema, like #/$defs/name: nothing is fetched")
