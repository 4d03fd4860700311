"""The four answers of a design: how many units, with what power, what could be found, how long it takes.

They are each other's inverses: the power of `sample_size` is the power asked for, that of one unit less per arm is
below it, and `minimum_effect` of that size is at most the effect asked about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.errors import InvalidInput
from assay.model.metric import Hypothesis
from assay.model.result import NoEstimate
from assay.stats.checks import is_number
from assay.stats.planning.cautions import warnings_of
from assay.stats.planning.contrasts import Contrast, comparison_power, contrasts_of, standard_errors, tail_of
from assay.stats.planning.design import Design, Scale
from assay.stats.planning.families import family_power
from assay.stats.planning.measured import MeanMeasure, RatioMeasure, ShareMeasure, possible_values
from assay.stats.planning.search import MOST_UNITS, checked_power, smallest_distance, smallest_size
from assay.stats.planning.traffic import Traffic, days_for_units

NOTHING_FOUND = NoEstimate("no_effect_found", "no effect that the metric can take would be found with this power")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Units per variant, the control first. total: units in the experiment. smallest: of the smallest variant.

    power: what this size has. clusters: whole clusters per variant, where clusters are randomised.
    warnings: where the normal curve promises more than exact power holds.
    """

    units: tuple[int, ...]
    total: int
    smallest: int
    power: float
    clusters: tuple[int, ...] | None = None
    warnings: tuple[str, ...] = ()


def sample_size(design: Design, effect: float, *, power: float = 0.8) -> SampleSize:
    """The smallest size with which each treatment of this effect shows what the design asks, with this power.

    effect: the true one, on the design's scale; 0 is "truly equal", usual for non-inferiority and equivalence.
    Raises InvalidInput naming effect where no size up to a trillion is enough. The normal curve is right to 1 point of
    power for equal arms with 25 expected conversions, or 45 units with a mean. For uneven arms set `pooled` as the test
    has it: arms of 1 to 4 sized with their own variances have 77 instead of 80 % for an effect of +100 %, and 83 % for
    one of -50 %. Where exact power is more than a point short, `warnings` says so.
    """
    value = treated_value(design, effect)
    checked_power(power, tail_of(design, units_of_size(design, 2)))
    if min(contrast.at(design, value) for contrast in contrasts_of(design, value)) <= 0:
        raise InvalidInput("effect", effect, _findable(design))
    smallest = smallest_size(lambda n: _least_power(design, units_of_size(design, n), value), power)
    if smallest is None:
        raise InvalidInput("effect", effect, "one further from the hypothesis: this needs more than a trillion units")
    units = units_of_size(design, smallest)
    size = design.clusters.mean_size if design.clusters is not None else None
    return SampleSize(
        units=units,
        total=sum(units),
        smallest=smallest,
        power=_least_power(design, units, value),
        clusters=None if size is None else tuple(math.ceil(n / size - 1e-9) for n in units),
        warnings=warnings_of(design, units, value, power),
    )


def power(design: Design, n: int | Sequence[int] | SampleSize, effect: float) -> float:
    """The chance that a treatment of this effect shows what the design asks; of the least favourable treatment.

    n: units of the smallest variant (the others by their weights), or units per variant, or a SampleSize. A two-sided
    difference counts rejections towards the effect only. For equivalence the two tests' powers less 1, at least 0:
    exact unless both tests can fail together.
    """
    return _least_power(design, _units(design, n), treated_value(design, effect))


def power_of_family(
    design: Design, n: int | Sequence[int] | SampleSize, effects: Sequence[float], *, which: str = "all"
) -> float:
    """The chance that all (or `any`) of several treatments, each with its effect, are found; large samples.

    For differences and hypotheses with one margin, by the comparisons' correlation through the shared control.
    """
    units = _units(design, n)
    if len(effects) != len(units) - 1:
        raise InvalidInput("effects", list(effects), f"{len(units) - 1} numbers, one per treatment")
    if design.hypothesis == Hypothesis.EQUIVALENCE:
        raise InvalidInput("hypothesis", design.hypothesis, "difference, superiority or non_inferiority")
    from scipy.special import ndtri

    distances = []
    for which_one, effect in enumerate(effects, start=1):
        value = treated_value(design, effect)
        single = comparison_power(design, units, which_one, value)
        distances.append(float(ndtri(min(max(single, 1e-300), 1 - 1e-16))))
    return family_power(distances, units, 0.0, which=which)


def minimum_effect(design: Design, n: int | Sequence[int] | SampleSize, *, power: float = 0.8) -> float | NoEstimate:
    """The smallest effect that is found with this power, with its sign, on the design's scale.

    A two-sided difference gives the smallest one in the design's direction. Non-inferiority may be shown of effects a
    little worse than none. For equivalence it is the largest increase that is still shown to be equivalent with this
    power.
    """
    units = _units(design, n)
    checked_power(power, tail_of(design, units))
    if design.hypothesis == Hypothesis.EQUIVALENCE:
        return _largest_equivalent(design, units, power)
    (contrast,) = contrasts_of(design)
    edge = contrast.edge(design)
    limit = _reach(design, contrast, units)
    found = smallest_distance(
        lambda distance: _least_power(design, units, edge + contrast.towards * distance), power, limit
    )
    return NOTHING_FOUND if found is None else _effect_of(design, edge + contrast.towards * found)


