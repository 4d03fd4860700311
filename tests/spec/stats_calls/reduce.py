"""Calls of variance reduction: covariates, ratios, strata, learned covariates, the alarm for covariates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.model.metric import MetricKind
from assay.model.moments import VALUE, Moments, covariate_columns
from assay.model.result import Interval
from assay.stats.fixed.core import compare_arms
from assay.stats.outcome import Outcome
from assay.stats.reduction.compared import cuped_ratio_t, post_stratified_t
from assay.stats.reduction.cuped import Adjustment, adjustment
from assay.stats.reduction.learned import LearnedCovariate, learned_covariate
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import Reduced, Reduction
from assay.stats.reduction.rows import moments_by_stratum, unit_moments
from assay.stats.reduction.strata import post_stratified, post_stratified_variance
from assay.stats.reduction.timing import CovariateAlarm, covariate_affected

Found = dict[str, Any]
Numbers = Sequence[float]


def _split(
    variant: Sequence[str], value: Numbers, denominator: Numbers | None, covariates: Sequence[Numbers]
) -> dict[str, Moments]:
    names = np.array(variant)
    found = {}
    for name in dict.fromkeys(variant):
        here = names == name
        below = None if denominator is None else np.array(denominator)[here]
        found[name] = unit_moments(
            np.array(value)[here], denominator=below, covariates=[np.array(x)[here] for x in covariates]
        )
    return found


def _numbers(outcome: Outcome, reduction: object) -> list[float]:
    assert isinstance(outcome.interval, Interval)
    assert isinstance(reduction, Reduction)
    low, high = outcome.interval.lower, outcome.interval.upper
    return [outcome.difference, outcome.degrees_of_freedom, outcome.p_value, low, high, reduction.share_removed]  # type: ignore[list-item]


def cuped(
    value: Numbers,
    covariates: Sequence[Numbers],
    variant: Sequence[str],
    treatment: str,
    control: str,
    denominator: Numbers | None = None,
) -> Found:
    moments = _split(variant, value, denominator, covariates)
    kind = MetricKind.MEAN if denominator is None else MetricKind.RATIO
    by, found = adjustment(moments, kind=kind), reduced_arms(kind, moments)
    assert isinstance(by, Adjustment)
    assert isinstance(found, Reduced)
    outcome = compare_arms("cuped", found.arms[treatment], found.arms[control])
    if denominator is not None and len(moments) == 2:
        direct = cuped_ratio_t(moments[treatment], moments[control])
        assert direct.p_value == outcome.p_value
    return {"theta": list(by.thetas), "numbers": _numbers(outcome, found.reduction(treatment, control))}


def stratified(
    strata: Sequence[str],
    value: Numbers,
    variant: Sequence[str],
    treatment: str,
    control: str,
    denominator: Numbers | None = None,
    covariates: Sequence[Numbers] = (),
) -> Found:
    names, labels = np.array(variant), np.array(strata)
    by = {}
    for name in dict.fromkeys(variant):
        here = names == name
        below = None if denominator is None else np.array(denominator)[here]
        xs = [np.array(x)[here] for x in covariates]
        by[name] = moments_by_stratum(labels[here], np.array(value)[here], denominator=below, covariates=xs)
    return _stratified(by, treatment, control, MetricKind.MEAN if denominator is None else MetricKind.RATIO)


def _stratified(
    by: Mapping[str, Mapping[str, Moments]], treatment: str, control: str, kind: MetricKind
) -> dict[str, Any]:
    keys = sorted({key for one in by.values() for key in one})
    strata = {key: {name: one[key] for name, one in by.items() if key in one} for key in keys}
    found = post_stratified(strata, kind=kind, min_units=2)
    assert isinstance(found, Reduced)
    outcome = compare_arms("stratified", found.arms[treatment], found.arms[control])
    if len(by) == 2:
        assert post_stratified_t(by[treatment], by[control], min_units=2).p_value == outcome.p_value
    return {
        "values": [found.arms[treatment].value, found.arms[control].value],
        "numbers": _numbers(outcome, found.reduction(treatment, control)),
    }


def stratified_shares(treatment: Mapping[str, tuple[int, int]], control: Mapping[str, tuple[int, int]]) -> Found:
    by = {
        name: {key: Moments.of_counts(*pair) for key, pair in one.items()}
        for name, one in (("treatment", treatment), ("control", control))
    }
    return _stratified(by, "treatment", "control", MetricKind.CONVERSION)


def alarm(covariates: Sequence[Numbers], variant: Sequence[str]) -> Found:
    moments = _split(variant, [0.0] * len(variant), None, covariates)
    assert next(iter(moments.values())).columns == (VALUE, *covariate_columns(len(covariates)))
    found = covariate_affected(moments)
    assert isinstance(found, CovariateAlarm)
    return {"p_values": list(found.p_values.values()), "p_value": found.p_value}


def learned(features: Sequence[Numbers], value: Numbers, n_folds: int) -> Found:
    found = learned_covariate(features, value, n_folds=n_folds)
    assert isinstance(found, LearnedCovariate)
    return {"values": found.values.tolist(), "share_explained": found.share_explained}


CALLS: dict[str, Callable[..., Found]] = {
    "reduce_cuped": cuped,
    "reduce_stratified": stratified,
    "reduce_stratified_shares": stratified_shares,
    "reduce_covariate_alarm": alarm,
    "reduce_learned": learned,
    "reduce_stratified_variance": lambda **inputs: {"variance": post_stratified_variance(**inputs)},
}
