"""What is known of one arm after the data: conjugate posteriors of shares, rates and means.

Sources: Gelman, Carlin, Stern, Dunson, Vehtari & Rubin 2013, "Bayesian Data Analysis", 3rd edition (BDA3), sections
2.4 (beta-binomial), 2.5 (normal), 2.6 (Poisson-gamma) and 3.2 (normal with unknown variance).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, gammaincinv, ndtri, stdtrit

from assay.errors import InvalidInput
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE, Shared, mean_arm, ratio_arm, sound
from assay.stats.bayesian.curves import Betas, Curve, Floats, Gammas, Points, Students
from assay.stats.bayesian.priors import FLAT, JEFFREYS_EVENTS, UNIFORM, BetaPrior, GammaPrior, NormalPrior
from assay.stats.checks import is_finite, is_number
from assay.stats.inputs import Share, check_alpha, moments_of, share_of

_LARGEST = 1e60
TWO_TOPS = NoEstimate("two_tops", "the density is highest at both ends, so the densest part is not one interval")
NO_EXPOSURE = NoEstimate("no_exposure", "there is no exposure yet, and the prior alone is not a distribution")


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its standard error, e.g. a mean adjusted by CUPED; both in the metric's unit.

    shared: of an adjusted arm (`assay.stats.arm.Shared`), heeded under priors on effects.
    """

    value: float
    standard_error: float
    shared: Shared | None = None

    def __post_init__(self) -> None:
        if not (is_finite(self.value) and abs(self.value) <= _LARGEST):
            raise InvalidInput("value", self.value, f"a finite number, at most {_LARGEST:g} in size")
        if not (is_finite(self.standard_error) and 0 <= self.standard_error <= _LARGEST):
            raise InvalidInput("standard_error", self.standard_error, f"a finite number from 0 to {_LARGEST:g}")


