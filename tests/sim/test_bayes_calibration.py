"""What posteriors promise: intervals cover, and chances to beat come true, when effects are drawn from the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.stats.bayesian.curves import Betas, Curve, Gammas, Students
from assay.stats.bayesian.effects import effect_posterior
from assay.stats.bayesian.learning import LearnedPrior, learn_prior
from assay.stats.bayesian.pairs import chances
from assay.stats.bayesian.posteriors import Estimate
from assay.stats.bayesian.priors import EffectPrior, EffectScale, MixturePrior
from assay.stats.bayesian.spreads import difference, lift
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
BINS = ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0))


def rank(log_below: Array) -> Array:
    """Where the true effect lies in its posterior; an interval of 95 % holds it when between 2.5 and 97.5 %."""
    return np.exp(log_below)


def outside(where: Array, level: float = 0.95) -> NDArray[np.bool_]:
    tail = (1 - level) / 2
    return (where < tail) | (where > 1 - tail)


def shares(p: Array, n: int, rng: np.random.Generator, a: float = 1.0, b: float = 1.0) -> Betas:
    x = rng.binomial(n, p)
    return Betas((a + x)[:, None], (b + n - x)[:, None])


def honest(claim: str, said: Array, true: NDArray[np.bool_]) -> None:
    """Within bins of the chance to beat, the treatment is better as often as said: neither more nor less often."""
    for low, high in BINS:
        at = (said >= low) & (said < high) if high < 1 else said >= low
        assert at.sum() >= 40, claim
        # a mixture of chances at most (at least) as variable as its mean
        error_kept(f"{claim}: better when told {low:g} to {high:g}", true[at], float(said[at].mean()))
        error_kept(f"{claim}: not better when told {low:g} to {high:g}", ~true[at], float(1 - said[at].mean()))


@pytest.mark.parametrize(
    ("a", "b", "n_t", "n_c"),
    [
        (20.0, 19_980.0, 40_000, 40_000),
        (20.0, 1_980.0, 4_000, 8_000),
        (20.0, 380.0, 3_000, 600),
        (21.0, 49.0, 400, 400),
        (1.0, 19.0, 20, 60),
    ],
    ids=["0.1 %", "1 %", "5 %", "30 %", "few conversions"],
)
def test_shares_drawn_from_the_prior(a: float, b: float, n_t: int, n_c: int) -> None:
    rng = np.random.default_rng(np.random.SeedSequence((21, int(b))))
    n = REPLICATIONS if a > 1 else REPLICATIONS // 10
    p_t, p_c = rng.beta(a, b, n), rng.beta(a, b, n)
    t, c = shares(p_t, n_t, rng, a, b), shares(p_c, n_c, rng, a, b)
    name, effects = f"shares around {a / (a + b):g}", difference(t, c)
    where = rank(effects.log_below(p_t - p_c))
    error_kept(f"{name}: difference", outside(where), 0.05)
    found(f"{name}: intervals of 80 % are no wider than that", outside(where, 0.8), 0.2)
    error_kept(f"{name}: lift", outside(rank(lift(t, c).log_below(p_t / p_c - 1))), 0.05)
    if a > 1:
        honest(name, np.exp(effects.log_above(np.zeros(n))), p_t > p_c)


def test_a_prior_that_is_too_sure_is_noticed() -> None:
    rng = np.random.default_rng(22)
    p_t, p_c = rng.beta(5, 95, REPLICATIONS), rng.beta(5, 95, REPLICATIONS)
    t, c = shares(p_t, 600, rng, 50, 950), shares(p_c, 600, rng, 50, 950)
    error_broken("a beta prior ten times too sure", outside(rank(difference(t, c).log_below(p_t - p_c))), 0.05)


def test_rates_drawn_from_the_prior() -> None:
    rng = np.random.default_rng(23)
    r_t, r_c = rng.gamma(4, 1 / 2, REPLICATIONS), rng.gamma(4, 1 / 2, REPLICATIONS)
    t = Gammas((4 + rng.poisson(10 * r_t))[:, None].astype(float), np.full((REPLICATIONS, 1), 12.0))
    c = Gammas((4 + rng.poisson(30 * r_c))[:, None].astype(float), np.full((REPLICATIONS, 1), 32.0))
    error_kept("Poisson rates: difference", outside(rank(difference(t, c).log_below(r_t - r_c))), 0.05)
    error_kept("Poisson rates: lift", outside(rank(lift(t, c).log_below(r_t / r_c - 1))), 0.05)
    honest("Poisson rates", np.exp(chances(t, c).log_above), r_t > r_c)


@pytest.mark.parametrize("baseline", [0.001, 0.01, 0.05, 0.3])
def test_with_a_flat_prior_intervals_cover_any_fixed_effect_at_one_look(baseline: float) -> None:
    rng = np.random.default_rng(np.random.SeedSequence((24, int(1e4 * baseline))))
    n_t, n_c = round(60 / baseline), round(20 / baseline)
    none, more = np.full(REPLICATIONS, baseline), np.full(REPLICATIONS, baseline * 1.5)
    c = shares(none, n_c, rng)
    t, better = shares(none, n_t, rng), shares(more, n_t, rng)
    error_kept(f"flat prior, no effect at {baseline:g}", outside(rank(difference(t, c).log_below(none - none))), 0.05)
    error_kept(f"flat prior, +50 % at {baseline:g}", outside(rank(difference(better, c).log_below(more - none))), 0.05)
    told = np.exp(difference(better, c).log_above(np.zeros(REPLICATIONS)))
    found(f"+50 % at {baseline:g} is better with 95 %", told > 0.95, 0.35)


def means(values: Array) -> Students:
    n = values.shape[1]
    scale = values.std(axis=1, ddof=1) / np.sqrt(n)
    return Students(values.mean(axis=1)[:, None], scale[:, None], np.full((len(values), 1), n - 1.0))


def skewed(rng: np.random.Generator, n: int, kind: str) -> Array:
    size = (REPLICATIONS, n)
    if kind == "lognormal":
        return np.exp(rng.standard_normal(size))
    return np.where(rng.random(size) < 0.3, rng.exponential(1.0, size), 0.0)


@pytest.mark.parametrize("kind", ["lognormal", "zero-inflated"])
def test_means_of_skewed_values_with_a_flat_prior(kind: str) -> None:
    rng = np.random.default_rng(np.random.SeedSequence((25, len(kind))))
    t, c = means(skewed(rng, 200, kind)), means(skewed(rng, 200, kind))
    nothing = np.zeros(REPLICATIONS)
    error_kept(f"{kind} means, 200 units each", outside(rank(difference(t, c).log_below(nothing))), 0.05)
    moved = Students(t.location + 4 * np.hypot(t.scale, c.scale), t.scale, t.degrees_of_freedom)
    found(f"{kind} means, moved by four errors", np.exp(difference(moved, c).log_above(nothing)) > 0.975, 0.9)


def test_small_uneven_arms_of_very_skewed_values_are_the_weak_spot() -> None:
    """As the docstring of bayesian_comparison says: a small arm beside a large one, values very skewed."""
    rng = np.random.default_rng(26)
    t, c = means(np.exp(1.5 * rng.standard_normal((2_000, 600)))), means(np.exp(1.5 * rng.standard_normal((2_000, 60))))
    wrong = outside(rank(difference(t, c).log_below(np.zeros(2_000))))
    error_broken("lognormal (sd of logarithms 1.5), 600 units against 60", wrong, 0.05)
    error_kept("the same, as stated", wrong, 0.14)


@pytest.mark.parametrize("degrees_of_freedom", [np.inf, 3.0])
def test_effects_drawn_from_a_prior_on_the_effect(degrees_of_freedom: float) -> None:
    rng = np.random.default_rng(np.random.SeedSequence((27, int(min(degrees_of_freedom, 99)))))
    n = REPLICATIONS // 2
    prior = EffectPrior(mean=0.1, sd=0.5, scale=EffectScale.ABSOLUTE, degrees_of_freedom=degrees_of_freedom)
    effect = 0.1 + 0.5 * (rng.standard_normal(n) if np.isinf(degrees_of_freedom) else rng.standard_t(3, n))
    control = rng.normal(20, 3, n)
    seen_c, seen_t = control + 0.3 * rng.standard_normal(n), control + effect + 0.4 * rng.standard_normal(n)
    said = np.empty((n, 4))
    for i in range(n):
        posterior = effect_posterior(Estimate(seen_t[i], 0.4), Estimate(seen_c[i], 0.3), prior)
        relative = posterior.lift().log_below(np.array([effect[i] / control[i]]))[0]
        at_zero = 1 - np.exp(posterior.log_below(0.0))
        naive = EffectPrior(mean=0.1, sd=0.1, scale=EffectScale.ABSOLUTE)
        sure = effect_posterior(Estimate(seen_t[i], 0.4), Estimate(seen_c[i], 0.3), naive).log_below(effect[i])
        said[i] = np.exp(posterior.log_below(effect[i])), np.exp(relative), at_zero, np.exp(sure)
    name = f"prior on the effect, {degrees_of_freedom:g} degrees of freedom"
    error_kept(f"{name}: difference", outside(said[:, 0]), 0.05)
    error_kept(f"{name}: lift", outside(said[:, 1]), 0.05)
    found(f"{name}: intervals are no wider than 80 %", outside(said[:, 0], 0.8), 0.2)
    honest(name, said[:, 2], effect > 0)
    error_broken(f"{name}: a prior five times too narrow", outside(said[:, 3]), 0.05)


def next_effect(method: str, experiments: int, sd: float, n: int, seed: int) -> Any:
    """How the effect of the next experiment lies in its posterior, after learning from those before."""
    rng = np.random.default_rng(seed)
    where = []
    for _ in range(n):
        effects = rng.normal(0.3, sd, experiments + 1)
        seen = effects + rng.standard_normal(experiments + 1)
        learned = learn_prior(seen[:-1], np.ones(experiments), scale="absolute", method=method)
        if not isinstance(learned, LearnedPrior):
            continue
        assert isinstance(learned.prior, EffectPrior | MixturePrior)
        posterior = effect_posterior(Estimate(seen[-1], 0.8), Estimate(0.0, 0.6), learned.prior)
        where.append((np.exp(posterior.log_below(effects[-1])), np.exp(posterior.log_above(0.0)), effects[-1] > 0))
    return np.array(where)


@pytest.mark.parametrize(("experiments", "sd", "stated"), [(10, 1.0, 0.07), (20, 2.0, 0.05), (50, 1.0, 0.07)])
def test_learned_priors_cover_the_next_effect(experiments: int, sd: float, stated: float) -> None:
    where = next_effect("hierarchical", experiments, sd, 800, 28)
    error_kept(f"learned from {experiments}, spread {sd:g} errors: difference", outside(where[:, 0]), stated)
    found(f"learned from {experiments}, spread {sd:g} errors: no wider than 80 %", outside(where[:, 0], 0.8), 0.17)
    sure = where[:, 1] > 0.9
    error_kept(
        f"learned from {experiments}, spread {sd:g} errors: not better when told above 0.9",
        where[sure, 2] == 0,
        float(1 - where[sure, 1].mean()) + 0.02,
    )


def test_a_learned_spread_used_as_if_it_were_known_is_noticed() -> None:
    where = next_effect("likelihood", 10, 1.0, 800, 29)
    error_broken("the most likely prior of 10 experiments", outside(where[:, 0]), 0.07)


def test_curves_are_what_the_answers_use() -> None:
    """The ranks above invert the intervals that answers give."""
    t: Curve = Betas(np.array([[31.0]]), np.array([[171.0]]))
    c: Curve = Betas(np.array([[21.0]]), np.array([[81.0]]))
    spread = difference(t, c)
    for p in (0.025, 0.5, 0.975):
        assert rank(spread.log_below(spread.quantile(p)))[0] == pytest.approx(p, rel=1e-8)
