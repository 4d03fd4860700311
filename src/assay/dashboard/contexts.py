"""The results page as plain values: everything is decided here, the template only prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay import wording
from assay.assignment.randomisers import traffic_at
from assay.dashboard.chips import Chip, action_chip, status_chip, type_words
from assay.dashboard.entrance import Entry, entries
from assay.dashboard.listing import missing
from assay.dashboard.moment import Moment, age, moment
from assay.dashboard.notes import Guide, data_notes, guide
from assay.dashboard.table import ResultsTable, results_table
from assay.dashboard.traffic import RatioBox, Sample, VariantRow, ratio_box, sample, variant_rows
from assay.dashboard.trends import Trend, trends
from assay.model.experiment import Experiment
from assay.model.result import ExperimentResult, Recommendation
from assay.model.shares import PARTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The recommendation: what to do, why, and what to beware of. headline and detail together are the sentence."""

    action: Chip
    headline: str
    detail: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What one result says. trend_metric: the primary metric's name."""

    verdict: Verdict
    ratio: RatioBox
    sample: Sample | None
    table: ResultsTable
    trends: tuple[Trend, ...]
    trend_metric: str
    notes: tuple[str, ...]
    guide: Guide
    updated: Moment
    n_units: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsPage:
    """One experiment's page. findings: None until there are units; `missing` says why and what would bring one."""

    key: str
    name: str
    status: Chip
    facts: tuple[str, ...]
    hypothesis: str
    description: str
    tags: tuple[str, ...]
    variants: tuple[VariantRow, ...]
    audience: str
    entrance: tuple[Entry, ...]
    missing: str
    is_live: bool
    is_startable: bool
    findings: Findings | None


def results_page(
    experiment: Experiment, result: ExperimentResult | None, series: Sequence[ExperimentResult], now: datetime
) -> ResultsPage:
    """The page of one experiment. series: results over time, oldest first."""
    ran = experiment.started_at is not None
    seen = result if result and (result.n_units or result.quality.units_in_two_variants) else None
    return ResultsPage(
        key=experiment.key,
        name=experiment.name,
        status=status_chip(experiment),
        facts=_facts(experiment, now),
        hypothesis=experiment.hypothesis,
        description=experiment.description,
        tags=experiment.tags,
        variants=variant_rows(experiment, result),
        audience=_audience(experiment, now),
        entrance=entries(experiment, now),
        missing="" if seen else missing(experiment, now),
        is_live=ran and experiment.ended_at is None,
        is_startable=not ran,
        findings=_findings(experiment, seen, series) if seen else None,
    )


def _facts(experiment: Experiment, now: datetime) -> tuple[str, ...]:
    owner = f"owned by {experiment.owner}" if experiment.owner else ""
    version = f"version {experiment.version}" if experiment.version > 1 else ""
    return tuple(fact for fact in (type_words(experiment), age(experiment, now), owner, version) if fact)


def _audience(experiment: Experiment, now: datetime) -> str:
    whom = "everyone" if experiment.audience.everyone else "the units that match the audience"
    traffic = traffic_at(experiment.traffic, experiment.ramp, now)
    return f"for {whom}" if traffic == PARTS else f"for {wording.percent(traffic / PARTS)} of {whom}"


def _findings(experiment: Experiment, result: ExperimentResult, series: Sequence[ExperimentResult]) -> Findings:
    titles = {variant.key: variant.title for variant in experiment.variants}
    return Findings(
        verdict=verdict(result.recommendation),
        ratio=ratio_box(result, titles),
        sample=sample(result, titles),
        table=results_table(result, titles),
        trends=() if result.sample_ratio.mismatch else trends(series, result, titles),
        trend_metric=result.primary.title if result.primary else "",
        notes=data_notes(result),
        guide=guide(result),
        updated=moment(result.at),
        n_units=wording.count(result.n_units),
        final=result.final,
    )


def verdict(words: Recommendation) -> Verdict:
    """The recommendation with its sentence parted at the colon."""
    # A quoted name may hold a colon of its own; the sentence's colon follows the closing quote.
    colon = "”: " if "“" in words.sentence else ": "
    before, found, after = words.sentence.partition(colon)
    headline = before + found.rstrip(": ")
    if after and not headline.endswith((".”", "?”", "!”")):
        headline += "."
    return Verdict(
        action=action_chip(words.action),
        headline=wording.unbroken(headline if after else words.sentence),
        detail=wording.unbroken(after[:1].upper() + after[1:]),
        reasons=tuple(wording.unbroken(reason) for reason in words.reasons),
        warnings=tuple(wording.unbroken(warning) for warning in words.warnings),
    )
