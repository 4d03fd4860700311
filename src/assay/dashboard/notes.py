"""What a reader should know about the data, and how the numbers are to be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay import wording
from assay.model.plan import Correction, Method
from assay.model.result import ExperimentResult, MetricResult, Validity


@dataclass(frozen=True, slots=True)
class Guide:
    """How to read the numbers: one headline and its explanations."""

    headline: str
    lines: tuple[str, ...]


_RATES = (Correction.BENJAMINI_HOCHBERG, Correction.BENJAMINI_YEKUTIELI, Correction.E_BH)
"""Corrections that bound the share of false alarms, and leave intervals as they are."""


def data_notes(result: ExperimentResult) -> tuple[str, ...]:
    """What was seen and not counted, and metrics that could not be analysed."""
    return tuple(_notes(result))


def _notes(result: ExperimentResult) -> Iterator[str]:
    for key, reason in result.failures.items():
        yield f"{key} could not be analysed, because {reason}."
    quality = result.quality
    if n := quality.units_in_two_variants:
        yield f"{_counted(n, 'unit was', 'units were')} seen in more than one variant and left out of every variant."
    if n := quality.events_before_exposure:
        yield f"{_counted(n, 'event', 'events')} of exposed units came before their first exposure and did not count."
    for metric in result.metrics:
        shares = [item.variance_reduction for item in metric.comparisons if item.variance_reduction is not None]
        if shares:
            removed = wording.percent(max(shares))
            yield f"{metric.title}: {_how(metric)} removed {removed} of the variance; lifts are adjusted."


def _how(metric: MetricResult) -> str:
    return "post-stratification" if any(c.test.startswith("stratified") for c in metric.comparisons) else "CUPED"


def _counted(n: int, one: str, many: str) -> str:
    return f"{wording.count(n)} {one if n == 1 else many}"


def guide(result: ExperimentResult) -> Guide:
    """How the numbers of this result are to be read."""
    drawn = "The bar is the interval of the lift over control, the dot its estimate, the strong line no effect."
    if result.plan.method is Method.GROUP_SEQUENTIAL:
        return Guide(
            "A plan of looks: numbers are read only at those looks.", (drawn, _looks(result), *_corrected(result))
        )
    if result.validity is Validity.ANYTIME:
        lines = [drawn, *_early(result)]
        return Guide("These numbers stay valid however often you look.", (*lines, *_corrected(result)))
    headline = "Fixed horizon: these numbers are valid for one look, at the planned end."
    return Guide(headline, (drawn, *_corrected(result)))


def _looks(result: ExperimentResult) -> str:
    """Where a group sequential plan stands."""
    planned = ", ".join(wording.percent(share) for share in result.plan.planned_looks)
    if not result.looks:
        return f"Looks are planned at {planned} of the sample; the first is still to come."
    now = f"Look {len(result.looks)} was taken at {wording.percent(result.looks[-1])}"
    return f"Looks are planned at {planned} of the sample. {now}; differences stay as they were then until the next."


def _early(result: ExperimentResult) -> list[str]:
    planned = ["The plan is fixed-horizon; until its end, anytime-valid numbers are shown, so looking does no harm."]
    return planned if result.plan.method is Method.FIXED else []


def _corrected(result: ExperimentResult) -> list[str]:
    largest = max((metric.family_size for metric in result.metrics), default=0)
    if largest < 2 or result.plan.correction is Correction.NONE:
        return []
    lines = [f"p-values are corrected for the comparisons within each group of metrics (up to {largest})."]
    if result.plan.correction not in _RATES:
        alone = wording.level(1 - result.plan.alpha)
        lines.append(f"Intervals are so wide that all of a group hold at once with {alone} confidence.")
    return lines
