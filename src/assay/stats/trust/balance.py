"""Whether variants were alike before the experiment, and whether A/A tests behave as they must."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.plan import Correction
from assay.model.result import NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, sound
from assay.stats.distributions import floored
from assay.stats.fixed.anova import anova
from assay.stats.inputs import check_alpha
from assay.stats.multiple.adjust import adjust

COLLINEAR = NoEstimate("collinear", "the columns explain each other, so they cannot be judged together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One measure from before the start. is_off: its adjusted p-value is below alpha.

    largest_gap: the largest difference of two variants' means, in standard deviations of a unit. warnings: where the
    p-value is known to be too small.
    """

    metric: str
    p_value: float | NoEstimate
    p_value_adjusted: float | NoEstimate
    largest_gap: float | NoEstimate
    is_off: bool
    warnings: tuple[str, ...] = ()


_FEW, _UNEVEN = 500, 3
_TOO_FEW = (
    f"a variant has fewer than {_FEW} units and another more than {_UNEVEN} times as many: with heavy tails or rare "
    "events up to 3 % of even splits are below 0.01"
)


def pre_period_balance(
    metrics: Mapping[str, Mapping[str, Moments]], *, alpha: float = 0.01, correction: Correction = Correction.HOLM
) -> tuple[Balance, ...]:
    """Each measure of the time before exposure, compared between all variants by analysis of variance.

    metrics: name → variant → moments of units before exposure. A difference here is chance or a broken split, never the
    treatment: with correction over the measures, alpha is the chance to be alarmed by chance alone.

    An even split deals all units from one pool, so one variance is right whatever the sizes: F = (SSB / (k - 1)) /
    (SSW / (N - k)), for two variants Student's t (Fisher 1925, chapter 7). Welch's test, right for treatments that
    change the variance, is liberal here: with 100 against 900 units of a measure that is 0 for nine in ten it calls
    6.2 % of even splits below 0.01, this 1.5 %. Up to 3 % for fewer than 500 units beside more than three times as
    many, with heavy tails or rare events: a warning says so.
    """
    check_alpha(alpha)
    p_values = {name: _p_value(arms) for name, arms in metrics.items()}
    known = [p for p in p_values.values() if isinstance(p, float)]
    adjusted = iter(adjust(known, correction))
    found = []
    for name, p in p_values.items():
        corrected = next(adjusted) if isinstance(p, float) else p
        found.append(
            Balance(
                metric=name,
                p_value=p,
                p_value_adjusted=corrected,
                largest_gap=_largest_gap(metrics[name]),
                is_off=isinstance(corrected, float) and corrected < alpha,
                warnings=_warnings(metrics[name]),
            )
        )
    return tuple(sorted(found, key=lambda item: item.p_value if isinstance(item.p_value, float) else 2.0))


