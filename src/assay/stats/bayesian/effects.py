"""The posterior of an effect under a prior on the effect itself, from two estimates with their standard errors.

Model: control c flat, effect δ ~ prior, estimates normal around c and c + δ. With a Normal prior everything is
Normal (BDA3 section 5.4, with the control's error carried along); Student's t is a mixture of Normals over its
precision (BDA3 section 17.2), so the posterior is a mixture too. A relative
prior is taken times the control's estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr, logsumexp

from assay.stats.arm import beside_variance
from assay.stats.bayesian.curves import Floats
from assay.stats.bayesian.pairs import log_normal_loss
from assay.stats.bayesian.posteriors import Estimate
from assay.stats.bayesian.priors import EffectPrior, EffectScale, MixturePrior
from assay.stats.bayesian.spreads import Spread

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_NODES = 400
_STRATA = 400


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EffectPosterior:
    """An absolute effect δ and the control c: a mixture of bivariate Normals.

    weights, means, variances: of δ, by component. Given δ, c is Normal with mean control + pull · (at - δ) and
    variance control_variance.
    """

    weights: Floats
    means: Floats
    variances: Floats
    control: float
    at: float
    pull: float
    control_variance: float

    @property
    def mean(self) -> float:
        """Posterior mean of δ."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """Posterior standard deviation of δ."""
        return math.sqrt(float(self.weights @ (self.variances + (self.means - self.mean) ** 2)))

    @property
    def control_mean(self) -> float:
        """Posterior mean of c, which the treatment's data move a little."""
        return self.control + self.pull * (self.at - self.mean)

    def log_below(self, x: float) -> float:
        """log P(δ ≤ x)."""
        return self._mixed(log_ndtr((x - self.means) / np.sqrt(self.variances)))

    def log_above(self, x: float) -> float:
        """log P(δ > x)."""
        return self._mixed(log_ndtr((self.means - x) / np.sqrt(self.variances)))

    def log_shortfall(self, *, less: bool = False) -> float:
        """log E max(-δ, 0), or of max(δ, 0) with `less`."""
        sds = np.sqrt(self.variances)
        return self._mixed(np.log(sds) + log_normal_loss((-1 if less else 1) * self.means / sds))

    def log_control_at_most_zero(self) -> float:
        """log P(c ≤ 0)."""
        centres = self.control + self.pull * (self.at - self.means)
        # a control that is known exactly is on one side for sure
        with np.errstate(divide="ignore"):
            return self._mixed(log_ndtr(-centres / np.sqrt(self.control_variance + self.pull**2 * self.variances)))

    def turned(self) -> EffectPosterior:
        """The same of -δ and -c."""
        return replace(self, means=-self.means, control=-self.control, at=-self.at)

    def difference(self) -> Spread:
        """The distribution of δ."""
        return Spread(
            log_below=lambda x: np.array([self.log_below(float(x[0]))]),
            log_above=lambda x: np.array([self.log_above(float(x[0]))]),
            centre=np.array([self.mean]),
            scale=np.array([self.sd]),
        )

    def lift(self) -> Spread:
        """The distribution of δ / c for a control surely above 0: δ ≤ r c is a Normal event in each component."""
        relative = self.mean / self.control_mean
        near = math.hypot(self.sd * (1 + relative * self.pull), relative * math.sqrt(self.control_variance))
        return Spread(
            log_below=lambda x: np.array([self._log_lift(float(x[0]), upper=False)]),
            log_above=lambda x: np.array([self._log_lift(float(x[0]), upper=True)]),
            centre=np.array([relative]),
            scale=np.array([near / abs(self.control_mean)]),
        )

    def _log_lift(self, r: float, *, upper: bool) -> float:
        # δ - r c = δ (1 + r · pull) - r (control + pull · at) - r · rest
        slope = 1 + r * self.pull
        centres = slope * self.means - r * (self.control + self.pull * self.at)
        spread = np.sqrt(slope**2 * self.variances + r * r * self.control_variance)
        return self._mixed(log_ndtr(centres / spread if upper else -centres / spread))

    def _mixed(self, logs: Floats) -> float:
        with np.errstate(divide="ignore"):
            return float(logsumexp(np.log(self.weights) + logs))


