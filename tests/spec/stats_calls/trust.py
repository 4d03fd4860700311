"""Calls of corrections, simultaneous intervals and the checks of trust."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from assay.model.metric import Direction
from assay.model.moments import VALUE, Moments
from assay.model.plan import Correction
from assay.model.result import Interval
from assay.stats.multiple.adjust import adjust
from assay.stats.multiple.dunnett import dunnett_critical, dunnett_p
from assay.stats.multiple.intervals import Estimated, holm_lower_bounds, simultaneous_intervals
from assay.stats.multiple.rule import Purpose, metric_tests, rule_plan
from assay.stats.trust.balance import aa_calibration, joint_balance, pre_period_balance
from assay.stats.trust.exact import exact_sample_ratio, sample_ratio_by_segment
from assay.stats.trust.risk import (
    Corrected,
    exaggeration,
    false_positive_risk,
    false_positive_risk_at,
    least_false_positive_risk,
    winner_corrected,
)

Found = dict[str, Any]


def dunnett(
    statistics: list[float],
    sizes: list[float],
    control_size: float,
    degrees_of_freedom: float | None,
    one_sided: bool = False,
) -> Found:
    nu = degrees_of_freedom or math.inf
    return {"adjusted": dunnett_p(statistics, sizes, control_size, nu, one_sided=one_sided)}


def critical(
    alpha: float, sizes: list[float], control_size: float, degrees_of_freedom: float | None, one_sided: bool = False
) -> Found:
    nu = degrees_of_freedom or math.inf
    return {"critical": dunnett_critical(alpha, sizes, control_size, nu, one_sided=one_sided)}


def intervals(estimates: list[list[float]], method: str, alpha: float) -> Found:
    """Bounds of those that have an interval."""
    given = [Estimated(estimate=e, standard_error=s, degrees_of_freedom=nu) for e, s, nu in estimates]
    found = [
        item for item in simultaneous_intervals(given, Correction(method), alpha=alpha) if isinstance(item, Interval)
    ]
    return {"lower": [item.lower for item in found], "upper": [item.upper for item in found]}


def holm(estimates: list[list[float]], alpha: float) -> Found:
    return {"bounds": holm_lower_bounds([Estimated(estimate=e, standard_error=s) for e, s in estimates], alpha=alpha)}


def type_errors(effect: float, standard_error: float) -> Found:
    found = exaggeration(effect, standard_error)
    return {"power": found.power, "wrong_sign": found.wrong_sign, "exaggeration": found.exaggeration}


def winner(estimate: float, standard_error: float, improvements_only: bool = False) -> Found:
    found = winner_corrected(estimate, standard_error, improvements_only=improvements_only)
    assert isinstance(found, Corrected)
    ends = sorted((found.interval.lower, found.interval.upper), key=lambda end: end if estimate > 0 else -end)  # type: ignore[operator, return-value]
    return {"estimate": found.estimate, "low": ends[0], "high": ends[1]}


def hotelling(treatment: list[list[float]], control: list[list[float]]) -> Found:
    columns = tuple(f"c{i}" for i in range(len(treatment[0])))
    return {"p_value": joint_balance(Moments.of(columns, treatment), Moments.of(columns, control))}


def balance(groups: dict[str, list[float]]) -> Found:
    arms = {name: Moments.of((VALUE,), [(x,) for x in values]) for name, values in groups.items()}
    (found,) = pre_period_balance({"before": arms})
    return {"p_value": found.p_value}


def e_bh(e_values: list[float]) -> Found:
    return {"adjusted": adjust([1 / e for e in e_values], Correction.E_BH)}


def segments(counts: dict[str, list[int]], weights: list[float]) -> Found:
    found = {item.segment: item.p_value_adjusted for item in sample_ratio_by_segment(counts, weights)}
    return {"adjusted": [found[name] for name in counts]}


def calibration(p_values: list[float]) -> Found:
    found = aa_calibration(p_values)
    return {"chance_p_value": found.chance, "uniformity_p_value": found.uniformity, "alarms": found.alarms}


def levels(n_success: int, n_guardrails: int, n_deterioration: int, n_quality: int) -> Found:
    found = rule_plan(n_success, n_guardrails, n_deterioration=n_deterioration, n_quality=n_quality)
    return {name: getattr(found, name) for name in ("superiority", "non_inferiority", "deterioration", "power_each")}


def guardrail(estimate: float, standard_error: float, degrees_of_freedom: float, margin: float, better: str) -> Found:
    found = metric_tests(
        Purpose.GUARDRAIL,
        estimate,
        standard_error,
        degrees_of_freedom=degrees_of_freedom,
        margin=margin,
        direction=Direction(better),
    )
    assert found.better is not None
    return {"p_value_safe": found.better.p_value, "p_value_worse": found.worse.p_value}


def risk_at(
    p_value: float, success_rate: float, noncentrality: float, degrees_of_freedom: float | None, sign_seen: bool
) -> Found:
    risk = false_positive_risk_at(
        p_value,
        success_rate,
        noncentrality=noncentrality,
        degrees_of_freedom=degrees_of_freedom or math.inf,
        sign_seen=sign_seen,
    )
    return {"risk": risk}


CALLS: dict[str, Callable[..., Found]] = {
    "dunnett_p": dunnett,
    "dunnett_critical": critical,
    "simultaneous": intervals,
    "holm_bounds": holm,
    "exact_split": lambda counts, weights: {"p_value": exact_sample_ratio(counts, weights)},
    "false_positive_risk": lambda success_rate: {"risk": false_positive_risk(success_rate)},
    "least_risk": lambda p_value: {"risk": least_false_positive_risk(p_value)},
    "exaggeration": type_errors,
    "winner": winner,
    "e_bh": e_bh,
    "segment_split": segments,
    "aa_calibration": calibration,
    "rule_levels": levels,
    "rule_guardrail": guardrail,
    "risk_at_p": risk_at,
    "hotelling": hotelling,
    "balance": balance,
}
