"""Calls of the Bayesian comparisons: posteriors, chances, losses, credible intervals, learned priors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from assay.model.result import Interval
from assay.stats.bayesian.answer import BayesianAnswer, Rope, RopeVerdict
from assay.stats.bayesian.compare import compare_posteriors
from assay.stats.bayesian.comparison import bayesian_comparison
from assay.stats.bayesian.learning import LearnedPrior, learn_prior, learn_rate_prior
from assay.stats.bayesian.posteriors import (
    ArmPosterior,
    BetaPosterior,
    Estimate,
    GammaPosterior,
    MeanPosterior,
    events_posterior,
    mean_posterior,
    share_posterior,
)
from assay.stats.bayesian.priors import BetaPrior, EffectPrior, EffectScale, GammaPrior, NormalPrior

Found = dict[str, Any]


def arm(posterior: Any, at: float | None = None) -> Found:
    interval, densest = posterior.interval(0.95), posterior.densest(0.95)
    found = {
        "mean": posterior.mean,
        "sd": posterior.sd,
        "median": posterior.quantile(0.5),
        "lower": interval.lower,
        "upper": interval.upper,
    }
    if isinstance(densest, Interval):
        found |= {"densest_lower": densest.lower, "densest_upper": densest.upper}
    if at is not None:
        found |= {"log_cdf": posterior.log_cdf(at), "log_sf": posterior.log_sf(at), "sf": posterior.sf(at)}
    return found


def said(answer: BayesianAnswer) -> Found:
    names = ("difference", "relative", "expected_lift", "chance_to_beat", "log_chance_to_beat", "chance_to_lose")
    found = {name: getattr(answer, name) for name in names}
    found |= {"log_chance_to_lose": answer.log_chance_to_lose, "loss": answer.expected_loss}
    found |= {"gain": answer.expected_gain, "best": answer.chance_to_be_best, "loss_to_best": answer.loss_to_best}
    if isinstance(answer.interval, Interval):
        found |= {"lower": answer.interval.lower, "upper": answer.interval.upper}
    if isinstance(answer.relative_interval, Interval):
        found |= {"relative_lower": answer.relative_interval.lower, "relative_upper": answer.relative_interval.upper}
    if isinstance(answer.rope, RopeVerdict):
        found |= {"below": answer.rope.below, "inside": answer.rope.inside, "above": answer.rope.above}
    return found


def pair(family: Callable[..., ArmPosterior], treatment: list[float], control: list[float], **rope: Any) -> Found:
    region = Rope(low=rope["low"], high=rope["high"], scale=EffectScale(rope["scale"])) if rope else None
    return said(compare_posteriors({"t": family(*treatment)}, family(*control), rope=region).answers[0])


def best(family: Callable[..., ArmPosterior], treatments: list[list[float]], control: list[float]) -> Found:
    arms = {str(i): family(*item) for i, item in enumerate(treatments)}
    found = compare_posteriors(arms, family(*control))
    return {
        "chances": [found.control_chance_to_be_best, *(item.chance_to_be_best for item in found.answers)],
        "losses": [found.control_loss, *(item.loss_to_best for item in found.answers)],
    }


def effect(treatment: list[float], control: list[float], **prior: Any) -> Found:
    belief = EffectPrior(**prior)
    found = bayesian_comparison(Estimate(*treatment), Estimate(*control), "estimate", prior=belief)
    return said(found.answers[0])


def shares(treatment: list[int], control: list[int], prior: list[float]) -> Found:
    belief = BetaPrior(*prior)
    return said(bayesian_comparison(tuple(treatment), tuple(control), "share", prior=belief).answers[0])


def means(treatment: list[float], control: list[float], prior: list[float] | None = None) -> Found:
    belief = None if prior is None else NormalPrior(*prior)
    return said(bayesian_comparison(treatment, control, "mean", prior=belief).answers[0])


def one_mean(mean: float, standard_error: float, prior: list[float]) -> Found:
    return arm(mean_posterior(Estimate(mean, standard_error), NormalPrior(*prior)))


def learned(**inputs: Any) -> Found:
    method = inputs.pop("method", "likelihood")
    found = learn_prior(inputs.pop("effects"), inputs.pop("errors"), fewest=3, method=method, **inputs)
    assert isinstance(found, LearnedPrior), found
    nu = found.prior.degrees_of_freedom if isinstance(found.prior, EffectPrior) else math.inf
    numbers = {"mean": found.mean, "sd": found.sd, "log_likelihood": found.log_likelihood}
    numbers |= {"prior_mean": found.prior.mean, "prior_sd": found.prior.sd}
    return {**numbers, "mean_error": found.mean_error, "degrees_of_freedom": nu if math.isfinite(nu) else -1}


def learned_rate(converted: list[int], n: list[int]) -> Found:
    found = learn_rate_prior(converted, n)
    assert isinstance(found, BetaPrior), found
    return {"a": found.a, "b": found.b}


CALLS: dict[str, Callable[..., Found]] = {
    "bayes_share": lambda converted, n, prior, at=None: arm(share_posterior((converted, n), BetaPrior(*prior)), at),
    "bayes_rate": lambda events, exposure, prior, at=None: arm(
        events_posterior(events, exposure, GammaPrior(*prior)), at
    ),
    "bayes_values": lambda values: arm(mean_posterior(values)),
    "bayes_moments": lambda location, scale, nu, at=None: arm(MeanPosterior(location, scale, nu), at),
    "bayes_one_mean": one_mean,
    "bayes_betas": lambda **inputs: pair(BetaPosterior, **inputs),
    "bayes_gammas": lambda **inputs: pair(GammaPosterior, **inputs),
    "bayes_students": lambda **inputs: pair(MeanPosterior, **inputs),
    "bayes_best_betas": lambda **inputs: best(BetaPosterior, **inputs),
    "bayes_best_gammas": lambda **inputs: best(GammaPosterior, **inputs),
    "bayes_best_normals": lambda **inputs: best(MeanPosterior, **inputs),
    "bayes_shares": shares,
    "bayes_means": means,
    "bayes_effect": effect,
    "bayes_learned": learned,
    "bayes_learned_rate": learned_rate,
}
