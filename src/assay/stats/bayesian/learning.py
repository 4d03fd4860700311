"""Priors learned from the user's own past experiments (empirical Bayes), with a refusal when there are too few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, logsumexp

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.bayesian.curves import Floats
from assay.stats.bayesian.effects import components
from assay.stats.bayesian.priors import BetaPrior, EffectPrior, EffectScale, MixturePrior, scale_of
from assay.stats.checks import is_finite
from assay.stats.inputs import units_of

FEWEST = 10
"""Past experiments below which the spread of effects cannot be learned well enough to be believed."""
_FEW_TO_PLUG_IN = 100
_COMPONENTS = 150
_NO_SD = 1e-4
"""A most likely spread below this share of the errors is none."""
TAILS = (3.0, 4.0, 6.0, 10.0, 30.0, math.inf)
"""Degrees of freedom tried for heavy tails."""
NO_SPREAD = NoEstimate(
    "no_spread", "past results differ no more than chance alone would make them, so their true spread is not known"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedPrior:
    """A prior of effects and how it was learned.

    mean, sd: of effects, the most likely ones of the method. experiments: how many. log_likelihood: of the estimates
    at these, effects integrated out (natural logarithm). mean_error: standard error of the mean; 0 where the centre
    was given. shrinkage: share of a typical past estimate that is kept, sd² / (sd² + median standard error²).
    """

    prior: EffectPrior | MixturePrior
    mean: float
    sd: float
    experiments: int
    log_likelihood: float
    mean_error: float
    shrinkage: float
    warnings: tuple[str, ...] = ()


def learn_prior(
    effects: ArrayLike,
    standard_errors: ArrayLike,
    *,
    scale: EffectScale | str = EffectScale.RELATIVE,
    method: str = "hierarchical",
    centre: float | None = None,
    heavy_tails: bool = False,
    fewest: int = FEWEST,
) -> LearnedPrior | NoEstimate:
    """The prior of effects from estimates of past experiments with their standard errors, on one scale.

    Model: estimateᵢ ~ Normal(effectᵢ, errorᵢ), effectᵢ ~ Normal(mean, sd). Methods:
    "hierarchical": mean and sd have flat priors and are integrated out (BDA3 section 5.4, equations 5.20 and 5.21);
    the prior of the next effect is a mixture over what sd may be, so that it knows how little is known of it.
    "likelihood": the mean and sd that maximise Σ log Normal(estimateᵢ; mean, sd² + errorᵢ²), as if they were known
    (Efron & Morris 1973). "moments": those of DerSimonian & Laird 1986, equation 8.
    centre: fixes the mean, e.g. 0. heavy_tails: with "likelihood", effects from Student's t, its degrees of freedom
    among TAILS by likelihood, as in Azevedo, Deng, Montiel Olea, Rao & Weyl 2020. Experiments must be all of a kind,
    losers included: a list of winners gives a prior that believes too much.

    Refused (NoEstimate) with fewer than `fewest` experiments, at least 3; "likelihood" and "moments" also where the
    estimates spread no more than their errors explain. How often an effect of the next experiment is outside its
    95 % interval, simulated with a spread of 0.5 to 2 times the errors: "hierarchical" 4 to 7 % after 10, 20, 50 or
    100 experiments; "likelihood" 16 % after 10, 12 % after 20, 8 to 12 % after 50 (with a warning below 100).
    """
    d, s = units_of(effects, "effects"), units_of(standard_errors, "standard_errors")
    if d.size != s.size:
        raise InvalidInput("standard_errors", f"{s.size} values", f"{d.size}, one per effect")
    if (s <= 0).any():
        raise InvalidInput("standard_errors", float(s.min()), "numbers above 0")
    if method not in ("hierarchical", "likelihood", "moments"):
        raise InvalidInput("method", method, "hierarchical, likelihood or moments")
    if heavy_tails and method != "likelihood":
        raise InvalidInput("method", method, "likelihood, where heavy_tails is asked for")
    if centre is not None and not is_finite(centre):
        raise InvalidInput("centre", centre, "a finite number")
    if fewest < 3:
        raise InvalidInput("fewest", fewest, "3 or more")
    if d.size < fewest:
        return NoEstimate("too_few_experiments", f"{d.size} past experiments; at least {fewest} are needed")
    unit = float(np.median(s))
    y, error, at = d / unit, s / unit, None if centre is None else centre / unit
    mean, sd = _moments(y, error, at)
    if method != "moments":
        mean, sd = _most_likely(y, error, at)
    if sd <= 0 and method != "hierarchical":
        return NO_SPREAD
    nu = math.inf
    if heavy_tails:
        mean, sd, nu = _heaviest(y, error, at, mean, sd)
    weights = 1 / (sd**2 + error**2)
    prior: EffectPrior | MixturePrior
    warnings: tuple[str, ...] = ()
    if method == "hierarchical":
        prior = _integrated(y, error, at, unit, scale_of(scale))
    else:
        prior = EffectPrior(mean=mean * unit, sd=sd * unit, scale=scale_of(scale), degrees_of_freedom=nu)
        if d.size < _FEW_TO_PLUG_IN:
            warnings = (f"The spread of {d.size} effects is used as if it were known: intervals are too short.",)
    return LearnedPrior(
        prior=prior,
        mean=mean * unit,
        sd=sd * unit,
        experiments=int(d.size),
        log_likelihood=_log_likelihood(y, error, mean, sd, nu) - d.size * math.log(unit),
        mean_error=unit / math.sqrt(float(weights.sum())) if centre is None else 0.0,
        shrinkage=sd**2 / (sd**2 + 1),
        warnings=warnings,
    )


def learn_rate_prior(
    converted: Sequence[int] | ArrayLike, n: Sequence[int] | ArrayLike, *, fewest: int = FEWEST
) -> BetaPrior | NoEstimate:
    """A beta prior of baseline rates from past controls: the most likely a and b, rates integrated out.

    Σ log [B(a + xᵢ, b + nᵢ - xᵢ) / B(a, b)], beta-binomial. Refused with too few, or where rates spread no more than
    chance. It is a prior of levels: put on both arms it draws both to the usual level, and so their difference to 0.
    """
    x, units = units_of(converted, "converted"), units_of(n, "n")
    if x.size != units.size:
        raise InvalidInput("n", f"{units.size} values", f"{x.size}, one per experiment")
    if not ((x >= 0).all() and (x <= units).all() and (units > 0).all()):
        raise InvalidInput("converted", "counts", "0 ≤ converted ≤ n with n above 0")
    if fewest < 3:
        raise InvalidInput("fewest", fewest, "3 or more")
    if x.size < fewest:
        return NoEstimate("too_few_experiments", f"{x.size} past experiments; at least {fewest} are needed")
    from scipy.optimize import minimize

    pooled = (x.sum() + 0.5) / (units.sum() + 1)

    def cost(at: Floats) -> float:
        a, b = _shape(at)
        return -float(np.sum(betaln(a + x, b + units - x) - betaln(a, b)))

    starts = [np.array([math.log(pooled / (1 - pooled)), math.log(size)]) for size in (10.0, 300.0, 1e4, 1e6)]
    tries = [minimize(cost, s, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11}) for s in starts]
    best = min(tries, key=lambda found: float(found.fun))
    # without spread the likelihood keeps rising towards a single common rate
    single = -float(x.sum() * math.log(pooled) + (units - x).sum() * math.log1p(-pooled))
    if best.x[1] > math.log(1e3 * float(units.max())) or best.fun >= single - 1e-6:
        return NO_SPREAD
    return BetaPrior(*_shape(best.x))


def _shape(at: Floats) -> tuple[float, float]:
    size = math.exp(min(float(at[1]), 60.0))
    share = 1 / (1 + math.exp(-float(np.clip(at[0], -60, 60))))
    return share * size, (1 - share) * size


def _moments(d: Floats, s: Floats, centre: float | None) -> tuple[float, float]:
    w = 1 / s**2
    if centre is None:
        mean = float(w @ d / w.sum())
        excess = float(w @ (d - mean) ** 2) - (d.size - 1)
        variance = excess / float(w.sum() - (w @ w) / w.sum())
    else:
        variance = (float(w @ (d - centre) ** 2) - d.size) / float(w.sum())
    variance = max(0.0, variance)
    return _weighted_mean(d, s, variance) if centre is None else centre, math.sqrt(variance)


def _weighted_mean(d: Floats, s: Floats, variance: float) -> float:
    w = 1 / (s**2 + variance)
    return float(w @ d / w.sum())


def _most_likely(d: Floats, s: Floats, centre: float | None) -> tuple[float, float]:
    """The mean is known given the sd, so one number is searched: on a grid, then beside its best point."""
    from scipy.optimize import minimize_scalar

    def cost(sd: float) -> float:
        mean = _weighted_mean(d, s, sd * sd) if centre is None else centre
        return -_log_likelihood(d, s, mean, sd, math.inf)

    grid = _sd_grid(d, centre, 60)
    place = int(np.argmin([cost(float(sd)) for sd in grid]))
    low, high = float(grid[max(place - 1, 0)]), float(grid[min(place + 1, len(grid) - 1)])
    sd = float(minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x)
    if sd < _NO_SD or cost(sd) >= cost(0.0):
        sd = 0.0
    return (_weighted_mean(d, s, sd * sd) if centre is None else centre), sd


def _sd_grid(d: Floats, centre: float | None, n: int) -> Floats:
    """Spreads worth trying, from none to several times what is seen."""
    middle = float(np.median(d)) if centre is None else centre
    widest = max(20 * float(np.abs(d - middle).max()), 1.0)
    return np.concatenate([[0.0], np.geomspace(1e-3, widest, n)])


def _integrated(d: Floats, s: Floats, centre: float | None, unit: float, scale: EffectScale) -> MixturePrior:
    """The next effect with mean and sd integrated out: one Normal for each sd of a grid, weighted by its posterior."""
    sd = _sd_grid(d, centre, _COMPONENTS)[:, None]
    v = sd**2 + s**2
    precision = (1 / v).sum(axis=1)
    means = (d / v).sum(axis=1) / precision if centre is None else np.full(len(sd), centre)
    log_p = -0.5 * (np.log(v) + (d - means[:, None]) ** 2 / v).sum(axis=1)
    variances = sd[:, 0] ** 2
    if centre is None:
        log_p = log_p - 0.5 * np.log(precision)
        variances = variances + 1 / precision
    weights = np.exp(log_p - log_p.max()) * np.gradient(sd[:, 0])
    keep = (weights > 1e-12 * weights.max()) & (variances > 0)
    weights = weights[keep] / weights[keep].sum()
    sds = np.sqrt(variances[keep])
    return MixturePrior(
        weights=tuple(weights.tolist()),
        means=tuple((means[keep] * unit).tolist()),
        sds=tuple((sds * unit).tolist()),
        scale=scale,
    )


def _heaviest(d: Floats, s: Floats, centre: float | None, mean: float, sd: float) -> tuple[float, float, float]:
    from scipy.optimize import minimize

    tried = [(mean, sd, math.inf)]
    for nu in TAILS:
        if math.isinf(nu):
            continue

        def cost(at: Floats, nu: float = nu) -> float:
            return -_log_likelihood(d, s, float(at[0]) if centre is None else centre, math.exp(float(at[1])), nu)

        start = np.array([mean, math.log(sd * 0.8)])
        found = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
        tried.append((float(found.x[0]) if centre is None else centre, math.exp(float(found.x[1])), nu))
    return max(tried, key=lambda item: _log_likelihood(d, s, *item))


def _log_likelihood(d: Floats, s: Floats, mean: float, sd: float, nu: float) -> float:
    """log of ∏ ∫ Normal(dᵢ; δ, sᵢ) prior(δ) dδ."""
    if math.isinf(nu):
        v = sd * sd + s**2
        return -0.5 * float(np.sum(np.log(2 * math.pi * v) + (d - mean) ** 2 / v))
    prior = EffectPrior(mean=mean, sd=sd, scale=EffectScale.ABSOLUTE, degrees_of_freedom=nu)
    _, log_weights, variances = components(prior, 1.0, nodes=200)
    v = variances + s[:, None] ** 2
    logs = log_weights - 0.5 * (np.log(2 * math.pi * v) + (d[:, None] - mean) ** 2 / v)
    return float(np.sum(logsumexp(logs, axis=1)))
