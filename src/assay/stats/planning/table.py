"""What could be found, by how long one waits: rows to show beside a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.planning.answers import minimum_effect, size_of_total, treated_value
from assay.stats.planning.design import Design
from assay.stats.planning.traffic import Traffic, units_after

_TOO_FEW = NoEstimate("too_few_units", "too few units come for two in every variant")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableEffect:
    """One cell: after `weeks` (None when sizes were asked), with `units` in all and `smallest` in the smallest variant.

    effect: the smallest found with `power`, on the design's scale; absolute and relative: the same in the metric's
    unit and as a share of the baseline; value: what the treatment then is.
    """

    weeks: int | None
    units: int | NoEstimate
    smallest: int | NoEstimate
    power: float
    effect: float | NoEstimate
    absolute: float | NoEstimate
    relative: float | NoEstimate
    value: float | NoEstimate


def detectable_effects_table(
    design: Design,
    traffic: Traffic | None = None,
    *,
    weeks: Sequence[int] = (1, 2, 3, 4, 6, 8),
    totals: Sequence[int] | None = None,
    powers: Sequence[float] = (0.8, 0.9),
    traffic_share: float = 1.0,
) -> tuple[DetectableEffect, ...]:
    """The minimum effect for every week and power, week by week; or, with totals, for sizes of the whole experiment.

    traffic: units per day or cumulative unique units by day, needed unless totals are given.
    """
    if totals is None and traffic is None:
        raise InvalidInput("traffic", None, "units per day or cumulative unique units by day, unless totals are given")
    if totals is not None and traffic is not None:
        raise InvalidInput("totals", list(totals), "nothing beside traffic: either weeks or sizes are asked")
    for name, values in (("weeks", weeks), ("totals", totals or ())):
        if not all(value >= 1 for value in values):
            raise InvalidInput(name, list(values), "whole numbers of at least 1")
    sizes: list[tuple[int | None, int | NoEstimate]] = [(None, total) for total in totals or ()]
    if traffic is not None:
        sizes = [(week, units_after(7 * week, traffic, traffic_share=traffic_share)) for week in weeks]
    return tuple(_cell(design, week, units, power) for week, units in sizes for power in powers)


def _cell(design: Design, weeks: int | None, units: int | NoEstimate, power: float) -> DetectableEffect:
    smallest = units if isinstance(units, NoEstimate) else size_of_total(design, units)
    if isinstance(smallest, NoEstimate):
        effect: float | NoEstimate = smallest
    else:
        effect = minimum_effect(design, smallest, power=power) if smallest >= 2 else _TOO_FEW
    absolute: float | NoEstimate
    relative: float | NoEstimate
    value: float | NoEstimate
    if isinstance(effect, NoEstimate):
        absolute = relative = value = effect
    else:
        baseline = design.measured.baseline
        value = treated_value(design, effect)
        absolute = value - baseline
        relative = absolute / baseline if baseline else NoEstimate("zero_baseline", "the baseline is 0")
    return DetectableEffect(
        weeks=weeks,
        units=units,
        smallest=smallest,
        power=power,
        effect=effect,
        absolute=absolute,
        relative=relative,
        value=value,
    )
