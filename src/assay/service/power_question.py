"""What people ask of the planner, and the design it means: one question for the command line and for HTTP."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from assay.errors import InvalidInput
from assay.model.metric import Direction, Hypothesis
from assay.model.plan import MAX_LOOKS, MAX_UNITS, Correction, Spending
from assay.stats.group_sequential.design import GroupDesign, group_design
from assay.stats.group_sequential.spending import kim_demets_spending, obrien_fleming_spending, pocock_spending
from assay.stats.outcome import Alternative
from assay.stats.planning.answers import treated_value
from assay.stats.planning.contrasts import tail_of
from assay.stats.planning.design import Anytime, Clusters, Design, Form, GroupSequential, Scale
from assay.stats.planning.measured import MeanMeasure, Measured, RateMeasure, RatioMeasure, ShareMeasure

_Choice = TypeVar("_Choice", bound=StrEnum)

METRIC_TYPES = ("conversion", "mean", "ratio", "count")
METHODS = ("fixed", "sequential", "group_sequential")
CORRECTIONS = (
    Correction.HOLM.value,
    Correction.BONFERRONI.value,
    Correction.HOCHBERG.value,
    Correction.DUNNETT.value,
    Correction.BENJAMINI_HOCHBERG.value,
    Correction.NONE.value,
)
MOST_VARIANTS = 11
MOST_TRAFFIC = 10**10
MOST_DAYS = 1000
DEFAULT_LOOKS = 4
_LEAST_ALPHA = 1e-12
_SMALLEST, _LARGEST = 1e-50, 1e50
"""Sizes of numbers whose squares are numbers."""
_SIZED = (
    "baseline",
    "baseline_sd",
    "treatment_sd",
    "unit_variance",
    "dispersion",
    "exposure",
    "heterogeneity",
    "effect",
    "margin",
)
_RHO = 2.0
"""Kim and DeMets's power, as the analysis of planned looks has it."""
_SPREADS = {
    "conversion": ("pooled",),
    "mean": ("baseline_sd", "treatment_sd"),
    "ratio": ("unit_variance",),
    "count": ("dispersion", "exposure", "heterogeneity"),
}
"""What describes the spread of each kind of metric; the others' must be left out."""
_NAMES = {
    "standard_deviation": "baseline_sd",
    "treatment_standard_deviation": "treatment_sd",
    "n_comparisons": "num_comparisons",
    "correlation": "covariate_correlation",
    "mean_size": "clusters.mean_size",
    "icc": "clusters.icc",
    "size_cv": "clusters.size_cv",
    "traffic": "daily_traffic",
    "n": "sample_size",
    "totals": "sample_size",
}
"""What the formulas call a thing → what the question calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterQuestion:
    """Whole groups are randomised: units in each on average, intraclass correlation, coefficient of variation."""

    mean_size: float
    icc: float
    size_cv: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerQuestion:
    """A planned experiment. What is None was not given.

    metric_type: conversion (share of units), mean (per unit), ratio (of means), count (events per unit and time).
    baseline: value in control. baseline_sd, treatment_sd: of one unit's value, for a mean. unit_variance: of one unit
    in a ratio, by the delta method. dispersion (variance over mean, 1 for Poisson), exposure (time each unit is
    watched), heterogeneity (k of the negative binomial): for counts. pooled: a conversion's test pools its variance.
    effect: of the treatment, on `scale`; may be left out where sample_size or daily_traffic is given.
    hypothesis, margin, direction, one_sided, weights (control first), correction, num_comparisons, form: see Design.
    looks: of a group sequential plan, how many or which fractions. tuning_units: of a sequential one.
    daily_traffic: new units per day, or unique units seen up to day 1, 2, …; traffic_share of them enters.
    sample_size: units of the smallest variant, to ask what this size can do.
    """

    metric_type: str = "conversion"
    baseline: float
    baseline_sd: float | None = None
    treatment_sd: float | None = None
    unit_variance: float | None = None
    dispersion: float | None = None
    exposure: float | None = None
    heterogeneity: float | None = None
    pooled: bool | None = None
    effect: float | None = None
    scale: str = "relative"
    power: float = 0.8
    alpha: float = 0.05
    one_sided: bool = False
    direction: str = "increase"
    hypothesis: str = "difference"
    margin: float | None = None
    num_variants: int | None = None
    weights: tuple[float, ...] | None = None
    correction: str = "holm"
    num_comparisons: int | None = None
    method: str = "fixed"
    looks: int | tuple[float, ...] | None = None
    spending: str | None = None
    tuning_units: int | None = None
    form: str = "large_sample"
    covariate_correlation: float = 0.0
    clusters: ClusterQuestion | None = None
    daily_traffic: float | tuple[float, ...] | None = None
    traffic_share: float = 1.0
    sample_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """design: for the method that was asked. looks: the plan of a group sequential one."""

    design: Design
    looks: GroupDesign | None = None


@contextmanager
def named() -> Iterator[None]:
    """Mistakes by the names of the question."""
    try:
        yield
    except InvalidInput as error:
        raise error.at(_NAMES.get(error.field, error.field)) from None


def planned_of(question: PowerQuestion) -> Planned:
    """The design that is asked about. Raises InvalidInput by the names of the formulas (see `named`)."""
    _check(question)
    design = Design(
        measured=_measured(question),
        weights=_weights(question),
        alpha=question.alpha,
        scale=_choice(Scale, question.scale, "scale"),
        hypothesis=_choice(Hypothesis, question.hypothesis, "hypothesis"),
        margin=question.margin,
        direction=_choice(Direction, question.direction, "direction"),
        one_sided=question.one_sided,
        correction=question.correction,
        n_comparisons=question.num_comparisons,
        correlation=question.covariate_correlation,
        clusters=None if question.clusters is None else _clusters(question.clusters),
        form=_choice(Form, question.form, "form"),
    )
    if question.effect is not None and design.hypothesis == Hypothesis.DIFFERENCE and not design.one_sided:
        # A two-sided difference is looked for where the effect asked about lies.
        falls = treated_value(design, question.effect) < design.measured.baseline
        design = replace(design, direction=Direction.DECREASE if falls else Direction.INCREASE)
    if question.method == "sequential":
        return Planned(design=replace(design, method=Anytime(tuning_units=question.tuning_units)))
    if question.method == "group_sequential":
        looks = _looks(question, design)
        return Planned(design=replace(design, method=GroupSequential(inflation=max(1.0, looks.inflation))), looks=looks)
    return Planned(design=design)


def _check(question: PowerQuestion) -> None:
    choices = {"metric_type": METRIC_TYPES, "method": METHODS, "correction": CORRECTIONS}
    for field, known in choices.items():
        if getattr(question, field) not in known:
            raise InvalidInput(field, getattr(question, field), f"one of {', '.join(known)}")
    for kind, fields in _SPREADS.items():
        for field in fields:
            if kind != question.metric_type and getattr(question, field) is not None:
                raise InvalidInput(
                    field, getattr(question, field), f"nothing for {question.metric_type}: it is of a {kind}"
                )
    for field in ("looks", "spending"):
        if question.method != "group_sequential" and getattr(question, field) is not None:
            raise InvalidInput(field, getattr(question, field), "nothing, unless method is group_sequential")
    if question.tuning_units is not None:
        if question.method != "sequential":
            raise InvalidInput("tuning_units", question.tuning_units, "nothing, unless method is sequential")
        if question.tuning_units > MAX_UNITS:
            raise InvalidInput("tuning_units", question.tuning_units, f"a whole number from 2 to {MAX_UNITS:,}")
    if 0 < question.alpha < _LEAST_ALPHA:
        raise InvalidInput("alpha", question.alpha, f"a number of at least {_LEAST_ALPHA:g} and below 0.5")
    if question.effect is None and question.sample_size is None and question.daily_traffic is None:
        accepted = "the effect to size for; it may be left out where sample_size or daily_traffic is given"
        raise InvalidInput("effect", None, accepted)
    for field in _SIZED:
        number = getattr(question, field)
        if number is not None and number != 0 and not _SMALLEST <= abs(number) <= _LARGEST:
            raise InvalidInput(field, number, f"0, or a number from {_SMALLEST:g} to {_LARGEST:g} in size")
    _check_traffic(question)


def _check_traffic(question: PowerQuestion) -> None:
    traffic = question.daily_traffic
    if not 0 < question.traffic_share <= 1:
        raise InvalidInput("traffic_share", question.traffic_share, "a number above 0 and at most 1")
    if isinstance(traffic, tuple):
        if len(traffic) > MOST_DAYS or not all(0 <= units <= MAX_UNITS for units in traffic):
            accepted = f"unique units seen up to each of at most {MOST_DAYS:,} days, none above {MAX_UNITS:,}"
            raise InvalidInput("daily_traffic", list(traffic[:5]), accepted)
    elif traffic is not None and not 1 <= traffic <= MOST_TRAFFIC:
        raise InvalidInput("daily_traffic", traffic, f"units per day, from 1 to {MOST_TRAFFIC:,}")


def _measured(question: PowerQuestion) -> Measured:
    baseline = question.baseline
    if question.metric_type == "conversion":
        return ShareMeasure(baseline=baseline, pooled=bool(question.pooled))
    if question.metric_type == "mean":
        if question.baseline_sd is None:
            raise InvalidInput("baseline_sd", None, "the standard deviation of one unit's value, above 0")
        other = question.treatment_sd
        return MeanMeasure(
            baseline=baseline, standard_deviation=question.baseline_sd, treatment_standard_deviation=other
        )
    if question.metric_type == "ratio":
        if question.unit_variance is None:
            accepted = "the variance of one unit in the ratio, by the delta method, above 0"
            raise InvalidInput("unit_variance", None, accepted)
        return RatioMeasure(baseline=baseline, unit_variance=question.unit_variance)
    return RateMeasure(
        baseline=baseline,
        exposure=1.0 if question.exposure is None else question.exposure,
        dispersion=1.0 if question.dispersion is None else question.dispersion,
        heterogeneity=question.heterogeneity or 0.0,
    )


def _weights(question: PowerQuestion) -> tuple[float, ...]:
    n, weights = question.num_variants, question.weights
    if n is not None and not 2 <= n <= MOST_VARIANTS:
        raise InvalidInput("num_variants", n, f"a whole number from 2 to {MOST_VARIANTS}")
    if weights is None:
        return (1.0,) * (2 if n is None else n)
    if n is not None and n != len(weights):
        raise InvalidInput("num_variants", n, f"{len(weights)}, as many as weights, or nothing")
    if len(weights) > MOST_VARIANTS:
        raise InvalidInput("weights", list(weights), f"at most {MOST_VARIANTS} numbers")
    if not all(0 < weight <= _LARGEST for weight in weights):
        raise InvalidInput("weights", list(weights), "two or more positive numbers, the control's first")
    # Shares that sum to 1, so that weights of any size compute alike.
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights) if len(set(weights)) > 1 else (1.0,) * len(weights)


def _clusters(given: ClusterQuestion) -> Clusters:
    for name in ("mean_size", "size_cv"):
        if not abs(getattr(given, name)) <= 1e9:
            raise InvalidInput(name, getattr(given, name), "a number up to a billion")
    return Clusters(mean_size=given.mean_size, icc=given.icc, size_cv=given.size_cv)


def _looks(question: PowerQuestion, design: Design) -> GroupDesign:
    looks = DEFAULT_LOOKS if question.looks is None else question.looks
    if (looks if isinstance(looks, int) else len(looks)) > MAX_LOOKS:
        raise InvalidInput("looks", looks, f"at most {MAX_LOOKS}")
    alpha = design.sides * tail_of(design, ())
    spending = _choice(Spending, question.spending or Spending.OBRIEN_FLEMING.value, "spending")
    return _group_design(looks, alpha, design.sides == 1, spending, question.power)


@lru_cache(maxsize=64)
def _group_design(
    looks: int | tuple[float, ...], alpha: float, one_sided: bool, spending: Spending, power: float
) -> GroupDesign:
    functions = {
        Spending.OBRIEN_FLEMING: obrien_fleming_spending(),
        Spending.POCOCK: pocock_spending(),
        Spending.KIM_DEMETS: kim_demets_spending(_RHO),
    }
    side = Alternative.GREATER if one_sided else Alternative.TWO_SIDED
    return group_design(looks, alpha=alpha, alternative=side, spending=functions[spending], power=power)


def _choice(kind: type[_Choice], given: str, field: str) -> _Choice:
    try:
        return kind(given)
    except ValueError:
        raise InvalidInput(field, given, f"one of {', '.join(item.value for item in kind)}") from None