def minimum_margin(
    design: Design, n: int | Sequence[int] | SampleSize, *, effect: float = 0.0, power: float = 0.8
) -> float | NoEstimate:
    """The smallest margin that non-inferiority or equivalence is shown with, at this power, if `effect` is true."""
    if design.hypothesis not in (Hypothesis.NON_INFERIORITY, Hypothesis.EQUIVALENCE):
        raise InvalidInput("hypothesis", design.hypothesis, "non_inferiority or equivalence")
    units, value = _units(design, n), treated_value(design, effect)
    checked_power(power, tail_of(design, units))
    limit = 1 - 1e-9 if design.scale == Scale.RELATIVE else _reach(design, Contrast(1), units)
    found = smallest_distance(lambda margin: _least_power(replace(design, margin=margin), units, value), power, limit)
    return NoEstimate("no_margin", "no margin would be shown with this power") if found is None else found


def days_to_completion(
    design: Design,
    effect: float,
    traffic: Traffic,
    *,
    power: float = 0.8,
    traffic_share: float = 1.0,
) -> int | NoEstimate:
    """Whole days until the sample size is reached.

    traffic: new units per day, or cumulative unique units by day (see `days_for_units`). traffic_share: the part of
    them that enters the experiment, above 0 and at most 1.
    """
    needed = sample_size(design, effect, power=power)
    return days_for_units(total_units(design, needed.smallest), traffic, traffic_share=traffic_share)


def units_of_size(design: Design, smallest: int) -> tuple[int, ...]:
    """Units per variant by the design's weights, where the smallest variant has `smallest`."""
    least = min(design.weights)
    return tuple(math.ceil(smallest * (weight / least) * (1 - 1e-12)) for weight in design.weights)


def total_units(design: Design, smallest: int) -> int:
    """Units that must enter for the smallest variant to have `smallest`."""
    return math.ceil(smallest * sum(design.weights) / min(design.weights) * (1 - 1e-12))


def size_of_total(design: Design, total: float) -> int:
    """Units of the smallest variant when `total` units are shared out."""
    return math.floor(total * min(design.weights) / sum(design.weights) * (1 + 1e-12))


def treated_value(design: Design, effect: float) -> float:
    """The treatment's true value under an effect. Raises InvalidInput where the metric cannot take it."""
    baseline = design.measured.baseline
    value = baseline * (1 + effect) if design.scale == Scale.RELATIVE else baseline + effect
    low, high = possible_values(design.measured)
    if not (math.isfinite(value) and low < value < high):
        lowest, highest = (_effect_of(design, bound) if math.isfinite(bound) else bound for bound in (low, high))
        raise InvalidInput("effect", effect, f"a finite number above {lowest:g} and below {highest:g}")
    return value


def _effect_of(design: Design, value: float) -> float:
    baseline = design.measured.baseline
    return (value - baseline) / baseline if design.scale == Scale.RELATIVE else value - baseline


def _units(design: Design, n: int | Sequence[int] | SampleSize) -> tuple[int, ...]:
    if isinstance(n, SampleSize):
        n = n.units
    if isinstance(n, Sequence):
        if len(n) != len(design.weights) or not all(2 <= units <= MOST_UNITS for units in n):
            raise InvalidInput("n", list(n), f"{len(design.weights)} whole numbers of at least 2, the control's first")
        return tuple(n)
    if not (is_number(n) and 2 <= n <= MOST_UNITS):
        raise InvalidInput("n", n, f"a whole number from 2 to {MOST_UNITS:,}")
    return units_of_size(design, n)


def _least_power(design: Design, units: tuple[int, ...], value: float) -> float:
    """Of the smallest treatment; the others have more units and the same effect."""
    smallest = min(range(1, len(units)), key=lambda which: units[which])
    return comparison_power(design, units, smallest, value)


def _findable(design: Design) -> str:
    edges = [(contrast.towards, _effect_of(design, contrast.edge(design))) for contrast in contrasts_of(design)]
    if design.hypothesis == Hypothesis.DIFFERENCE and not design.one_sided:
        return "an effect other than 0"
    return "an effect " + " and ".join(f"{'above' if side > 0 else 'below'} {at:g}" for side, at in edges)


def _reach(design: Design, contrast: Contrast, units: tuple[int, ...]) -> float:
    """How far from the contrast's edge a treatment's value can be, or need ever be looked for."""
    low, high = possible_values(design.measured)
    edge = contrast.edge(design)
    bound = high if contrast.towards > 0 else low
    if math.isfinite(bound):
        return max(abs(bound - edge) * (1 - 1e-12), 1e-300)
    if isinstance(design.measured, (ShareMeasure, MeanMeasure, RatioMeasure)):
        return 1e6 * standard_errors(design, contrast, (units[1], units[0]), design.measured.baseline)[1]
    return 1e9 * design.measured.baseline


def _largest_equivalent(design: Design, units: tuple[int, ...], power: float) -> float | NoEstimate:
    """Bisects from no effect towards the margin; the power falls on the way."""
    baseline, (_, upper) = design.measured.baseline, contrasts_of(design)
    low, high = 0.0, upper.edge(design) - baseline
    if _least_power(design, units, baseline) < power:
        return NoEstimate("not_shown", "not even truly equal variants would be shown to be equivalent with this power")
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _least_power(design, units, baseline + middle) >= power else (low, middle)
    return _effect_of(design, baseline + low)
