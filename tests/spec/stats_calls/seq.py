"""Calls of the sequences that hold at every look, and of Wald's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import Interval
from assay.stats.outcome import Outcome
from assay.stats.sequential.answers import SequenceEstimate
from assay.stats.sequential.counts import rate_sequence, two_rate_sequence
from assay.stats.sequential.means import log_ratio_sequence, mean_sequence, proportion_sequence, ratio_sequence
from assay.stats.sequential.msprt import msprt
from assay.stats.sequential.quantiles import quantile_sequence, two_quantile_sequence
from assay.stats.sequential.rules import one_sided_log_e, one_sided_radius
from assay.stats.sequential.shares import share_sequence, two_share_sequence
from assay.stats.sequential.sprt import Sprt, sprt_means, sprt_shares

Found = dict[str, Any]


def said(found: Outcome | SequenceEstimate) -> Found:
    """The numbers of an answer that are there."""
    numbers: Found = {"p_value": found.p_value, "log_p": found.log_p}
    intervals = {"": found.interval}
    if isinstance(found, Outcome):
        numbers |= {"difference": found.difference, "statistic": found.statistic, "relative": found.relative}
        intervals["relative_"] = found.relative_interval
    for prefix, interval in intervals.items():
        if isinstance(interval, Interval):
            numbers |= {f"{prefix}lower": interval.lower, f"{prefix}upper": interval.upper}
    return numbers


def wald(found: Sprt) -> Found:
    names = ("log_likelihood_ratio", "lower", "upper", "expected_units_hypothesis", "expected_units_alternative")
    return {name: getattr(found, name) for name in (*names, "expected_units_between")}


def pairs(found: Callable[..., Any], as_wanted: Callable[[Any], Found] = said) -> Callable[..., Found]:
    """Lists as the tuples that the functions take."""
    return lambda **given: as_wanted(
        found(**{name: tuple(item) if isinstance(item, list) else item for name, item in given.items()})
    )


def summed(given: list[float], columns: tuple[str, ...]) -> Moments:
    """Moments from [n, mean, …, comoment, …]."""
    k = len(columns)
    return Moments(int(given[0]), columns, tuple(given[1 : 1 + k]), tuple(given[1 + k :]))


def of_moments(found: Callable[..., Outcome], *columns: str) -> Callable[..., Found]:
    def call(treatment: list[float], control: list[float], **options: Any) -> Found:
        return said(found(summed(treatment, columns), summed(control, columns), **options))

    return call


def whole_numbers(n: int, **options: Any) -> Found:
    return said(quantile_sequence(np.arange(1, n + 1), **options))


def shifted_numbers(n: int, m: int, shift: float, scale: float, **options: Any) -> Found:
    return said(two_quantile_sequence(shift + scale * np.arange(1, n + 1), np.arange(1, m + 1), **options))


CALLS: dict[str, Callable[..., Found]] = {
    "seq_share": pairs(share_sequence),
    "seq_two_shares": pairs(two_share_sequence),
    "seq_rate": pairs(rate_sequence),
    "seq_two_rates": pairs(two_rate_sequence),
    "seq_quantile": whole_numbers,
    "seq_two_quantiles": shifted_numbers,
    "seq_sprt_share": pairs(sprt_shares, wald),
    "seq_sprt_mean": lambda values, **given: wald(sprt_means(summed(values, (VALUE,)), **given)),
    "seq_msprt": of_moments(msprt, VALUE),
    "seq_means": of_moments(mean_sequence, VALUE),
    "seq_adjusted_means": of_moments(mean_sequence, VALUE, COVARIATE),
    "seq_ratios": of_moments(ratio_sequence, VALUE, DENOMINATOR),
    "seq_log_ratio": of_moments(log_ratio_sequence, VALUE),
    "seq_proportions": pairs(proportion_sequence),
    "seq_one_sided": lambda **inputs: {"log_e": one_sided_log_e(**inputs)},
    "seq_one_sided_radius": lambda **inputs: {"radius": one_sided_radius(**inputs)},
}
