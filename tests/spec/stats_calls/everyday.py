"""Calls of the everyday tests: shares, means, ratios and adjusted means at one look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.model.moments import COVARIATE, DENOMINATOR, VALUE
from assay.model.result import Interval
from assay.stats.distributions import normal_log_p, student_log_p
from assay.stats.fixed.core import cuped_t, ratio_t, student_t, two_proportion_z, welch_t
from assay.stats.inputs import array_moments, units_of
from assay.stats.outcome import Outcome

Found = dict[str, Any]


def numbers(outcome: Outcome) -> Found:
    names = ("difference", "relative", "p_value", "log_p", "statistic", "degrees_of_freedom")
    found = {name: getattr(outcome, name) for name in names}
    assert isinstance(outcome.interval, Interval)
    return {**found, "lower": outcome.interval.lower, "upper": outcome.interval.upper}


def two_shares(treatment: list[int], control: list[int], **options: Any) -> Found:
    found = numbers(two_proportion_z((treatment[0], treatment[1]), (control[0], control[1]), **options))
    return {**found, "statistic_squared": found["statistic"] ** 2}


def relative_means(treatment: list[float], control: list[float], alpha: float) -> Found:
    outcome = welch_t(treatment, control, alpha=alpha)
    assert isinstance(outcome.relative_interval, Interval)
    interval = outcome.relative_interval
    return {"relative": outcome.relative, "lower": interval.lower, "upper": interval.upper}


def pairs(rows: list[list[float]], second: str) -> Any:
    return array_moments((VALUE, second), (units_of(rows[0], "value"), units_of(rows[1], second)))


def ratio_rows(treatment: list[list[float]], control: list[list[float]], alpha: float) -> Found:
    return numbers(ratio_t(pairs(treatment, DENOMINATOR), pairs(control, DENOMINATOR), alpha=alpha))


def cuped_rows_t(treatment: list[list[float]], control: list[list[float]], alpha: float) -> Found:
    return numbers(cuped_t(pairs(treatment, COVARIATE), pairs(control, COVARIATE), alpha=alpha))


CALLS: dict[str, Callable[..., Found]] = {
    "two_shares": two_shares,
    "two_means_welch": lambda **inputs: numbers(welch_t(**inputs)),
    "two_means_student": lambda **inputs: numbers(student_t(**inputs)),
    "relative_means": relative_means,
    "ratio_rows": ratio_rows,
    "cuped_rows_t": cuped_rows_t,
    "student_tail": lambda **inputs: {"log_p": student_log_p(**inputs)},
    "normal_tail": lambda **inputs: {"log_p": normal_log_p(**inputs)},
}
