"""Calls of corrections, simultaneous intervals and the checks of trust."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from assay.model.moments import VALUE, Moments
from assay.model.plan import Correction
from assay.model.result import Interval
from assay.stats.multiple.dunnett import dunnett_critical, dunnett_p
from assay.stats.multiple.intervals import Estimated, holm_lower_bounds, simultaneous_intervals
from assay.stats.trust.balance import joint_balance, pre_period_balance
from assay.stats.trust.exact import exact_sample_ratio
from assay.stats.trust.risk import (
    Corrected,
    exaggeration,
    false_positive_risk,
    least_false_positive_risk,
    winner_corrected,
)

Found = dict[str, Any]


def dunnett(
    statistics: list[float], sizes: list[float], control_size: float, degrees_of_freedom: float | None
) -> Found:
    return {"adjusted": dunnett_p(statistics, sizes, control_size, degrees_of_freedom or math.inf)}


def critical(alpha: float, sizes: list[float], control_size: float, degrees_of_freedom: float | None) -> Found:
    return {"critical": dunnett_critical(alpha, sizes, control_size, degrees_of_freedom or math.inf)}


def intervals(estimates: list[list[float]], method: str, alpha: float) -> Found:
    given = [Estimated(estimate=e, standard_error=s, degrees_of_freedom=nu) for e, s, nu in estimates]
    found = simultaneous_intervals(given, Correction(method), alpha=alpha)
    assert all(isinstance(item, Interval) for item in found)
    return {"lower": [item.lower for item in found], "upper": [item.upper for item in found]}  # type: ignore[union-attr]


def holm(estimates: list[list[float]], alpha: float) -> Found:
    return {"bounds": holm_lower_bounds([Estimated(estimate=e, standard_error=s) for e, s in estimates], alpha=alpha)}


def type_errors(effect: float, standard_error: float) -> Found:
    found = exaggeration(effect, standard_error)
    return {"power": found.power, "wrong_sign": found.wrong_sign, "exaggeration": found.exaggeration}


def winner(estimate: float, standard_error: float) -> Found:
    found = winner_corrected(estimate, standard_error)
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
    "hotelling": hotelling,
    "balance": balance,
}
