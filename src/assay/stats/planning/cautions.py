"""What to beware of in a size by the normal curve: where exact power is worth less than promised."""

from __future__ import annotations

from dataclasses import replace

from assay.stats.planning.contrasts import comparison_power
from assay.stats.planning.design import Design, FixedHorizon, Form
from assay.stats.planning.measured import MeanMeasure, ShareMeasure

FEW_CLUSTERS = 30
_SHORT = 0.01
"""Power missing before it is worth a warning."""
_MOST_CONVERSIONS = 100_000
"""Conversions up to which exact power is looked up; it is well under a second, and beyond them the curve is right."""


def warnings_of(design: Design, units: tuple[int, ...], value: float, power: float) -> tuple[str, ...]:
    """Warnings for a size that was found by the normal curve to have `power`; value: the treatment's true value."""
    found = []
    exact = _exact_power(design, units, value)
    if exact is not None and exact < power - _SHORT:
        found.append(
            f"the exact power of this size is {exact:.3f}, not {power:g}, because the normal curve is rough here; "
            "a design with form=exact is sized for it"
        )
    if design.clusters is not None and min(units) / design.clusters.mean_size < FEW_CLUSTERS:
        found.append(
            f"fewer than {FEW_CLUSTERS} clusters in a variant: errors and power by the normal curve are optimistic"
        )
    return tuple(found)


def _exact_power(design: Design, units: tuple[int, ...], value: float) -> float | None:
    """Of the smallest treatment; None where there is no exact form or it is the design's own."""
    if design.form == Form.EXACT or not isinstance(design.method, FixedHorizon):
        return None
    adjusted = design.correlation != 0 or design.clusters is not None
    if isinstance(design.measured, ShareMeasure):
        if adjusted or max(units) * max(value, design.measured.baseline) > _MOST_CONVERSIONS:
            return None
    elif not isinstance(design.measured, MeanMeasure) or adjusted:
        return None
    which = min(range(1, len(units)), key=lambda i: units[i])
    return comparison_power(replace(design, form=Form.EXACT), units, which, value)
