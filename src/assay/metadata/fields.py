"""Fields that check themselves: every part says per field what it accepts, and all that is wrong is told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, dataclass_transform

from assay.errors import InvalidInput

Check: TypeAlias = Callable[[Any, str], Any]
"""(what was given, the field's name) → the value in its one form; raises InvalidInput."""
P = TypeVar("P", bound="Part")
_ABSENT: tuple[Any, ...] = (None, (), {})


class InvalidMetadata(InvalidInput):
    """Fields that are not accepted, `problems` with all of them; as an InvalidInput it speaks of the first."""

    def __init__(self, problems: Iterable[InvalidInput]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.field, None, first.accepted, hint=first.hint)
        self.given = first.given
        self.message = "; ".join(problem.message for problem in self.problems)

    def at(self, field: str) -> InvalidInput:
        """The first mistake, named as the caller knows the field."""
        return self.problems[0].at(field)

    def under(self, path: str) -> InvalidMetadata:
        """All of them, named from further out."""
        return InvalidMetadata(problem.at(joined(path, problem.field)) for problem in self.problems)


def problems_of(error: InvalidInput) -> tuple[InvalidInput, ...]:
    """All mistakes an error speaks of."""
    return error.problems if isinstance(error, InvalidMetadata) else (error,)


def joined(path: str, name: str) -> str:
    """A field inside another: `open_graph.title`, `images[0].url`."""
    return name if not path else path + name if name.startswith("[") else f"{path}.{name}"


def checked(check: Check, *, default: Any) -> Any:
    """A field that may be left out."""
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata={"check": check})
    return dataclasses.field(default=default, metadata={"check": check})


def required(check: Check) -> Any:
    """A field that must be there."""
    return dataclasses.field(metadata={"check": check})


def gathered(checks: Iterable[tuple[str, Check, Any]]) -> list[Any]:
    """The checked values of (field, check, value); raises InvalidMetadata with everything that is wrong."""
    values: list[Any] = []
    problems: list[InvalidInput] = []
    for name, check, value in checks:
        try:
            values.append(check(value, name))
        except InvalidInput as error:
            problems += problems_of(error)
    if problems:
        raise InvalidMetadata(problems)
    return values


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(checked, required))
def part(cls: type[P]) -> type[P]:
    """A frozen dataclass whose fields are keywords."""
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)


class Part:
    """Something with checked fields, written as a JSON object of those that are set."""

    __slots__ = ()

    def __post_init__(self) -> None:
        checks = []
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value is None and not _is_required(field):
                object.__setattr__(self, field.name, _default(field))
            else:
                checks.append((field.name, field.metadata["check"], value))
        for (name, _, _), value in zip(checks, gathered(checks), strict=True):
            object.__setattr__(self, name, value)
        self._check_together()

    def _check_together(self) -> None:
        """What must hold between fields that are right by themselves."""

    def to_config(self) -> dict[str, Any]:
        """A JSON object with the fields that are set."""
        given = {f.name: getattr(self, f.name) for f in _fields(type(self))}
        return {name: _plain(value) for name, value in given.items() if value not in _ABSENT}

    @classmethod
    def from_config(cls: type[P], config: Any, path: str = "") -> P:
        """The part that `config` describes; raises InvalidMetadata naming every field that is wrong."""
        if not isinstance(config, Mapping):
            raise InvalidMetadata([InvalidInput(path or "config", config, "an object")])
        names = [f.name for f in _fields(cls)]
        problems = [
            InvalidInput(joined(path, str(name)), config[name], f"one of the fields {', '.join(names)}")
            for name in config
            if name not in names
        ]
        # A field that is required and missing is None to its check, which says what it wants.
        known = {name: config[name] for name in names if name in config} | {
            f.name: None for f in _fields(cls) if _is_required(f) and f.name not in config
        }
        try:
            found = cls(**known)
        except InvalidMetadata as error:
            problems += error.under(path).problems
        if problems:
            raise InvalidMetadata(problems)
        return found


def nested(cls: type[P], shorthand: str | None = None) -> Check:
    """A part inside a part. shorthand: the field that text given in its place stands for."""

    def check(value: Any, field: str) -> P:
        if isinstance(value, cls):
            return value
        if shorthand is not None and isinstance(value, str):
            value = {shorthand: value}
        return cls.from_config(value, field)

    return check


def many(check: Check, most: int) -> Check:
    """A list of at most `most`; one alone stands for a list of one."""

    def check_all(value: Any, field: str) -> tuple[Any, ...]:
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        if len(items) > most:
            raise InvalidInput(field, f"{len(items)} of them", f"at most {most}")
        return tuple(gathered((f"{field}[{i}]", check, item) for i, item in enumerate(items)))

    return check_all


def _fields(cls: type[Part]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)  # type: ignore[arg-type]


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return value.to_config()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
