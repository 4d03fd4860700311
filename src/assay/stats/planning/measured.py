"""What an experiment measures, as far as planning needs it: the value in control and the variance of one unit.

The variance of an arm's estimate is always `variance(value) / n`. Rates are compared on the logarithm's scale, where
their variance is that of the logarithm; everything else as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.stats.checks import is_number

_LARGEST = 1e60


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMeasure:
    """A share of units. baseline: the share in control, above 0 and below 1; unit variance p (1 - p).

    pooled: the planned test takes its variance under "no difference" from both arms together, as `two_proportion_z`
    does by default and R's power.prop.test assumes; otherwise each arm's own, as in `power_proportion`.
    """

    baseline: float
    pooled: bool = False

    def __post_init__(self) -> None:
        if not (is_number(self.baseline) and 0 < self.baseline < 1):
            raise InvalidInput("baseline", self.baseline, "a share above 0 and below 1")

    def variance(self, value: float, *, treatment: bool = False) -> float:
        """Variance of one unit where the share is `value`."""
        return value * (1 - value)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanMeasure:
    """A mean per unit. standard_deviation: of one unit's value, in the metric's unit, above 0.

    treatment_standard_deviation: that of treated units if it is another. An effect that multiplies every value also
    multiplies their spread: +12 % on lognormal values planned without it has 75 instead of 80 % power.
    """

    baseline: float
    standard_deviation: float
    treatment_standard_deviation: float | None = None

    def __post_init__(self) -> None:
        _check_finite("baseline", self.baseline)
        _check_positive("standard_deviation", self.standard_deviation)
        if self.treatment_standard_deviation is not None:
            _check_positive("treatment_standard_deviation", self.treatment_standard_deviation)

    def variance(self, value: float, *, treatment: bool = False) -> float:
        """Variance of one unit; the same whatever the mean."""
        other = self.treatment_standard_deviation
        return (other if treatment and other is not None else self.standard_deviation) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioMeasure:
    """A ratio of means R = ȳ / d̄. unit_variance: (s_yy - 2 R s_yd + R² s_dd) / d̄², by the delta method.

    Source: Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric Analytics", section 3. The variance is
    taken to be the same in both arms. `estimate_from_history` finds it.
    """

    baseline: float
    unit_variance: float

    def __post_init__(self) -> None:
        _check_finite("baseline", self.baseline)
        _check_positive("unit_variance", self.unit_variance)

    def variance(self, value: float, *, treatment: bool = False) -> float:
        """Variance of one unit's share in the ratio; the same whatever the ratio."""
        return self.unit_variance


@dataclass(frozen=True, slots=True, kw_only=True)
class RateMeasure:
    """Events per unit and time, compared as a ratio of rates on the logarithm's scale.

    baseline: events per unit in one span of time, above 0. exposure: spans each unit is watched. dispersion: variance
    divided by mean of one unit's count, 1 for Poisson counts (quasi-Poisson: McCullagh & Nelder 1989, section 6.2).
    heterogeneity: k of the negative binomial, whose variance is μ + k μ² (Zhu & Lakkis 2014).
    The variance of the logarithm of a rate r over n units is (dispersion / (r · exposure) + heterogeneity) / n.
    """

    baseline: float
    exposure: float = 1.0
    dispersion: float = 1.0
    heterogeneity: float = 0.0

    def __post_init__(self) -> None:
        for name in ("baseline", "exposure", "dispersion"):
            _check_positive(name, getattr(self, name))
        if not (is_number(self.heterogeneity) and 0 <= self.heterogeneity <= _LARGEST):
            raise InvalidInput("heterogeneity", self.heterogeneity, "a number of at least 0")

    def variance(self, value: float, *, treatment: bool = False) -> float:
        """Variance of one unit's share in the logarithm of the rate."""
        return self.dispersion / (value * self.exposure) + self.heterogeneity


Measured = ShareMeasure | MeanMeasure | RatioMeasure | RateMeasure


def on_log_scale(measure: Measured) -> bool:
    """Whether arms are compared by the difference of logarithms."""
    return isinstance(measure, RateMeasure)


def possible_values(measure: Measured) -> tuple[float, float]:
    """Values between which a treatment's must be."""
    if isinstance(measure, ShareMeasure):
        return 0.0, 1.0
    return (0.0, math.inf) if isinstance(measure, RateMeasure) else (-math.inf, math.inf)


def _check_finite(name: str, value: float) -> None:
    if not (is_number(value) and abs(value) <= _LARGEST):
        raise InvalidInput(name, value, "a finite number")


def _check_positive(name: str, value: float) -> None:
    if not (is_number(value) and 0 < value <= _LARGEST):
        raise InvalidInput(name, value, "a number above 0")