def effect_posterior(treatment: Estimate, control: Estimate, prior: EffectPrior | MixturePrior) -> EffectPosterior:
    """The posterior of treatment - control. Standard errors above 0; a relative prior needs a control other than 0."""
    v_t, v_c = treatment.standard_error**2, control.standard_error**2
    v, d = v_t + v_c, treatment.value - control.value
    spread, tilt = beside_variance(treatment.shared, control.shared, v_t, v_c)
    with_control = v_c - tilt
    centres, log_weights, variances = components(prior, control.value)
    log_weights = log_weights - 0.5 * np.log(v + variances) - (d - centres) ** 2 / (2 * (v + variances))
    if prior.flat:
        log_weights, means, posterior_variances = np.zeros(1), np.array([d]), np.array([v])
    else:
        share = v / (v + variances)
        means, posterior_variances = d + share * (centres - d), variances * share
    weights = np.exp(log_weights - logsumexp(log_weights))
    return EffectPosterior(
        weights=weights,
        means=means,
        variances=posterior_variances,
        control=control.value,
        at=d,
        pull=with_control / v,
        control_variance=max(0.0, v_t * (v_c / v) + spread - tilt + tilt * (2 * v_c - tilt) / v),
    )


def components(prior: EffectPrior | MixturePrior, control: float, nodes: int = _NODES) -> tuple[Floats, Floats, Floats]:
    """The prior of the absolute effect as a mixture of Normals: means, log weights, variances."""
    unit = control if prior.scale is EffectScale.RELATIVE else 1.0
    if isinstance(prior, MixturePrior):
        sds = np.array(prior.sds) * unit
        return np.array(prior.means) * unit, np.log(prior.weights), sds * sds
    nu = prior.degrees_of_freedom
    if prior.flat or math.isinf(nu):
        variance = 1.0 if prior.flat else (prior.sd * unit) ** 2
        return np.array([prior.mean * unit]), np.zeros(1), np.array([variance])
    # precision w ~ Gamma(ν/2, ν/2), by the trapezoid rule on log w
    log_w = np.linspace(-83 / nu - 12 / math.sqrt(nu), math.log1p(82 / nu) + 13 / math.sqrt(nu), nodes)
    weights = nu / 2 * (log_w - np.expm1(log_w))
    variances = (prior.sd * unit) ** 2 * np.exp(-log_w)
    return np.full(nodes, prior.mean * unit), weights - logsumexp(weights), variances


def draw_arms(
    treatments: Sequence[Estimate],
    control: Estimate,
    prior: EffectPrior | MixturePrior,
    rng: np.random.Generator,
    draws: int,
) -> Floats:
    """Draws of (control, treatments…) from their joint posterior; effects independent before the data.

    The control's line is cut into parts of equal probability; in each, treatments are independent mixtures.
    """
    centres, log_weights, variances = components(prior, control.value, nodes=100)
    grid = control.value + control.standard_error * np.linspace(-12, 12, 4001)
    log_p = -(((grid - control.value) / control.standard_error) ** 2) / 2
    for arm in treatments:
        log_p = log_p + _log_mixture(arm, grid, prior, centres, log_weights, variances)
    cumulated = np.cumsum(np.exp(log_p - log_p.max()))
    per_stratum = -(-draws // _STRATA)
    levels = (np.arange(_STRATA) + rng.random(_STRATA)) / _STRATA
    c = np.interp(levels, cumulated / cumulated[-1], grid)
    columns = [np.repeat(c, per_stratum)]
    for arm in treatments:
        v, d = arm.standard_error**2, (arm.value - c)[:, None]
        if prior.flat:
            columns.append(arm.value + arm.standard_error * rng.standard_normal(_STRATA * per_stratum))
            continue
        logs = log_weights - 0.5 * np.log(v + variances) - (d - centres) ** 2 / (2 * (v + variances))
        chance = np.exp(logs - logsumexp(logs, axis=1, keepdims=True)).cumsum(axis=1)
        u = rng.random((_STRATA, per_stratum))
        picked = np.stack([np.searchsorted(row / row[-1], at) for row, at in zip(chance, u, strict=True)])
        share = v / (v + variances[picked])
        means, sds = d + share * (centres[picked] - d), np.sqrt(variances[picked] * share)
        columns.append((c[:, None] + means + sds * rng.standard_normal(means.shape)).ravel())
    return np.stack(columns, axis=1)


def _log_mixture(
    arm: Estimate,
    grid: Floats,
    prior: EffectPrior | MixturePrior,
    centres: Floats,
    log_weights: Floats,
    variances: Floats,
) -> Floats:
    if prior.flat:
        return np.zeros_like(grid)
    total = arm.standard_error**2 + variances
    d = (arm.value - grid)[:, None] - centres
    return np.asarray(logsumexp(log_weights - 0.5 * np.log(total) - d * d / (2 * total), axis=1), dtype=np.float64)
