"""Calls of the first methods: shares, means, ratios, CUPED, sequences, plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from assay.model.metric import Measure, Metric, MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.plan import Correction, Plan
from assay.model.result import Comparison, Interval, Validity
from assay.stats.arm import Arm, arm_of
from assay.stats.armview import mean_interval, share_interval
from assay.stats.distributions import normal_log_p
from assay.stats.experiment import analyse_metrics
from assay.stats.fieller import Bounds, accepted
from assay.stats.multiple.adjust import adjust
from assay.stats.planning import power
from assay.stats.reduction.cuped import Adjustment, adjustment
from assay.stats.sequential.mixture import log_e_value, squared_radius, tuned_rho_squared
from assay.stats.trust.sample_ratio import sample_ratio

Found = dict[str, Any]


def compared(kind: MetricKind, arms: Mapping[str, Moments], alpha: float = 0.05) -> dict[str, Found]:
    """Treatment → numbers, through the public entry point, as one look without a correction."""
    metric = Metric(
        key="m",
        kind=kind,
        event="e",
        field="f",
        denominator=Measure(event="d") if kind is MetricKind.RATIO else None,
    )
    (result,), failures = analyse_metrics(
        [metric],
        {"m": arms},
        control="control",
        plan=Plan(alpha=alpha, correction=Correction.NONE),
        validity=Validity.FIXED,
        tuning_units=10_000,
    )
    assert not failures
    return {item.variant: numbers(item) for item in result.comparisons}


def numbers(item: Comparison) -> Found:
    found = {
        name: getattr(item, name)
        for name in ("absolute", "relative", "p_value", "statistic", "degrees_of_freedom", "variance_reduction")
    }
    assert isinstance(item.absolute_interval, Interval)
    return {**found, "lower": item.absolute_interval.lower, "upper": item.absolute_interval.upper}


def two_proportion_z(treatment: list[int], control: list[int], alpha: float) -> Found:
    arms = {"control": Moments.of_counts(*control), "t": Moments.of_counts(*treatment)}
    found = compared(MetricKind.CONVERSION, arms, alpha)["t"]
    return {**found, "log_p": normal_log_p(found["statistic"])}


def welch_t(treatment: list[float], control: list[float], alpha: float) -> Found:
    arms = {
        name: Moments(int(n), (VALUE,), (mean,), ((n - 1) * sd * sd,))
        for name, (n, mean, sd) in (("control", control), ("t", treatment))
    }
    return compared(MetricKind.MEAN, arms, alpha)["t"]


def welch_t_rows(treatment: list[float], control: list[float], alpha: float) -> Found:
    arms = {
        name: Moments.of((VALUE,), [(x,) for x in values]) for name, values in (("control", control), ("t", treatment))
    }
    return compared(MetricKind.MEAN, arms, alpha)["t"]


def given_moments(treatment: Mapping[str, Any], control: Mapping[str, Any], alpha: float) -> Found:
    arms = {
        name: Moments(item["n"], tuple(item["columns"]), tuple(item["means"]), tuple(item["comoments"]))
        for name, item in (("control", control), ("t", treatment))
    }
    return compared(MetricKind.SUM, arms, alpha)["t"]


def wilson(converted: int, n: int, alpha: float) -> Found:
    interval = share_interval(Arm(n, converted / n, 0.0), None, alpha)
    assert isinstance(interval, Interval)
    return {"lower": interval.lower, "upper": interval.upper}


def mean_of(arm: list[float], alpha: float) -> Found:
    n, mean, sd = arm
    interval = mean_interval(Arm(int(n), mean, sd * sd), None, alpha)
    assert isinstance(interval, Interval)
    return {"lower": interval.lower, "upper": interval.upper}


def fieller(treatment: list[float], control: list[float], critical: float) -> Found:
    (t, v_t), (c, v_c) = treatment, control
    bounds = accepted(t - c, c, (v_t + v_c, 2 * v_c, v_c), critical**2)
    assert isinstance(bounds, Bounds)
    return {"relative": t / c - 1, "lower": bounds.lower, "upper": bounds.upper}


def ratio(value: list[float], denominator: list[float]) -> Found:
    moments = Moments.of((VALUE, DENOMINATOR), list(zip(value, denominator, strict=True)))
    arm = arm_of(MetricKind.RATIO, moments)
    assert isinstance(arm, Arm)
    return {"value": arm.value, "standard_error": math.sqrt(arm.variance)}


def cuped_rows(value: list[float], covariate: list[float], variant: list[str], control: str) -> Found:
    assert control == "control"
    rows = list(zip(variant, value, covariate, strict=True))
    arms = {
        name: Moments.of((VALUE, COVARIATE), [(y, x) for other, y, x in rows if other == name])
        for name in dict.fromkeys(variant)
    }
    by = adjustment(arms)
    assert isinstance(by, Adjustment)
    return {"theta": by.theta, "comparisons": compared(MetricKind.MEAN, arms)}


def adjusted(p_values: list[float], method: str) -> Found:
    return {"adjusted": adjust(p_values, Correction(method))}


def split(observed: list[int], weights: list[int]) -> Found:
    names = [f"v{i}" for i in range(len(observed))]
    found = sample_ratio(
        dict(zip(names, observed, strict=True)),
        dict(zip(names, weights, strict=True)),
        alpha=0.001,
        validity=Validity.FIXED,
    )
    return {"p_value": found.p_value, "p_value_anytime": found.p_value_anytime}


CALLS: dict[str, Callable[..., Found]] = {
    "two_proportion_z": two_proportion_z,
    "welch_t": welch_t,
    "welch_t_rows": welch_t_rows,
    "welch_moments": given_moments,
    "cuped_moments": given_moments,
    "wilson": wilson,
    "mean_interval": mean_of,
    "fieller": fieller,
    "ratio": ratio,
    "cuped_rows": cuped_rows,
    "adjust": adjusted,
    "sample_size_proportion": lambda **inputs: {"n": power.sample_size_proportion(**inputs)},
    "sample_size_mean": lambda **inputs: {"n": power.sample_size_mean(**inputs)},
    "power_proportion": lambda **inputs: {"power": power.power_proportion(**inputs)},
    "power_mean": lambda **inputs: {"power": power.power_mean(**inputs)},
    "minimum_effect_proportion": lambda **inputs: {"effect": power.minimum_effect_proportion(**inputs)},
    "sample_ratio": split,
    "log_e_value": lambda **inputs: {"log_e": log_e_value(**inputs)},
    "squared_radius": lambda **inputs: {"square": squared_radius(**inputs)},
    "tuned_rho_squared": lambda **inputs: {"rho_squared": tuned_rho_squared(**inputs)},
}
