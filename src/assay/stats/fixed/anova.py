"""Several means at once: whether any variant's mean differs from another's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.result import NoEstimate, Validity
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE, mean_arm, sound
from assay.stats.fixed.ftail import f_tail
from assay.stats.inputs import check_alpha, moments_of, units_of

Units = Moments | ArrayLike


@dataclass(frozen=True, slots=True, kw_only=True)
class AnovaOutcome:
    """What a test of several means says. Every number that cannot be computed is a NoEstimate with its reason.

    test: anova or welch_anova. statistic: F. df_between: variants - 1. df_within: units - variants, or Welch's.
    p_value: that means as far apart come by chance when all are equal. log_p: its natural logarithm, right also where
    the p-value is below what a float can hold. eta_squared: share of the sample's variance that lies between
    variants, 0 to 1; on average too large. omega_squared: the same without that bias, can be below 0. level: 1 - alpha.
    """

    test: str
    statistic: float | NoEstimate
    df_between: float
    df_within: float | NoEstimate
    p_value: float | NoEstimate
    log_p: float | NoEstimate
    eta_squared: float | NoEstimate
    omega_squared: float | NoEstimate
    level: float = 0.95
    validity: Validity = Validity.FIXED
    warnings: tuple[str, ...] = ()

    def significant(self) -> bool:
        """Whether the p-value is at most 1 - level; False where there is none."""
        return isinstance(self.log_p, float) and self.log_p <= math.log(1 - self.level)


class _Group(NamedTuple):
    """n units, their mean from a common origin, their sum of squares about it, and the mean itself."""

    n: int
    mean: float
    squares: float


def anova(variants: Mapping[str, Units], *, alpha: float = 0.05) -> AnovaOutcome:
    """Classic one-way analysis of variance: F = (SSB / (k - 1)) / (SSW / (N - k)), on k - 1 and N - k degrees.

    SSB = Σ n_i (m_i - m)², SSW = Σ Σ (x - m_i)². eta² = SSB / (SSB + SSW); omega² = (SSB - (k - 1) MSW) /
    (SSB + SSW + MSW). Assumes one variance in all variants: with sizes that differ too, use `welch_anova`.
    variants: name → moments, or one number per unit. Two variants: F is the square of Student's t.
    Sources: Fisher 1925, "Statistical Methods for Research Workers", chapter 7; Hays 1963 for omega².
    """
    check_alpha(alpha)
    groups = _groups(variants)
    k = len(variants)
    if isinstance(groups, NoEstimate):
        return _nothing("anova", groups, k, alpha)
    n = sum(group.n for group in groups)
    if n <= k:
        return _nothing("anova", ONE_UNIT, k, alpha)
    between, within = _between(groups), math.fsum(group.squares for group in groups)
    if within <= 0:
        return _nothing("anova", ZERO_VARIANCE, k, alpha)
    error = within / (n - k)
    f = between / (k - 1) / error
    if not math.isfinite(f):
        return _nothing("anova", BAD_MOMENTS, k, alpha)
    omega = (between - (k - 1) * error) / (between + within + error)
    p, log_p = f_tail(f, k - 1, n - k)
    return AnovaOutcome(
        test="anova",
        statistic=f,
        df_between=float(k - 1),
        df_within=float(n - k),
        p_value=p,
        log_p=log_p,
        eta_squared=between / (between + within),
        omega_squared=omega,
        level=1 - alpha,
        warnings=_uneven(groups),
    )


def welch_anova(variants: Mapping[str, Units], *, alpha: float = 0.05) -> AnovaOutcome:
    """One-way analysis of variance in which every variant has a variance of its own (Welch 1951).

    With w_i = n_i / s_i², W = Σ w_i, m = Σ w_i m_i / W and L = Σ (1 - w_i / W)² / (n_i - 1):
    F = [Σ w_i (m_i - m)² / (k - 1)] / [1 + 2 (k - 2) L / (k² - 1)] on k - 1 and (k² - 1) / (3 L) degrees.
    eta² as in `anova`; omega² = (k - 1) (F - 1) / ((k - 1) (F - 1) + N). Every variant needs two units and a variance.
    Two variants: F is the square of Welch's t. Variants of fewer than 10 units of skewed data reject too often.
    Sources: Welch 1951, "On the comparison of several mean values"; Carroll & Nordholm 1975 for omega².
    """
    check_alpha(alpha)
    groups = _groups(variants)
    k = len(variants)
    if isinstance(groups, NoEstimate):
        return _nothing("welch_anova", groups, k, alpha)
    if min(group.n for group in groups) < 2:
        return _nothing("welch_anova", ONE_UNIT, k, alpha)
    if min(group.squares for group in groups) <= 0:
        return _nothing("welch_anova", ZERO_VARIANCE, k, alpha)
    # weights as shares of the largest, so that tiny and huge variances neither overflow nor vanish
    weights = [group.n * (group.n - 1) / group.squares for group in groups]
    largest = max(weights)
    shares = [weight / largest for weight in weights]
    total = math.fsum(shares)
    centre = math.fsum(share * group.mean for share, group in zip(shares, groups, strict=True)) / total
    squares = math.fsum(weight * (group.mean - centre) ** 2 for weight, group in zip(weights, groups, strict=True))
    spread = math.fsum((1 - share / total) ** 2 / (group.n - 1) for share, group in zip(shares, groups, strict=True))
    f = squares / (k - 1) / (1 + 2 * (k - 2) * spread / (k * k - 1))
    df = (k * k - 1) / (3 * spread)
    if not (math.isfinite(f) and math.isfinite(centre)):
        return _nothing("welch_anova", BAD_MOMENTS, k, alpha)
    between, within = _between(groups), math.fsum(group.squares for group in groups)
    n = sum(group.n for group in groups)
    excess = (k - 1) * (f - 1)
    p, log_p = f_tail(f, k - 1, df)
    return AnovaOutcome(
        test="welch_anova",
        statistic=f,
        df_between=float(k - 1),
        df_within=df,
        p_value=p,
        log_p=log_p,
        eta_squared=between / (between + within),
        omega_squared=excess / (excess + n),
        level=1 - alpha,
    )


def _groups(variants: Mapping[str, Units]) -> list[_Group] | NoEstimate:
    """The groups, with means counted from one origin so that large means lose nothing."""
    if not isinstance(variants, Mapping) or len(variants) < 2:
        given = f"{len(variants)} variants" if isinstance(variants, Mapping) else type(variants).__name__
        raise InvalidInput("variants", given, "two or more variants by name")
    given_as = {
        name: moments_of(item, name) if isinstance(item, Moments) else units_of(item, name)
        for name, item in variants.items()
    }
    if any((item.n if isinstance(item, Moments) else item.size) < 1 for item in given_as.values()):
        return EMPTY_ARM
    if not all(sound(item) for item in given_as.values() if isinstance(item, Moments)):
        return BAD_MOMENTS
    first = next(iter(given_as.values()))
    origin = first.mean(VALUE) if isinstance(first, Moments) else float(first[0])
    groups = []
    for item in given_as.values():
        if isinstance(item, Moments):
            arm = mean_arm(item)
            groups.append(_Group(arm.n, arm.value - origin, arm.unit_variance * (arm.n - 1)))
        elif float(np.abs(item).max()) > 1e60:
            return BAD_MOMENTS
        else:
            moved = item - origin
            constant = bool((item == item[0]).all())
            near = moments_of(moved, "values")
            squares = 0.0 if constant else max(0.0, near.comoment(VALUE))
            groups.append(_Group(near.n, float(moved[0]) if constant else near.mean(VALUE), squares))
    return groups


def _between(groups: list[_Group]) -> float:
    n = sum(group.n for group in groups)
    centre = math.fsum(group.n * group.mean for group in groups) / n
    return math.fsum(group.n * (group.mean - centre) ** 2 for group in groups)


def _uneven(groups: list[_Group]) -> tuple[str, ...]:
    """Where the classic test misleads: variances and sizes that both differ."""
    some = [(group.squares / (group.n - 1), group.n) for group in groups if group.n > 1]
    spreads, sizes = [spread for spread, _ in some], [n for _, n in some]
    if len(some) < 2 or max(spreads) <= 4 * min(spreads) or max(sizes) <= 1.5 * min(sizes):
        return ()
    return ("variances differ more than fourfold between variants of different size: use welch_anova",)


def _nothing(test: str, why: NoEstimate, k: int, alpha: float) -> AnovaOutcome:
    return AnovaOutcome(
        test=test,
        statistic=why,
        df_between=float(k - 1),
        df_within=why,
        p_value=why,
        log_p=why,
        eta_squared=why,
        omega_squared=why,
        level=1 - alpha,
    )
