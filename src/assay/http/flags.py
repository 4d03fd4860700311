"""Flags as OFREP sends them."""

from __future__ import annotations

from typing import Any

import msgspec

from assay.assignment.flags import flag_value
from assay.model.decision import Decision
from assay.model.experiment import Variant

_encoder = msgspec.json.Encoder()


class Flag(msgspec.Struct):
    """One flag for one unit. metadata: our own reason, the experiment and its version; no value in it is nested."""

    key: str
    value: Any
    reason: str
    variant: str
    metadata: dict[str, str | int]


def flag_of(decision: Decision, control: Variant) -> Flag:
    """The flag of a decision, see `assignment.flags`."""
    found = flag_value(decision, control)
    return Flag(decision.experiment, found.value, found.reason, found.variant, found.metadata)


def encoded_flag(flag: Flag) -> bytes:
    """The flag as JSON. Numbers keep their kind: 1.0 stays a float, and 1 an integer."""
    return _encoder.encode(flag)


def encoded_failure(key: str | None, code: str, details: str) -> bytes:
    """A flag that could not be evaluated, or the whole request when `key` is None, as JSON."""
    document = {} if key is None else {"key": key}
    return _encoder.encode(document | {"errorCode": code, "errorDetails": details})


def encoded_flags(flags: list[bytes]) -> bytes:
    """Flags that are JSON already, as the answer to a bulk evaluation."""
    metadata = {"service": "assay", "flags": len(flags)}
    return _encoder.encode({"flags": [msgspec.Raw(flag) for flag in flags], "metadata": metadata})
