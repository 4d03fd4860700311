"""Frozen dataclasses to plain JSON documents and back, with errors that name the path.

A class may take charge of its own form with `to_document(self)` and `from_document(cls, document, path)`.
Fields that hold their default are written too: a stored document says everything it means.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import types
import typing
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar, Union

from assay.errors import InvalidInput

T = TypeVar("T")


def to_document(value: Any) -> Any:
    """`value` as JSON-ready dicts, lists, strings and numbers."""
    own = getattr(value, "to_document", None)
    if own is not None:
        return own()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_document(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, Mapping):
        return {str(key): to_document(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_document(item) for item in value]
    return value


def from_document(cls: type[T], document: Any, path: str = "") -> T:
    """The dataclass `cls` read from `document`; raises InvalidInput naming the path that is wrong."""
    if not isinstance(document, Mapping):
        raise InvalidInput(path or cls.__name__.lower(), document, "an object")
    known = _fields(cls)  # type: ignore[arg-type]
    unknown = [key for key in document if key not in known]
    if unknown:
        raise InvalidInput(_join(path, str(unknown[0])), document[unknown[0]], f"one of {', '.join(known)}")
    values = {key: _read(known[key], item, _join(path, key)) for key, item in document.items() if key in known}
    missing = [
        f.name
        for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        if f.name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InvalidInput(_join(path, missing[0]), None, "a value: the field is required")
    try:
        return cls(**values)
    except InvalidInput as error:
        if not path:
            raise
        raise error.at(f"{path}.{error.field}") from error


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and 'Z'."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(value: Any, field: str) -> datetime:
    """An aware UTC datetime from ISO 8601; a time without an offset is taken as UTC."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (TypeError, ValueError, OverflowError):
        given = value.isoformat() if isinstance(value, datetime) else value
        raise InvalidInput(field, given, "a time in ISO 8601, like 2026-02-05T10:30:00Z") from None


@functools.cache
def _fields(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls) if f.init}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _read(kind: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(typing.get_args(kind), value, path)
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), value, path)
    if origin is not None and issubclass(origin, Mapping):
        return _read_mapping(typing.get_args(kind)[1], value, path)
    if kind is Any:
        return value
    own = getattr(kind, "from_document", None)
    if own is not None:
        return own(value, path)
    if dataclasses.is_dataclass(kind):
        return from_document(typing.cast(type, kind), value, path)
    return _read_scalar(kind, value, path)


def _read_union(options: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    if len(options) == 1:
        return _read(options[0], value, path)
    # Unions of dataclasses are told apart by the first field: the alternative's own name for itself.
    if isinstance(value, Mapping):
        for option in options:
            if dataclasses.is_dataclass(option) and dataclasses.fields(option)[0].name in value:
                return _read(option, value, path)
        for option in options:
            if typing.get_origin(option) is Mapping:
                return _read(option, value, path)
    for option in options:
        if option in (str, int, float, bool) and type(value) is option:
            return value
    raise InvalidInput(path, value, " or ".join(getattr(o, "__name__", str(o)) for o in options))


def _read_tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise InvalidInput(path, value, "a list")
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_read(items[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if len(value) != len(items):
        raise InvalidInput(path, value, f"a list of {len(items)}")
    return tuple(_read(kind, item, f"{path}[{i}]") for i, (kind, item) in enumerate(zip(items, value, strict=True)))


def _read_mapping(kind: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(path, value, "an object")
    return {str(key): _read(kind, item, _join(path, str(key))) for key, item in value.items()}


def _read_scalar(kind: Any, value: Any, path: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        try:
            return kind(value)
        except ValueError:
            raise InvalidInput(path, value, f"one of {', '.join(str(item.value) for item in kind)}") from None
    if kind is datetime:
        return parse_time(value, path)
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise InvalidInput(path, value, "a finite number")
        return float(value)
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidInput(path, value, "a whole number")
        return value
    if kind is bool or kind is str:
        if not isinstance(value, kind):
            raise InvalidInput(path, value, "true or false" if kind is bool else "a string")
        return value
    raise TypeError(f"{path}: no reading for {kind!r}")
