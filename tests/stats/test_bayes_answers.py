"""Bayesian answers by meaning: refusals, edges, warnings, practical equivalence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.bayesian.answer import BayesianAnswer, Method, Rope, RopeDecision, RopeVerdict
from assay.stats.bayesian.compare import compare_posteriors
from assay.stats.bayesian.comparison import bayesian_comparison
from assay.stats.bayesian.posteriors import (
    BetaPosterior,
    Estimate,
    GammaPosterior,
    MeanPosterior,
    events_posterior,
    mean_posterior,
    ratio_posterior,
    share_posterior,
)
from assay.stats.bayesian.priors import (
    FLAT,
    JEFFREYS_EVENTS,
    JEFFREYS_SHARE,
    UNIFORM,
    BetaPrior,
    EffectPrior,
    GammaPrior,
    NormalPrior,
)


def only(treatment: Any, control: Any, likelihood: str, **options: Any) -> BayesianAnswer:
    return bayesian_comparison(treatment, control, likelihood, **options).answers[0]


def reason(value: Any) -> str:
    assert isinstance(value, NoEstimate), value
    assert value.reason
    return value.no_estimate


def rows(y: list[float], d: list[float]) -> Moments:
    return Moments.of((VALUE, DENOMINATOR), list(zip(y, d, strict=True)))


CASES = [
    ("mean", [], [1.0, 2.0], {}, "empty_arm"),
    ("mean", [1.0, 2.0], [3.0], {}, "one_unit"),
    ("mean", [5.0, 5.0, 5.0], [1.0, 2.0], {}, "zero_variance"),
    ("mean", [1e70, 2e70], [1.0, 2.0], {}, "bad_moments"),
    ("estimate", Estimate(1.0, 0.0), Estimate(1.0, 1.0), {}, "zero_variance"),
    ("events", (0, 0.0), (3, 10.0), {}, "no_exposure"),
    ("ratio", rows([1.0, 2.0], [0.0, 0.0]), rows([1.0, 2.0], [1.0, 3.0]), {}, "zero_denominator"),
    ("ratio", rows([1.0], [1.0]), rows([1.0, 2.0], [1.0, 3.0]), {}, "one_unit"),
    ("ratio", rows([], []), rows([1.0, 2.0], [1.0, 3.0]), {}, "empty_arm"),
    ("share", (0, 0), (3, 10), {"prior": EffectPrior(sd=0.1)}, "empty_arm"),
    ("share", (0, 10), (3, 10), {"prior": EffectPrior(sd=0.1)}, "zero_variance"),
    ("share", (10, 10), (3, 10), {"prior": EffectPrior(sd=0.1)}, "zero_variance"),
    ("events", (0, 10.0), (3, 10.0), {"prior": EffectPrior(sd=0.1)}, "zero_variance"),
    ("events", (0, 0.0), (3, 10.0), {"prior": EffectPrior(sd=0.1)}, "no_exposure"),
    ("estimate", Estimate(1.0, 1.0), Estimate(0.0, 1.0), {"prior": EffectPrior(sd=0.1)}, "zero_control"),
    ("estimate", Estimate(1.0, 0.0), Estimate(1.0, 1.0), {"prior": EffectPrior(sd=0.1)}, "zero_variance"),
]


@pytest.mark.parametrize(("kind", "bad", "good", "options", "code"), CASES)
def test_what_cannot_be_said_has_a_reason_on_either_side(
    kind: str, bad: Any, good: Any, options: dict[str, Any], code: str
) -> None:
    sides = [(bad, good), (good, bad)] if code != "zero_control" else [(bad, good)]
    for treatment, control in sides:
        found = bayesian_comparison(treatment, control, kind, rope=Rope(low=-0.1, high=0.1), **options)
        said = found.answers[0]
        for name in ("difference", "interval", "chance_to_beat", "log_chance_to_lose", "expected_loss", "rope"):
            assert reason(getattr(said, name)) == code, name
        assert reason(found.control_loss) == code


def test_one_arm_without_an_estimate_leaves_the_others_theirs_but_no_best() -> None:
    found = bayesian_comparison({"a": [1.0, 2.0, 4.0], "b": [3.0]}, [1.0, 3.0, 2.0], "mean")
    assert isinstance(found.answer("a").chance_to_beat, float)
    assert reason(found.answer("b").chance_to_beat) == "one_unit"
    assert reason(found.answer("a").chance_to_be_best) == "arm_missing"
    assert reason(found.control_loss) == "arm_missing"
    with pytest.raises(InvalidInput, match="variant"):
        found.answer("c")


def test_two_units_have_chances_and_an_interval_but_no_mean() -> None:
    said = only([1.0, 2.0], [2.0, 5.0], "mean")
    # both t on one degree of freedom: the difference is Cauchy with the scales added
    assert said.chance_to_beat == pytest.approx(0.5 + math.atan(-2 / (0.5 + 1.5)) / math.pi, rel=1e-8)
    assert isinstance(said.interval, Interval)
    assert said.interval.upper == pytest.approx(-2 + 2 * math.tan(math.pi * 0.475), rel=1e-7)
    assert reason(said.difference) == reason(said.expected_loss) == reason(said.expected_gain) == "no_mean"
    three = bayesian_comparison({"a": [1.0, 2.0], "b": [2.0, 2.5, 3.0]}, [2.0, 5.0], "mean")
    assert reason(three.answer("b").loss_to_best) == "no_mean"
    assert isinstance(three.answer("b").chance_to_be_best, float)


def test_shares_without_any_or_with_every_conversion() -> None:
    # Beta(1, 11) against Beta(1, 21): P(T > C) = 21 / (11 + 21)
    none = only((0, 10), (0, 20), "share")
    assert none.chance_to_beat == pytest.approx(21 / 32)
    every = only((10, 10), (20, 20), "share")
    assert every.chance_to_beat == pytest.approx(11 / 32)
    assert every.relative_interval == pytest.approx(every.relative_interval)
    empty = only((0, 0), (0, 0), "share")
    assert empty.chance_to_beat == pytest.approx(0.5)
    assert "prior alone" in empty.warnings[0]


def test_a_huge_mean_keeps_its_digits() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal(400), rng.standard_normal(400)
    far, near = only(a + 1e8, b + 1e8, "mean"), only(a, b, "mean")
    assert far.chance_to_beat == pytest.approx(near.chance_to_beat, rel=1e-5)
    assert far.expected_loss == pytest.approx(near.expected_loss, rel=1e-4)
    assert isinstance(far.relative, float)


@pytest.mark.parametrize(
    ("treatment", "control"), [((400_000, 10**6), (300_000, 10**6)), ((9_990_000, 10**7), (9_000_000, 10**7))]
)
def test_chances_far_below_what_a_float_holds_are_logarithms(treatment: tuple[int, int], control: Any) -> None:
    said = only(treatment, control, "share")
    n = treatment[1]
    shares = [x / n for x, _ in (treatment, control)]
    between = sum(shares) / 2
    # both must be at the share between: each arm's posterior there is e^(-n KL(observed, between)) of its top
    distance = sum(n * (p * math.log(p / between) + (1 - p) * math.log((1 - p) / (1 - between))) for p in shares)
    assert said.chance_to_lose == 0
    assert said.log_chance_to_lose == pytest.approx(-distance, rel=0.002)
    assert said.log_chance_to_beat == 0


def test_the_region_of_practical_equivalence() -> None:
    def verdict(effect: float, error: float, **options: Any) -> RopeVerdict:
        rope = Rope(low=-0.01, high=0.01, **options)
        found = only(Estimate(100 * (1 + effect), error), Estimate(100.0, error), "estimate", rope=rope).rope
        assert isinstance(found, RopeVerdict)
        assert found.below + found.inside + found.above == pytest.approx(1)
        return found

    assert verdict(0.0, 0.2).decision is RopeDecision.EQUIVALENT
    assert verdict(0.05, 0.2).decision is RopeDecision.BETTER
    assert verdict(-0.05, 0.2).decision is RopeDecision.WORSE
    assert verdict(0.005, 1.0).decision is RopeDecision.UNDECIDED
    assert verdict(0.0, 0.42, chance=0.99).decision is RopeDecision.UNDECIDED
    fewer = only(
        Estimate(105.0, 0.2), Estimate(100.0, 0.2), "estimate", rope=Rope(low=-0.01, high=0.01), direction="decrease"
    ).rope
    assert isinstance(fewer, RopeVerdict)
    assert fewer.decision is RopeDecision.WORSE
    far = verdict(0.2, 0.9)
    # inside is 12 standard deviations away: about e^-100, neither 0 nor rounding
    assert 1e-60 < far.inside < 1e-30
    assert far.below < far.inside
    absolute = only(
        Estimate(5.0, 1.0),
        Estimate(0.0, 1.0),
        "estimate",
        rope=Rope(low=-1, high=1, scale="absolute"),  # type: ignore[arg-type]
    )
    assert isinstance(absolute.rope, RopeVerdict)
    assert reason(absolute.relative) == "control_near_zero"
    assert any("close to 0" in text for text in absolute.warnings)


def test_answers_say_their_prior_method_and_error() -> None:
    share = only((12, 100), (10, 100), "share")
    assert share.prior == UNIFORM.words
    assert share.method is Method.QUADRATURE
    assert share.error < 1e-9
    events = only((12, 100.0), (10, 100.0), "events")
    assert events.method is Method.CLOSED_FORM
    assert "improper" in events.prior
    assert only([1.0, 2.0, 3.0], [1.0, 2.0, 2.0], "mean").prior == FLAT.words
    arms = {"a": Estimate(1.2, 0.1), "b": Estimate(1.1, 0.1)}
    both = bayesian_comparison(arms, Estimate(1.0, 0.1), "estimate", prior=EffectPrior(sd=0.1))
    assert both.answers[0].method is Method.CLOSED_FORM
    assert both.answers[0].best_method is Method.SIMULATION
    assert "relative" in both.answers[0].prior


def test_warnings_name_what_is_weak() -> None:
    def warned(*given: Any, **options: Any) -> str:
        return " ".join(only(*given, **options).warnings)

    assert "weighs as much as 500 units" in warned((5, 100), (5, 100), "share", prior=BetaPrior(50, 450))
    assert "3 units" in warned([1.0, 2.0, 4.0], [1.0, 2.0, 2.0], "mean")
    assert "2 units" in warned(rows([1.0, 2.0], [2, 3]), rows([1.0, 2.0], [1, 3]), "ratio")
    assert "Only 4 conversions" in warned((4, 1000), (9, 1000), "share", prior=EffectPrior(sd=0.1))
    assert "Few events" in warned((4, 100.0), (9, 100.0), "events", prior=EffectPrior(sd=0.1))
    assert "10 %" in warned(Estimate(1.0, 0.1), Estimate(1.0, 0.2), "estimate", prior=EffectPrior(sd=0.1))
    assert not warned((500, 10_000), (510, 10_000), "share", prior=EffectPrior(sd=0.1))
    assert not warned((500, 10_000), (510, 10_000), "share")
    rng = np.random.default_rng(8)
    skewed, plain = np.exp(1.5 * rng.standard_normal(600)), rng.standard_normal(600)
    assert "One unit" in warned(skewed, np.append(skewed[:100], 60.0), "mean")
    assert not warned(skewed, skewed[::-1], "mean")
    assert not warned(plain + 9, plain[:100] + 9, "mean")


WRONG: list[tuple[str, Any]] = [
    ("a", lambda: BetaPrior(0, 1)),
    ("b", lambda: BetaPrior(1, math.inf)),
    ("shape", lambda: GammaPrior(-1, 1)),
    ("rate", lambda: GammaPrior(1, -1)),
    ("sd", lambda: NormalPrior(0, 0)),
    ("mean", lambda: NormalPrior(math.nan, 1)),
    ("scale", lambda: EffectPrior(sd=1, scale="else")),  # type: ignore[arg-type]
    ("degrees_of_freedom", lambda: EffectPrior(sd=1, degrees_of_freedom=0.5)),
    ("rope", lambda: Rope(low=1, high=-1)),
    ("rope.chance", lambda: Rope(low=-1, high=1, chance=0.3)),
    ("rope.scale", lambda: Rope(low=-1, high=1, scale="else")),  # type: ignore[arg-type]
    ("standard_error", lambda: Estimate(1, -1)),
    ("value", lambda: Estimate(math.nan, 1)),
    ("likelihood", lambda: bayesian_comparison((1, 2), (1, 2), "binomial")),
    ("prior", lambda: bayesian_comparison((1, 2), (1, 2), "share", prior=NormalPrior())),
    ("level", lambda: bayesian_comparison((1, 2), (1, 2), "share", level=1.0)),
    ("treatments", lambda: bayesian_comparison({}, (1, 2), "share")),
    ("treatment", lambda: bayesian_comparison((3, 2), (1, 2), "share")),
    ("control", lambda: bayesian_comparison((1, 2.0), 5, "events")),
    ("control", lambda: bayesian_comparison(Estimate(1, 1), 5, "estimate")),
    ("control", lambda: bayesian_comparison(rows([1.0, 2.0], [1, 2]), [1.0, 2.0], "ratio")),
    ("events", lambda: events_posterior(1.5, 2)),
    ("exposure", lambda: events_posterior(1, 0)),
    ("exposure", lambda: events_posterior(1, math.inf)),
    ("sd", lambda: mean_posterior([1.0, 2.0], sd=0)),
    ("ratio", lambda: ratio_posterior([1.0, 2.0])),  # type: ignore[arg-type]
    ("p", lambda: BetaPosterior(1, 1).quantile(1)),
    ("treatments", lambda: compare_posteriors({"t": BetaPosterior(1, 1)}, GammaPosterior(1, 1))),
]


@pytest.mark.parametrize(("field", "call"), WRONG, ids=[f"{i}-{field}" for i, (field, _) in enumerate(WRONG)])
def test_wrong_arguments_are_named(field: str, call: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
    assert caught.value.accepted


def test_priors_and_single_posteriors() -> None:
    assert (JEFFREYS_SHARE.a, JEFFREYS_EVENTS.rate) == (0.5, 0.0)
    assert share_posterior([0, 1, 1, 0], JEFFREYS_SHARE) == BetaPosterior(2.5, 2.5)
    assert reason(BetaPosterior(0.5, 0.5).densest()) == "two_tops"
    assert BetaPosterior(1.0, 3.0).densest() == Interval(0.0, BetaPosterior(1.0, 3.0).quantile(0.95), 0.95)
    assert BetaPosterior(3.0, 1.0).densest() == Interval(BetaPosterior(3.0, 1.0).quantile(1 - 0.95), 1.0, 0.95)
    assert GammaPosterior(0.5, 2.0).densest() == Interval(0.0, GammaPosterior(0.5, 2.0).quantile(0.95), 0.95)
    assert BetaPosterior(4.0, 4.0).densest() == BetaPosterior(4.0, 4.0).interval()
    assert mean_posterior([1.0, 2.0, 3.0], sd=math.sqrt(3)) == MeanPosterior(2.0, 1.0)
    assert math.isinf(MeanPosterior(0.0, 1.0, 2.0).sd)
    drawn = mean_posterior(Moments.of_counts(30, 100), NormalPrior(0.2, 1e-9))
    assert isinstance(drawn, MeanPosterior)
    assert drawn.location == pytest.approx(0.2)
    assert drawn.scale == pytest.approx(1e-9)
    assert "usual" not in BetaPrior(2, 8).words
    assert "mean 0.2" in BetaPrior(2, 8).words
    assert "mean 0.5" in GammaPrior(1, 2).words
    assert "flat" in EffectPrior().words
    assert "3 degrees" in EffectPrior(sd=0.1, degrees_of_freedom=3).words
    assert "Normal(0, 2)" in NormalPrior(0, 2).words