class _Known:
    """What every posterior can say; subclasses give the curve and the quantiles."""

    __slots__ = ()

    @property
    def curve(self) -> Curve:
        """One row of the family's curves."""
        raise NotImplementedError

    def quantile(self, p: float) -> float:
        """The value undercut with probability p, 0 < p < 1."""
        raise NotImplementedError

    @property
    def mean(self) -> float:
        """Posterior mean; of a t on one degree of freedom its centre, as it has no mean."""
        return float(self.curve.mean[0, 0])

    @property
    def sd(self) -> float:
        """Posterior standard deviation; infinite for a t on at most two degrees of freedom."""
        return float(self.curve.sd[0, 0])

    def log_cdf(self, x: float) -> float:
        """log P(θ ≤ x), right far below what a float can hold."""
        return _log_tail(self.curve.log_below, self.curve.log_above, x)

    def log_sf(self, x: float) -> float:
        """log P(θ > x), right far below what a float can hold."""
        return _log_tail(self.curve.log_above, self.curve.log_below, x)

    def cdf(self, x: float) -> float:
        """P(θ ≤ x)."""
        return math.exp(self.log_cdf(x))

    def sf(self, x: float) -> float:
        """P(θ > x)."""
        return math.exp(self.log_sf(x))

    def interval(self, level: float = 0.95) -> Interval:
        """The equal-tailed credible interval."""
        tail = (1 - check_alpha(level, "level")) / 2
        return Interval(self.quantile(tail), self.quantile(1 - tail), level)

    def densest(self, level: float = 0.95) -> Interval | NoEstimate:
        """The highest-density credible interval: the shortest one that holds `level`."""
        return self.interval(level)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """n draws."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class BetaPosterior(_Known):
    """A share: Beta(a, b)."""

    a: float
    b: float

    @property
    def curve(self) -> Betas:
        return Betas(_cell(self.a), _cell(self.b))

    def quantile(self, p: float) -> float:
        return float(betaincinv(self.a, self.b, _chance(p)))

    def densest(self, level: float = 0.95) -> Interval | NoEstimate:
        check_alpha(level, "level")
        if self.a < 1 and self.b < 1:
            return TWO_TOPS
        if self.a <= 1 < self.b:
            return Interval(0.0, self.quantile(level), level)
        if self.b <= 1 < self.a:
            return Interval(self.quantile(1 - level), 1.0, level)
        return self.interval(level) if self.a == self.b else _shortest(self, level)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.beta(self.a, self.b, n)


@dataclass(frozen=True, slots=True)
class GammaPosterior(_Known):
    """Events per unit of exposure: Gamma(shape, rate)."""

    shape: float
    rate: float

    @property
    def curve(self) -> Gammas:
        return Gammas(_cell(self.shape), _cell(self.rate))

    def quantile(self, p: float) -> float:
        return float(gammaincinv(self.shape, _chance(p))) / self.rate

    def densest(self, level: float = 0.95) -> Interval | NoEstimate:
        check_alpha(level, "level")
        return Interval(0.0, self.quantile(level), level) if self.shape <= 1 else _shortest(self, level)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return rng.gamma(self.shape, 1 / self.rate, n)


@dataclass(frozen=True, slots=True)
class MeanPosterior(_Known):
    """A mean or a ratio: location + scale · t, normal where the degrees of freedom are infinite."""

    location: float
    scale: float
    degrees_of_freedom: float = math.inf

    @property
    def curve(self) -> Students:
        return Students(_cell(self.location), _cell(self.scale), _cell(self.degrees_of_freedom))

    def quantile(self, p: float) -> float:
        nu = self.degrees_of_freedom
        z = ndtri(_chance(p)) if math.isinf(nu) else stdtrit(nu, _chance(p))
        return self.location + self.scale * float(z)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        nu = self.degrees_of_freedom
        z = rng.standard_normal(n) if math.isinf(nu) else rng.standard_t(nu, n)
        return self.location + self.scale * z


ArmPosterior = BetaPosterior | GammaPosterior | MeanPosterior


def share_posterior(share: Share | tuple[int, int] | Moments | ArrayLike, prior: BetaPrior = UNIFORM) -> BetaPosterior:
    """Beta(a + converted, b + n - converted); BDA3 section 2.4. With no units it is the prior."""
    converted, n = share_of(share, "share")
    return BetaPosterior(prior.a + converted, prior.b + (n - converted))


def events_posterior(
    events: float, exposure: float, prior: GammaPrior = JEFFREYS_EVENTS
) -> GammaPosterior | NoEstimate:
    """Gamma(shape + events, rate + exposure) for a Poisson count of events; BDA3 section 2.6.

    exposure: what the rate is per (units, days, thousand visits). Counts that vary more than Poisson ones need
    `mean_posterior` instead.
    """
    if not (is_finite(events) and events >= 0 and events == int(events)):
        raise InvalidInput("events", events, "a whole number, 0 or above")
    if not (is_finite(exposure) and exposure >= 0):
        raise InvalidInput("exposure", exposure, "a finite number, 0 or above")
    if events > 0 and exposure == 0:
        raise InvalidInput("exposure", exposure, "a number above 0 where there are events")
    if prior.rate + exposure <= 0:
        return NO_EXPOSURE
    return GammaPosterior(prior.shape + events, prior.rate + exposure)


def mean_posterior(
    mean: Moments | ArrayLike | Estimate, prior: NormalPrior = FLAT, *, sd: float | None = None
) -> MeanPosterior | NoEstimate:
    """A mean: of Moments, of one value per unit, or an Estimate.

    sd: the standard deviation of units where it is known: Normal posterior, precisions add (BDA3 section 2.5). Else
    with a flat prior Student's t on n - 1 degrees of freedom (BDA3 section 3.2: p(μ, log σ) flat). With a Normal
    prior the sample variance stands for the true one, which is close from about 100 units on.
    """
    if isinstance(mean, Estimate):
        return _normal(mean, prior)
    moments = moments_of(mean, "mean")
    if moments.n <= 0:
        return EMPTY_ARM
    if not sound(moments):
        return BAD_MOMENTS
    if sd is not None:
        if not (is_finite(sd) and sd > 0):
            raise InvalidInput("sd", sd, "a finite number above 0")
        return _normal(Estimate(moments.mean(VALUE), sd / math.sqrt(moments.n)), prior)
    if moments.n == 1:
        return ONE_UNIT
    arm = mean_arm(moments)
    if arm.unit_variance <= 0:
        return ZERO_VARIANCE
    if prior.flat:
        return MeanPosterior(arm.value, math.sqrt(arm.variance), float(moments.n - 1))
    return _normal(Estimate(arm.value, math.sqrt(arm.variance)), prior)


def ratio_posterior(ratio: Moments, prior: NormalPrior = FLAT) -> MeanPosterior | NoEstimate:
    """A ratio of sums by the normal approximation: its delta-method variance stands for the true one."""
    if not isinstance(ratio, Moments) or DENOMINATOR not in ratio.columns:
        raise InvalidInput("ratio", type(ratio).__name__, "moments of a value and a denominator")
    if ratio.n <= 0:
        return EMPTY_ARM
    if not sound(ratio):
        return BAD_MOMENTS
    if ratio.n == 1:
        return ONE_UNIT
    arm = ratio_arm(ratio)
    return arm if isinstance(arm, NoEstimate) else _normal(Estimate(arm.value, math.sqrt(arm.variance)), prior)


def _normal(estimate: Estimate, prior: NormalPrior) -> MeanPosterior | NoEstimate:
    error = estimate.standard_error
    if error <= 0:
        return ZERO_VARIANCE
    if prior.flat:
        return MeanPosterior(estimate.value, error)
    # the prior's share of the precision, written so that neither spread overflows when squared
    share = 1 / (1 + (prior.sd / error) ** 2)
    centre = estimate.value + share * (prior.mean - estimate.value)
    return MeanPosterior(centre, prior.sd * math.sqrt(share) if prior.sd < error else error * math.sqrt(1 - share))


def _shortest(posterior: Any, level: float) -> Interval:
    """The interval whose ends are equally dense: the root of the difference of densities in its lower tail."""
    from scipy.optimize import brentq

    def off(tail: float) -> float:
        ends = np.array([[posterior.quantile(tail), posterior.quantile(tail + level)]])
        dense = _log_density(posterior, ends)
        return float(dense[0, 0] - dense[0, 1])

    alpha = 1 - level
    low, high = alpha * 1e-12, alpha * (1 - 1e-12)
    if off(low) >= 0 or off(high) <= 0:
        return Interval(posterior.quantile(low), posterior.quantile(low + level), level)
    tail = float(brentq(off, low, high, xtol=1e-16 * alpha, rtol=1e-14))
    return Interval(posterior.quantile(tail), posterior.quantile(tail + level), level)


def _log_density(posterior: Any, x: Floats) -> Floats:
    """Up to a constant, on the metric's own scale."""
    if isinstance(posterior, BetaPosterior):
        logs = (posterior.a - 1) * np.log(x) + (posterior.b - 1) * np.log1p(-x)
    else:
        logs = (posterior.shape - 1) * np.log(x) - posterior.rate * x
    return np.asarray(logs, dtype=np.float64)


def _log_tail(tail: Callable[[Points], Floats], other: Callable[[Points], Floats], x: float) -> float:
    """The logarithm of a tail; where it is nearly 1, by way of the other one."""
    log_p = float(tail(_at(x))[0, 0])
    return log_p if log_p < -0.5 else math.log1p(-math.exp(float(other(_at(x))[0, 0])))


def _at(x: float) -> Points:
    return Points(_cell(x), _cell(1 - x))


def _cell(x: float) -> NDArray[np.float64]:
    return np.array([[x]], dtype=np.float64)


def _chance(p: float) -> float:
    if not (is_number(p) and 0 < p < 1):
        raise InvalidInput("p", p, "a number above 0 and below 1")
    return p
