"""Experiments as flags in the words of OpenFeature: each has a value, a variant and one of the standard reasons."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from assay.model.decision import Decision, Reason
from assay.model.experiment import Variant

DEFAULT_VARIANT = "default"
"""The variant of a flag whose unit takes no part: its value is the control's, and it is not the control."""

_NOT_IN_IT = "DEFAULT"
_REASONS = {
    Reason.ASSIGNED: "SPLIT",
    Reason.FORCED: "TARGETING_MATCH",
    Reason.NOT_RUNNING: "DISABLED",
    Reason.NOT_SUPPORTED: "ERROR",
    Reason.ERROR: "ERROR",
}
_encoder = msgspec.json.Encoder()


class Flag(msgspec.Struct):
    """One flag for one unit. metadata: our own reason, the experiment and its version; no value in it is nested."""

    key: str
    value: Any
    reason: str
    variant: str
    metadata: dict[str, str | int]


def flag_of(decision: Decision, control: Variant) -> Flag:
    """The flag of a decision. A unit without a variant gets the control's value, so that no client is without one."""
    if decision.variant is None:
        variant, value = DEFAULT_VARIANT, value_of(control.key, control.config)
    else:
        variant, value = decision.variant, value_of(decision.variant, decision.config or {})
    metadata: dict[str, str | int] = {
        "reason": decision.reason.value,
        "version": decision.version,
        "experiment": decision.experiment,
    }
    return Flag(decision.experiment, value, _REASONS.get(decision.reason, _NOT_IN_IT), variant, metadata)


def value_of(variant: str, config: Mapping[str, Any]) -> Any:
    """What a variant's config says as a flag: its only member when that is `value`, else all of it, else the key.

    A `value` of null is no value that a flag can have: such a config is given whole.
    """
    if not config:
        return variant
    if len(config) == 1 and config.get("value") is not None:
        return config["value"]
    return config


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


def etag_of(content: bytes) -> str:
    """An entity tag that changes whenever the content does."""
    return f'"{blake2b(content, digest_size=16).hexdigest()}"'


def matches(etag: str, if_none_match: str) -> bool:
    """Whether If-None-Match names the tag: a list, `*`, weak tags, and tags without their quotes are all understood."""
    given = (item.strip().removeprefix("W/").strip('"') for item in if_none_match.split(","))
    return any(item in ("*", etag.strip('"')) for item in given)
