"""Wald's sequential probability ratio test: one simple hypothesis against another, for a share or a normal mean.

After every unit the log likelihood ratio Λ is compared with a = log((1 - β) / α) and b = log(β / (1 - α)): at or above
a the alternative is accepted, at or below b the hypothesis, in between the test goes on (Wald 1947, "Sequential
Analysis", chapter 3). The true error rates keep α' ≤ α / (1 - β), β' ≤ β / (1 - α) and α' + β' ≤ α + β.

Expected numbers of units: with L the chance to accept the hypothesis, E n = ((1 - L) a + L b) / E z, z one unit's part
of Λ, without the overshoot, so a little too small; where E z = 0, E n = -a b / E z². Of all tests with these error
rates none needs fewer units on average under either hypothesis (Wald & Wolfowitz 1948); between the two it may need
more than a fixed sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, sound
from assay.stats.checks import is_finite, is_number
from assay.stats.inputs import Share, check_alpha, moments_of, share_of
from assay.stats.sequential.answers import positive

_NEAREST, _FURTHEST = 1e-100, 1e100


class SprtDecision(StrEnum):
    """What Wald's test says now."""

    ACCEPT_HYPOTHESIS = "accept_hypothesis"
    ACCEPT_ALTERNATIVE = "accept_alternative"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprt:
    """One look of Wald's test.

    log_likelihood_ratio: of the alternative against the hypothesis, natural logarithm. lower, upper: Wald's b and a.
    expected_units_hypothesis, expected_units_alternative: E n when the one or the other is true, and
    expected_units_between: where the drift is 0, about the worst case. n: units seen.
    decision: at this look; a decision once taken stands, later looks do not undo it.
    """

    n: int
    log_likelihood_ratio: float | NoEstimate
    lower: float
    upper: float
    decision: SprtDecision
    expected_units_hypothesis: float
    expected_units_alternative: float
    expected_units_between: float


def sprt_shares(
    share: Share | tuple[int, int] | Moments | ArrayLike,
    *,
    hypothesis: float,
    alternative: float,
    alpha: float = 0.05,
    beta: float = 0.2,
) -> Sprt:
    """Whether a share is `hypothesis` (p0) or `alternative` (p1), both above 0, below 1 and different.

    Λ = x log(p1 / p0) + (n - x) log((1 - p1) / (1 - p0)). share: (converted, n), moments, or 0 or 1 per unit. The test
    holds when looked at after every unit or less often. Of other shares it says only which of the two is nearer.
    Source: Wald 1947, chapter 5.
    """
    for name, p in (("hypothesis", hypothesis), ("alternative", alternative)):
        if not (is_number(p) and 0 < p < 1):
            raise InvalidInput(name, p, "a share above 0 and below 1")
    _different(hypothesis, alternative)
    x, n = share_of(share, "share")
    gain = math.log(alternative / hypothesis)
    loss = math.log1p(-alternative) - math.log1p(-hypothesis)
    # where the drift is 0: p gain + (1 - p) loss = 0, and E z² = -gain · loss
    drifts = tuple(p * gain + (1 - p) * loss for p in (hypothesis, alternative))
    return _sprt(x * gain + (n - x) * loss if n else EMPTY_ARM, n, drifts, -gain * loss, alpha, beta)


def sprt_means(
    values: Moments | ArrayLike,
    *,
    hypothesis: float,
    alternative: float,
    standard_deviation: float,
    alpha: float = 0.05,
    beta: float = 0.2,
) -> Sprt:
    """Whether the mean of normal values of known standard deviation σ is `hypothesis` (m0) or `alternative` (m1).

    Λ = n (m1 - m0) (x̄ - (m0 + m1) / 2) / σ². values: moments, or one number per unit (for two arms in pairs, the
    differences). An estimated σ breaks the error rates; for that take `mean_sequence`.
    Source: Wald 1947, chapter 7.
    """
    positive(standard_deviation, "standard_deviation")
    for name, mean in (("hypothesis", hypothesis), ("alternative", alternative)):
        if not is_finite(mean):
            raise InvalidInput(name, mean, "a finite number")
    _different(hypothesis, alternative)
    moments = moments_of(values, "values")
    distance = (alternative - hypothesis) / standard_deviation
    if not _NEAREST <= abs(distance) <= _FURTHEST:
        accepted = f"a value {_NEAREST:g} to {_FURTHEST:g} standard deviations from the hypothesis"
        raise InvalidInput("alternative", alternative, accepted)
    ratio: float | NoEstimate = EMPTY_ARM
    if moments.n:
        if not sound(moments):
            raise InvalidInput("values", moments.mean(VALUE), "finite moments")
        centre = hypothesis + (alternative - hypothesis) / 2
        ratio = moments.n * distance * (moments.mean(VALUE) - centre) / standard_deviation
    drifts = (-(distance**2) / 2, distance**2 / 2)
    return _sprt(ratio, moments.n, drifts, distance**2, alpha, beta)


def _different(hypothesis: float, alternative: float) -> None:
    if hypothesis == alternative:
        raise InvalidInput("alternative", alternative, "a value other than the hypothesis")


def _sprt(
    ratio: float | NoEstimate, n: int, drifts: tuple[float, ...], square: float, alpha: float, beta: float
) -> Sprt:
    check_alpha(alpha)
    check_alpha(beta, "beta")
    if alpha + beta >= 1:
        raise InvalidInput("beta", beta, "a number that with alpha is below 1")
    upper, lower = math.log((1 - beta) / alpha), math.log(beta / (1 - alpha))
    decision = SprtDecision.CONTINUE
    if isinstance(ratio, float) and ratio >= upper:
        decision = SprtDecision.ACCEPT_ALTERNATIVE
    elif isinstance(ratio, float) and ratio <= lower:
        decision = SprtDecision.ACCEPT_HYPOTHESIS
    return Sprt(
        n=n,
        log_likelihood_ratio=ratio,
        lower=lower,
        upper=upper,
        decision=decision,
        expected_units_hypothesis=(alpha * upper + (1 - alpha) * lower) / drifts[0],
        expected_units_alternative=((1 - beta) * upper + beta * lower) / drifts[1],
        expected_units_between=-upper * lower / square,
    )