def joint_balance(treatment: Moments, control: Moments) -> float | NoEstimate:
    """One p-value for all columns of two arms together: Hotelling's T² with the pooled covariance.

    F = (n - k - 1) / (k (n - 2)) · (n_t n_c / n) d' S⁻¹ d on k and n - k - 1 degrees of freedom, n = n_t + n_c. Exact
    for normal values of one covariance, right for large samples of others. Finds many small differences that no single
    column shows. Source: Hotelling 1931, "The generalization of Student's ratio"; Anderson 2003, section 5.3.
    """
    if treatment.columns != control.columns:
        raise InvalidInput("control", list(control.columns), f"the columns {', '.join(treatment.columns)}")
    if not treatment.n or not control.n:
        return EMPTY_ARM
    if not (sound(treatment) and sound(control)):
        return BAD_MOMENTS
    names, n = treatment.columns, treatment.n + control.n
    k = len(names)
    if n - k - 1 < 1:
        return NoEstimate("too_few_units", f"{n} units are too few to judge {k} columns together")
    pooled = np.array([[(treatment.comoment(a, b) + control.comoment(a, b)) / (n - 2) for b in names] for a in names])
    spread = np.sqrt(np.diag(pooled))
    if not (spread > 0).all():
        return COLLINEAR
    correlation = pooled / np.outer(spread, spread)
    if np.linalg.eigvalsh(correlation)[0] < 1e-10:
        return COLLINEAR
    gap = np.array([treatment.mean(name) - control.mean(name) for name in names]) / spread
    squared = treatment.n * (control.n / n) * float(gap @ np.linalg.solve(correlation, gap))
    return floored(float(fdtrc(k, n - k - 1, squared * (n - k - 1) / (k * (n - 2)))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How p-values of A/A tests fall. alarms: those of at most alpha, of n; chance: exact binomial, two-sided, that a
    share of alpha gives a number as odd as this; uniformity: Kolmogorov and Smirnov's p against the uniform
    distribution. sentence: the finding in words. is_off: either p-value is below 0.001.
    """

    n: int
    alpha: float
    alarms: int
    chance: float
    uniformity: float
    is_off: bool
    sentence: str


_ODD = 0.001


def aa_calibration(p_values: ArrayLike, *, alpha: float = 0.05) -> Calibration:
    """Whether the p-values of A/A tests on one's own data are as likely to be small as they should be.

    p_values: of at least 20 A/A tests that share no units, or of as many random splits of the same units (then their
    number is what counts, not the units'). Exact tests of few units are careful by nature and are found to be so.
    By chance alone is_off comes once in 500 calibrations, or less. Raises InvalidInput for values outside [0, 1].
    """
    from scipy.stats import binomtest, kstest

    check_alpha(alpha)
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or values.size < 20:
        raise InvalidInput("p_values", f"{values.size} values", "at least 20, one per A/A test")
    if not ((values >= 0) & (values <= 1)).all():
        raise InvalidInput("p_values", "values outside 0 and 1", "p-values")
    alarms = int(np.count_nonzero(values <= alpha))
    chance = float(binomtest(alarms, values.size, alpha).pvalue)
    uniformity = float(kstest(values, "uniform").pvalue)
    share = f"{alarms} of {values.size} A/A tests are at most {alpha:g}, where {alpha * values.size:.1f} are expected"
    return Calibration(
        n=int(values.size),
        alpha=alpha,
        alarms=alarms,
        chance=chance,
        uniformity=uniformity,
        is_off=chance < _ODD or uniformity < _ODD,
        sentence=f"{share}: {_diagnosis(alarms > alpha * values.size, chance < _ODD, uniformity < _ODD)}",
    )


def _diagnosis(many: bool, odd_number: bool, odd_shape: bool) -> str:
    if odd_number and many:
        return "too many false alarms. Look for units that are not independent, or a variance that is too small."
    if odd_number:
        return "too few false alarms. The tests are too careful: look for a variance that is too large, or few units."
    if odd_shape:
        return "the number is right, but the p-values are not spread evenly. Look for tests that repeat each other."
    return "no sign of a fault."


def _p_value(arms: Mapping[str, Moments]) -> float | NoEstimate:
    if len(arms) < 2:
        raise InvalidInput("metrics", f"{len(arms)} variants", "at least two variants for each measure")
    return anova({name: item.only((VALUE,)) for name, item in arms.items()}).p_value


def _warnings(arms: Mapping[str, Moments]) -> tuple[str, ...]:
    sizes = [item.n for item in arms.values()]
    return (_TOO_FEW,) if min(sizes) < _FEW and max(sizes) > _UNEVEN * min(sizes) else ()


def _largest_gap(arms: Mapping[str, Moments]) -> float | NoEstimate:
    seen = [item for item in arms.values() if item.n > 1 and sound(item)]
    freedom = sum(item.n - 1 for item in seen)
    variance = math.fsum(item.comoment(VALUE) for item in seen) / freedom if freedom else 0.0
    if len(seen) < 2 or variance <= 0:
        return EMPTY_ARM if len(seen) < 2 else NoEstimate("zero_variance", "no unit differs from another")
    means = [item.mean(VALUE) for item in seen]
    return (max(means) - min(means)) / math.sqrt(variance)
