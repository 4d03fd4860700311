"""The errors Assay raises, each a message for a person and a stable code for a program.

    AssayError
    ├── InvalidInput        a field has a value that is not accepted (HTTP 422)
    │   └── Malformed       the body is not JSON at all (HTTP 400)
    ├── NotFound            no such experiment, variant, metric, file or column (HTTP 404)
    ├── Conflict            the request contradicts the present state (HTTP 409)
    │   └── IllegalMove     a lifecycle move that the stage does not allow
    ├── TooLarge            a body, batch or file beyond the stated limit (HTTP 413)
    └── Unavailable         a part Assay needs does not answer; try again (HTTP 503)
        └── FileInUse       a file that one process alone may open is held by another

Every message names the thing; `hint` says what to do about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_SHOWN_CHARACTERS = 120


class AssayError(Exception):
    """Base of all errors Assay raises on purpose."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InvalidInput(AssayError):
    """A field whose value is not accepted: names the field, what was given and what is accepted."""

    code = "invalid_input"

    def __init__(self, field: str, given: Any, accepted: str, *, hint: str = "") -> None:
        self.field = field
        self.given = shown(given)
        self.accepted = accepted
        super().__init__(f"{field}: given {self.given}; accepted: {accepted}", hint=hint)

    def at(self, field: str) -> InvalidInput:
        """The same mistake, named as the caller knows the field."""
        renamed = type(self)(field, None, self.accepted, hint=self.hint)
        renamed.given = self.given
        renamed.message = f"{field}: given {self.given}; accepted: {self.accepted}"
        return renamed


class Malformed(InvalidInput):
    """A body that cannot be read as JSON."""

    code = "malformed"


class NotFound(AssayError):
    """Nothing of that kind has that key."""

    code = "not_found"

    def __init__(self, kind: str, key: str, *, known: Iterable[str] = (), hint: str = "") -> None:
        self.kind = kind
        self.key = key
        names = list(known)
        hint = f"known: {', '.join(names[:20])}" if names else hint
        super().__init__(f"there is no {kind} {shown(key)}", hint=hint)


class Conflict(AssayError):
    """The request is well formed but contradicts the present state."""

    code = "conflict"


class IllegalMove(Conflict):
    """A lifecycle move that the present stage does not allow."""

    code = "illegal_move"

    def __init__(self, stage: str, target: str, allowed: Iterable[str]) -> None:
        self.stage = stage
        self.target = target
        self.allowed = tuple(allowed)
        choices = ", ".join(self.allowed) or "nowhere: this stage is final"
        super().__init__(
            f"an experiment in stage '{stage}' cannot move to '{target}'",
            hint=f"from '{stage}' it can move to {choices}",
        )


class TooLarge(AssayError):
    """More than the stated limit was sent."""

    code = "too_large"


class Unavailable(AssayError):
    """A part Assay depends on does not answer now; the same request may work later."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_seconds: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class FileInUse(Unavailable):
    """A file that only one process may open is held by another."""


def shown(value: Any) -> str:
    """`value` as JSON, or as Python writes it where JSON cannot, cut to a length that fits an error message."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
