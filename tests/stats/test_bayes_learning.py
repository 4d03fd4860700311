"""Priors learned from past experiments: what they find, what they refuse, and that they pass on their doubt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.bayesian.comparison import bayesian_comparison
from assay.stats.bayesian.learning import LearnedPrior, learn_prior, learn_rate_prior
from assay.stats.bayesian.posteriors import Estimate
from assay.stats.bayesian.priors import BetaPrior, EffectPrior, EffectScale, MixturePrior

METHODS = ["hierarchical", "likelihood", "moments"]


def past(n: int, sd: float, seed: int, tails: float = math.inf) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    effects = 0.01 + sd * (rng.standard_normal(n) if math.isinf(tails) else rng.standard_t(tails, n))
    errors = rng.uniform(0.005, 0.03, n)
    return effects + errors * rng.standard_normal(n), errors


def learned(*given: Any, **options: Any) -> LearnedPrior:
    found = learn_prior(*given, **options)
    assert isinstance(found, LearnedPrior), found
    return found


@pytest.mark.parametrize("method", METHODS)
def test_many_experiments_give_back_what_they_were_drawn_from(method: str) -> None:
    found = learned(*past(3_000, 0.04, 1), method=method)
    assert found.mean == pytest.approx(0.01, abs=0.004)
    assert found.sd == pytest.approx(0.04, rel=0.06)
    assert found.prior.sd == pytest.approx(found.sd, rel=0.05)
    assert found.mean_error == pytest.approx(0.045 / math.sqrt(3_000), rel=0.1)
    assert found.prior.scale is EffectScale.RELATIVE
    assert found.experiments == 3_000
    assert found.shrinkage == pytest.approx(0.04**2 / (0.04**2 + 0.0175**2), rel=0.05)
    assert not found.warnings


@pytest.mark.parametrize("method", METHODS)
def test_units_of_the_metric_do_not_matter(method: str) -> None:
    effects, errors = past(40, 0.03, 2)
    plain = learned(effects, errors, method=method, scale="absolute")
    larger = learned(effects * 1e6, errors * 1e6, method=method, scale="absolute")
    assert (larger.mean, larger.sd) == pytest.approx((plain.mean * 1e6, plain.sd * 1e6), rel=1e-6)
    assert larger.prior.sd == pytest.approx(plain.prior.sd * 1e6, rel=1e-6)
    assert larger.shrinkage == pytest.approx(plain.shrinkage, rel=1e-6)


def test_few_experiments_leave_doubt_in_the_prior() -> None:
    effects, errors = past(12, 0.03, 3)
    doubtful, certain = learned(effects, errors), learned(effects, errors, method="likelihood")
    assert isinstance(doubtful.prior, MixturePrior)
    assert doubtful.prior.sd > 1.05 * certain.prior.sd
    assert "too short" in certain.warnings[0]
    about_zero = learned(effects, errors, centre=0.0)
    assert about_zero.prior.mean == pytest.approx(0)
    assert about_zero.mean_error == 0
    assert "learned" in doubtful.prior.words
    said = bayesian_comparison(Estimate(1.05, 0.02), Estimate(1.0, 0.02), "estimate", prior=doubtful.prior)
    assert said.answers[0].prior == doubtful.prior.words
    assert isinstance(said.answers[0].difference, float)
    assert 0 < said.answers[0].difference < 0.05


def test_a_mixture_of_one_is_the_normal_prior() -> None:
    arms = {"a": Estimate(10.8, 0.3), "b": Estimate(10.2, 0.2)}
    one = MixturePrior(weights=(1.0,), means=(0.01,), sds=(0.03,))
    mixed = bayesian_comparison(arms, Estimate(10.0, 0.3), "estimate", prior=one)
    plain = bayesian_comparison(arms, Estimate(10.0, 0.3), "estimate", prior=EffectPrior(mean=0.01, sd=0.03))
    for name in ("difference", "interval", "relative_interval", "log_chance_to_beat", "expected_loss"):
        assert getattr(mixed.answers[0], name) == getattr(plain.answers[0], name), name
    assert mixed.control_chance_to_be_best == plain.control_chance_to_be_best
    split = MixturePrior(weights=(0.4, 0.6), means=(0.01, 0.01), sds=(0.03, 0.03))
    assert bayesian_comparison(arms, Estimate(10.0, 0.3), "estimate", prior=split).answers[
        0
    ].expected_loss == pytest.approx(plain.answers[0].expected_loss)


def test_heavy_tails_are_found_where_they_are() -> None:
    heavy = learned(*past(400, 0.03, 4, tails=3), heavy_tails=True, method="likelihood").prior
    light = learned(*past(400, 0.03, 5), heavy_tails=True, method="likelihood").prior
    assert isinstance(heavy, EffectPrior)
    assert isinstance(light, EffectPrior)
    assert heavy.degrees_of_freedom <= 6
    assert light.degrees_of_freedom >= 10
    assert heavy.sd == pytest.approx(0.03, rel=0.25)


def test_too_little_to_learn_from_is_refused() -> None:
    effects, errors = past(9, 0.04, 6)
    few = learn_prior(effects, errors)
    assert isinstance(few, NoEstimate)
    assert few.no_estimate == "too_few_experiments"
    assert "9 past experiments" in few.reason
    assert isinstance(learn_prior(effects, errors, fewest=9), LearnedPrior)
    # estimates closer together than their errors
    alike = np.linspace(-0.001, 0.001, 30)
    for method in ("likelihood", "moments"):
        same = learn_prior(alike, np.full(30, 0.01), method=method)
        assert isinstance(same, NoEstimate)
        assert same.no_estimate == "no_spread"
    doubtful = learned(alike, np.full(30, 0.01))
    assert 0 < doubtful.prior.sd < 0.01
    assert doubtful.sd == 0
    assert doubtful.shrinkage == 0


def test_rates_are_learned_and_refused_alike() -> None:
    rng = np.random.default_rng(7)
    n = rng.integers(500, 5_000, 800)
    found = learn_rate_prior(rng.binomial(n, rng.beta(20, 380, 800)), n)
    assert isinstance(found, BetaPrior)
    assert found.a / (found.a + found.b) == pytest.approx(0.05, rel=0.02)
    assert found.a + found.b == pytest.approx(400, rel=0.2)
    same = learn_rate_prior(np.full(30, 50), np.full(30, 1_000))
    assert isinstance(same, NoEstimate)
    assert same.no_estimate == "no_spread"
    few = learn_rate_prior([1, 2], [10, 10])
    assert isinstance(few, NoEstimate)
    assert few.no_estimate == "too_few_experiments"


WRONG: list[tuple[str, Any]] = [
    ("standard_errors", lambda: learn_prior([1.0] * 10, [1.0] * 9)),
    ("standard_errors", lambda: learn_prior([1.0] * 10, [0.0] * 10)),
    ("effects", lambda: learn_prior([math.nan] * 10, [1.0] * 10)),
    ("method", lambda: learn_prior([1.0] * 10, [1.0] * 10, method="else")),
    ("method", lambda: learn_prior([1.0] * 10, [1.0] * 10, heavy_tails=True)),
    ("centre", lambda: learn_prior([1.0] * 10, [1.0] * 10, centre=math.inf)),
    ("fewest", lambda: learn_prior([1.0] * 10, [1.0] * 10, fewest=2)),
    ("scale", lambda: learn_prior([1.0] * 10, [1.0] * 10, scale="else")),
    ("n", lambda: learn_rate_prior([1] * 10, [10] * 9)),
    ("converted", lambda: learn_rate_prior([11] * 10, [10] * 10)),
    ("fewest", lambda: learn_rate_prior([1] * 10, [10] * 10, fewest=1)),
    ("weights", lambda: MixturePrior(weights=(), means=(), sds=())),
    ("weights", lambda: MixturePrior(weights=(0.5,), means=(0.0,), sds=(1.0,))),
    ("sds", lambda: MixturePrior(weights=(1.0,), means=(0.0,), sds=(0.0,))),
    ("means", lambda: MixturePrior(weights=(1.0,), means=(math.nan,), sds=(1.0,))),
]


@pytest.mark.parametrize(("field", "call"), WRONG, ids=[f"{i}-{field}" for i, (field, _) in enumerate(WRONG)])
def test_wrong_arguments_are_named(field: str, call: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
