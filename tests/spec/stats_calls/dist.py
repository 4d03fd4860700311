"""Calls of the tests of whole distributions: several means, ranks, the largest gap, quantiles, the bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assay.model.result import Interval
from assay.stats.fixed.anova import AnovaOutcome, anova, welch_anova
from assay.stats.fixed.bootstrapstatistics import MEAN, RATIO, quantile_statistic, trimmed_mean_statistic
from assay.stats.fixed.clustered import ClusteredQuantile
from assay.stats.fixed.ftail import f_tail
from assay.stats.fixed.ks import kolmogorov_smirnov
from assay.stats.fixed.quantiles import quantile_difference
from assay.stats.fixed.rank import brunner_munzel, mann_whitney
from assay.stats.fixed.samplequantile import quantile_interval, sample_quantile
from assay.stats.fixed.shift import hodges_lehmann
from assay.stats.outcome import Outcome

Found = dict[str, Any]


def of_several(outcome: AnovaOutcome) -> Found:
    names = ("statistic", "df_between", "df_within", "p_value", "log_p", "eta_squared", "omega_squared")
    return {name: getattr(outcome, name) for name in names}


def of_two(outcome: Outcome) -> Found:
    names = ("difference", "relative", "p_value", "log_p", "statistic", "degrees_of_freedom")
    found = {name: getattr(outcome, name) for name in names}
    if isinstance(outcome.interval, Interval):
        found.update(lower=outcome.interval.lower, upper=outcome.interval.upper)
    if isinstance(outcome.relative_interval, Interval):
        found.update(relative_lower=outcome.relative_interval.lower, relative_upper=outcome.relative_interval.upper)
    return found


def superiority(outcome: Outcome) -> Found:
    """A rank test's numbers on the scale of the probability of superiority."""
    found = of_two(outcome)
    return {**found, "share": found["difference"] + 0.5, "lower": found["lower"] + 0.5, "upper": found["upper"] + 0.5}


def smls(constant: float, n: int) -> Found:
    """NIST's made data: nine treatments of n values, alternating 0.1 below and above the first."""
    around = np.array([0.0] + [-0.1, 0.1] * ((n - 1) // 2))
    levels = [0.0] + [-0.1, 0.1] * 4
    # decimals first, so that each value is the double nearest to what NIST prints
    rounded = [[float(f"{int(constant)}.{round(10 * (0.4 + level + step))}") for step in around] for level in levels]
    return of_several(anova({f"treatment {i}": values for i, values in enumerate(rounded)}))


def one_quantile(values: list[float], q: float, **options: Any) -> Found:
    found = quantile_interval(values, q, **options)
    assert isinstance(found.interval, Interval)
    return {
        "value": found.value,
        "lower": found.interval.lower,
        "upper": found.interval.upper,
        "coverage": found.coverage,
    }


def weighted(statistic: str, rows: list[list[float]], weights: list[list[float]], share: float = 0.0) -> Found:
    kinds = {"mean": MEAN, "ratio": RATIO}
    made = {"quantile": quantile_statistic, "trimmed": trimmed_mean_statistic}
    chosen = kinds[statistic] if statistic in kinds else made[statistic](share)
    columns, times = np.array(rows, dtype=float), np.array(weights, dtype=float)
    found: Found = {"value": chosen.of(columns, times).tolist()}
    if chosen.error is not None:
        found["error"] = chosen.error(columns, times).tolist()
    return found


CALLS: dict[str, Callable[..., Found]] = {
    "dist_anova": lambda groups: of_several(anova(groups)),
    "dist_welch_anova": lambda groups: of_several(welch_anova(groups)),
    "dist_smls": smls,
    "dist_f_tail": lambda **inputs: dict(zip(("p_value", "log_p"), f_tail(**inputs), strict=True)),
    "dist_mann_whitney": lambda **inputs: of_two(mann_whitney(**inputs)),
    "dist_superiority": lambda **inputs: superiority(mann_whitney(**inputs)),
    "dist_brunner_munzel": lambda **inputs: superiority(brunner_munzel(**inputs)),
    "dist_hodges_lehmann": lambda **inputs: of_two(hodges_lehmann(**inputs)),
    "dist_ks": lambda **inputs: of_two(kolmogorov_smirnov(**inputs)),
    "dist_quantile": lambda **inputs: {"value": sample_quantile(**inputs)},
    "dist_quantile_interval": one_quantile,
    "dist_quantile_difference": lambda **inputs: of_two(quantile_difference(**inputs)),
    "dist_design_effect": lambda units, values, q: {"effect": ClusteredQuantile.of(units, values, q).design_effect},
    "dist_weighted": weighted,
}
