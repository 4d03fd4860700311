"""Decisions as flags in the words of OpenFeature: a value, a variant and one of the standard reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class FlagValue:
    """What a flag says. metadata: our own reason, the experiment and its version; no value in it is nested."""

    value: Any
    variant: str
    reason: str
    metadata: dict[str, str | int]


def flag_value(decision: Decision, control: Variant) -> FlagValue:
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
    return FlagValue(value, variant, _REASONS.get(decision.reason, _NOT_IN_IT), metadata)


def value_of(variant: str, config: Mapping[str, Any]) -> Any:
    """What a variant's config says as a flag: its only member when that is `value`, else all of it, else the key.

    A `value` of null is no value that a flag can have: such a config is given whole.
    """
    if not config:
        return variant
    if len(config) == 1 and config.get("value") is not None:
        return config["value"]
    return config
