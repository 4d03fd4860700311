"""Traffic: the split as planned and as seen, the way to the planned sample, and the variants themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from assay import wording
from assay.model.experiment import Experiment, Variant
from assay.model.result import ExperimentResult, NoEstimate, Validity
from assay.model.shares import PARTS

_FAR_DAYS = 730


@dataclass(frozen=True, slots=True)
class RatioLine:
    """One variant's share of units."""

    title: str
    seen: str
    planned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioBox:
    """The sample-ratio check. sentence: what it says; lines: shares, for the alarm."""

    mismatch: bool
    sentence: str
    lines: tuple[RatioLine, ...]


@dataclass(frozen=True, slots=True)
class SampleBar:
    """How far one variant is; percent is held within 0 to 100."""

    title: str
    text: str
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The way to the planned sample."""

    sentence: str
    days_left: str
    bars: tuple[SampleBar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRow:
    """One variant: what was planned, what was seen. config: indented JSON, empty when there is none."""

    key: str
    title: str
    description: str
    is_control: bool
    is_winner: bool
    planned: str
    units: str
    seen: str
    config: str


def ratio_box(result: ExperimentResult, titles: Mapping[str, str]) -> RatioBox:
    """The sample-ratio check of a result."""
    ratio = result.sample_ratio
    total, whole = sum(ratio.observed.values()) or 1, math.fsum(ratio.expected.values()) or 1.0
    lines = tuple(
        RatioLine(
            titles.get(variant, variant),
            f"{wording.percent(n / total)} ({wording.count(n)})",
            wording.percent(ratio.expected.get(variant, 0.0) / whole),
        )
        for variant, n in ratio.observed.items()
    )
    return RatioBox(mismatch=ratio.mismatch, sentence=wording.unbroken(_ratio_sentence(result)), lines=lines)


def _ratio_sentence(result: ExperimentResult) -> str:
    ratio = result.sample_ratio
    p = ratio.p_value_anytime if result.validity is Validity.ANYTIME else ratio.p_value
    if isinstance(p, NoEstimate):
        return f"The split cannot be checked, because {p.reason}."
    if ratio.mismatch:
        return f"The traffic did not split as planned ({wording.p_value(p)}, bound {result.plan.srm_alpha:g})."
    test = "at every look" if p is result.sample_ratio.p_value_anytime else "chi-square"
    return f"The traffic split as planned ({wording.p_value(p)}, {test})."


def sample(result: ExperimentResult, titles: Mapping[str, str]) -> Sample | None:
    """Progress towards the planned sample; None when the plan names none."""
    progress = result.progress
    required = progress.required_per_variant
    if required is None or not progress.share_by_variant:
        return None
    least = min(progress.share_by_variant.values())
    done = f"{wording.percent(least)} of the planned {wording.count(required)} units per variant"
    bars = tuple(
        SampleBar(titles.get(key, key), wording.count(result.units.get(key, 0)), 100 * min(1.0, max(0.0, share)))
        for key, share in progress.share_by_variant.items()
    )
    return Sample(
        sentence=f"The planned {wording.count(required)} units per variant are reached" if least >= 1 else done,
        days_left=_days(progress.days_left) if least < 1 else "",
        bars=bars,
    )


def _days(days_left: float | None) -> str:
    if days_left is None:
        return ""
    if days_left > _FAR_DAYS:
        return "more than two years left at this pace"
    return f"about {wording.duration(days_left * 86_400)} left at this pace"


def variant_rows(experiment: Experiment, result: ExperimentResult | None) -> tuple[VariantRow, ...]:
    """The variants of an experiment; with a result, the units they have."""
    return tuple(_variant(experiment, variant, result) for variant in experiment.variants)


def _variant(experiment: Experiment, variant: Variant, result: ExperimentResult | None) -> VariantRow:
    n = result.units.get(variant.key, 0) if result else 0
    total = sum(result.units.values()) if result else 0
    config = json.dumps(variant.config, indent=2, ensure_ascii=False, default=dict) if variant.config else ""
    blocked = result is not None and result.sample_ratio.mismatch
    return VariantRow(
        key=variant.key,
        title=variant.title,
        description=variant.description,
        is_control=variant.control,
        is_winner=experiment.winner == variant.key and not blocked,
        planned=wording.percent(variant.weight / PARTS),
        units=wording.count(n) if result else "–",
        seen=wording.percent(n / total) if total else "–",
        config=config,
    )
