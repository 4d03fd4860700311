"""Calls of tests of shares and counts, and of effect sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from assay.model.moments import VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.fixed import chi_square, counts, dispersion, effect_size, effect_spread, exact, one_share, score
from assay.stats.fixed.effect_words import EffectEstimate
from assay.stats.fixed.overdispersed import negative_binomial_test
from assay.stats.outcome import Outcome

Found = dict[str, Any]


def bounds(interval: Interval | NoEstimate | None, prefix: str = "") -> Found:
    if not isinstance(interval, Interval):
        return {}
    return {f"{prefix}lower": interval.lower, f"{prefix}upper": interval.upper}


def outcome(found: Outcome) -> Found:
    names = ("difference", "relative", "p_value", "log_p", "statistic")
    return {
        **{name: getattr(found, name) for name in names},
        **bounds(found.interval),
        **bounds(found.relative_interval, "relative_"),
    }


def two_sample(test: Callable[..., Outcome]) -> Callable[..., Found]:
    def call(treatment: Sequence[Any], control: Sequence[Any], **asked: Any) -> Found:
        return outcome(test(tuple(treatment), tuple(control), **asked))

    return call


def one_sample(method: Callable[..., one_share.ShareEstimate]) -> Callable[..., Found]:
    def call(units: list[int], **asked: Any) -> Found:
        found = method(tuple(units), **asked)
        return {"share": found.share, "p_value": found.p_value, "log_p": found.log_p, **bounds(found.interval)}

    return call


def conditional_odds_ratio(treatment: list[int], control: list[int], **asked: Any) -> Found:
    found = exact.conditional_odds_ratio(tuple(treatment), tuple(control), **asked)  # type: ignore[arg-type]
    assert isinstance(found, exact.ConditionalOddsRatio)
    return {"odds_ratio": found.odds_ratio, "p_value": found.p_value, **bounds(found.interval)}


def table(table: list[list[int]], **asked: Any) -> Found:
    found = chi_square.chi_square(table, **asked)
    names = ("statistic", "degrees_of_freedom", "p_value", "log_p", "cramers_v", "expected")
    return {name: getattr(found, name) for name in names}


def variants(variants: list[list[int]], **asked: Any) -> Found:
    found = chi_square.chi_square_shares([tuple(item) for item in variants], **asked)  # type: ignore[misc]
    return {"statistic": found.statistic, "p_value": found.p_value}


def per_unit(treatment: list[float], control: list[float], **asked: Any) -> Found:
    return outcome(negative_binomial_test(list(treatment), list(control), **asked))


def from_moments(treatment: list[float], control: list[float], **asked: Any) -> Found:
    """Each arm as (n, mean, variance)."""
    arms = [Moments(int(n), (VALUE,), (m,), ((n - 1) * v,)) for n, m, v in (treatment, control)]
    return outcome(negative_binomial_test(*arms, **asked))


def index(units: list[float]) -> Found:
    found = dispersion.overdispersion(list(units))
    return {"index": found.index, "statistic": found.statistic, "p_value": found.p_value}


def size(method: Callable[..., EffectEstimate], pack: Callable[[list[Any]], Any]) -> Callable[..., Found]:
    def call(treatment: list[Any], control: list[Any], **asked: Any) -> Found:
        found = method(pack(treatment), pack(control), **asked)
        return {"value": found.value, **bounds(found.interval)}

    return call


def groups(groups: list[list[float]]) -> Found:
    found = effect_spread.eta_squared(groups)
    return {"value": found.value, **bounds(found.interval)}


CALLS: dict[str, Callable[..., Found]] = {
    "fisher_exact": two_sample(exact.fisher_exact),
    "boschloo_exact": two_sample(exact.boschloo_exact),
    "barnard_exact": two_sample(exact.barnard_exact),
    "conditional_odds_ratio": conditional_odds_ratio,
    "newcombe": two_sample(score.newcombe),
    "miettinen_nurminen": two_sample(score.miettinen_nurminen),
    "miettinen_nurminen_ratio": two_sample(score.miettinen_nurminen_ratio),
    "shares_wilson": one_sample(one_share.wilson),
    "clopper_pearson": one_sample(one_share.clopper_pearson),
    "chi_square": table,
    "chi_square_shares": variants,
    "poisson_test": two_sample(counts.poisson_test),
    "negative_binomial": per_unit,
    "negative_binomial_moments": from_moments,
    "overdispersion": index,
    "cohens_h": size(effect_size.cohens_h, tuple),
    "risk_difference": size(effect_size.risk_difference, tuple),
    "risk_ratio": size(effect_size.risk_ratio, tuple),
    "odds_ratio": size(effect_size.odds_ratio, tuple),
    "number_needed_to_treat": size(effect_size.number_needed_to_treat, tuple),
    "cohens_d": size(effect_spread.cohens_d, list),
    "hedges_g": size(effect_spread.hedges_g, list),
    "cliffs_delta": size(effect_spread.cliffs_delta, list),
    "probability_of_superiority": size(effect_spread.probability_of_superiority, list),
    "cramers_v": lambda **inputs: {"value": effect_size.cramers_v(**inputs).value},
    "eta_squared": groups,
}
