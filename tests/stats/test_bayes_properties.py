"""Properties that hold for whatever data: swapping arms, scaling, nesting, and agreement between ways to compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.model.metric import Direction
from assay.model.result import Interval, NoEstimate
from assay.stats.bayesian.answer import BayesianAnswer
from assay.stats.bayesian.compare import compare_posteriors
from assay.stats.bayesian.comparison import bayesian_comparison
from assay.stats.bayesian.many import many_estimates, many_events, many_shares
from assay.stats.bayesian.posteriors import BetaPosterior, Estimate, GammaPosterior, MeanPosterior
from assay.stats.bayesian.priors import EffectPrior, EffectScale

QUICK = settings(max_examples=25, deadline=None)
SIZES = st.sampled_from([1, 2, 7, 40, 1_000, 100_000, 10_000_000])


@st.composite
def shares(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(SIZES)
    return draw(st.integers(0, n)), n


@st.composite
def counts(draw: st.DrawFn) -> tuple[float, float]:
    return draw(st.integers(0, 2_000)), draw(st.sampled_from([1.0, 30.0, 1e4]))


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    return Estimate(draw(st.floats(-100, 100)), draw(st.floats(0.01, 50)))


def only(treatment: Any, control: Any, likelihood: str, **options: Any) -> BayesianAnswer:
    return bayesian_comparison(treatment, control, likelihood, **options).answers[0]


def near(found: Any, expected: float, scale: float = 0.0, rel: float = 1e-6) -> bool:
    return bool(found == pytest.approx(expected, rel=rel, abs=1e-300 + rel * scale))


def bounds(interval: Any) -> tuple[float, float]:
    assert isinstance(interval, Interval)
    assert interval.lower is not None
    assert interval.upper is not None
    return interval.lower, interval.upper


def number(value: Any) -> float:
    assert isinstance(value, float), value
    return value


PAIRS = st.one_of(
    st.tuples(st.just("share"), shares(), shares()),
    st.tuples(st.just("events"), counts(), counts()),
    st.tuples(st.just("estimate"), estimates(), estimates()),
)


@QUICK
@given(PAIRS)
def test_swapping_arms_turns_everything_round(case: tuple[str, Any, Any]) -> None:
    kind, t, c = case
    one, other = only(t, c, kind), only(c, t, kind)
    low, high = bounds(one.interval)
    size = high - low
    assert number(one.difference) == -number(other.difference)
    assert near(one.log_chance_to_beat, number(other.log_chance_to_lose), 1e-6)
    assert near(one.expected_loss, number(other.expected_gain), rel=1e-5)
    assert bounds(other.interval) == pytest.approx((-high, -low), abs=1e-5 * size)


@QUICK
@given(PAIRS)
def test_chances_losses_and_the_difference_belong_together(case: tuple[str, Any, Any]) -> None:
    kind, t, c = case
    said = only(t, c, kind)
    low, high = bounds(said.interval)
    assert number(said.chance_to_beat) + number(said.chance_to_lose) == pytest.approx(1, abs=1e-9)
    assert number(said.chance_to_beat) == pytest.approx(math.exp(number(said.log_chance_to_beat)))
    loss, gain = number(said.expected_loss), number(said.expected_gain)
    assert loss >= 0
    assert gain >= 0
    assert gain - loss == pytest.approx(number(said.difference), abs=1e-7 * (high - low), rel=1e-7)
    # the interval of 95 % leaves 0 out exactly when a chance is below 2.5 %
    if min(number(said.chance_to_beat), number(said.chance_to_lose)) < 0.0249:
        assert low > 0 or high < 0
    if min(number(said.chance_to_beat), number(said.chance_to_lose)) > 0.0251:
        assert low <= 0 <= high


@QUICK
@given(PAIRS)
def test_intervals_nest_and_hold_the_median(case: tuple[str, Any, Any]) -> None:
    kind, t, c = case
    wide, narrow = only(t, c, kind, level=0.99), only(t, c, kind, level=0.8)
    for of in ("interval", "relative_interval"):
        outer, inner = getattr(wide, of), getattr(narrow, of)
        if isinstance(outer, NoEstimate):
            assert isinstance(inner, NoEstimate)
            continue
        (a, d), (b, e) = bounds(outer), bounds(inner)
        assert a < b < e < d
    if isinstance(narrow.relative, float):
        low, high = bounds(narrow.relative_interval)
        assert low < narrow.relative < high


@QUICK
@given(PAIRS)
def test_less_is_better_turns_only_the_verdict(case: tuple[str, Any, Any]) -> None:
    kind, t, c = case
    up, down = only(t, c, kind), only(t, c, kind, direction=Direction.DECREASE)
    assert (up.difference, up.interval, up.relative) == (down.difference, down.interval, down.relative)
    assert (up.chance_to_beat, up.expected_loss) == (down.chance_to_lose, down.expected_gain)


@QUICK
@given(estimates(), estimates(), st.sampled_from([1e-6, 3.0, 1e8]))
def test_means_scale_and_shift(t: Estimate, c: Estimate, factor: float) -> None:
    plain = only(t, c, "estimate")
    larger = only(
        Estimate(t.value * factor, t.standard_error * factor),
        Estimate(c.value * factor, c.standard_error * factor),
        "estimate",
    )
    moved = only(Estimate(t.value + 1e3, t.standard_error), Estimate(c.value + 1e3, c.standard_error), "estimate")
    assert near(larger.log_chance_to_beat, number(plain.log_chance_to_beat))
    assert near(larger.expected_loss, number(plain.expected_loss) * factor)
    assert near(moved.log_chance_to_beat, number(plain.log_chance_to_beat), 1e-3)
    assert np.array(bounds(moved.interval)) == pytest.approx(np.array(bounds(plain.interval)), abs=1e-8)
    if isinstance(plain.relative, float):
        assert bounds(larger.relative_interval) == pytest.approx(bounds(plain.relative_interval), rel=1e-6, abs=1e-9)


@QUICK
@given(st.lists(shares(), min_size=3, max_size=5))
def test_one_arm_is_the_best(arms: list[tuple[int, int]]) -> None:
    found = bayesian_comparison({str(i): arm for i, arm in enumerate(arms[1:])}, arms[0], "share")
    chances = [number(found.control_chance_to_be_best), *(number(item.chance_to_be_best) for item in found.answers)]
    losses = [number(found.control_loss), *(number(item.loss_to_best) for item in found.answers)]
    assert sum(chances) == pytest.approx(1, abs=1e-7)
    for item in found.answers:
        assert number(item.chance_to_be_best) <= number(item.chance_to_beat) + 1e-9
        assert number(item.loss_to_best) >= number(item.expected_loss) * (1 - 1e-7)
    means = [(1 + x) / (2 + n) for x, n in arms]
    # the loss is what the best is expected to be, minus the arm's own mean: the sum is the same for all
    totals = [loss + mean for loss, mean in zip(losses, means, strict=True)]
    assert max(totals) - min(totals) <= 1e-6 * max(totals)


@pytest.mark.parametrize(("prior_df", "tolerance"), [(math.inf, 1e-9), (3.0, 1e-6)])
def test_a_wide_prior_on_the_effect_is_none_and_a_narrow_one_shrinks(prior_df: float, tolerance: float) -> None:
    t, c = Estimate(11.0, 0.4), Estimate(10.0, 0.3)
    flat = only(t, c, "estimate")
    wide = only(t, c, "estimate", prior=EffectPrior(sd=1e6, degrees_of_freedom=prior_df))
    assert number(wide.chance_to_beat) == pytest.approx(number(flat.chance_to_beat), rel=tolerance)
    assert bounds(wide.relative_interval) == pytest.approx(bounds(flat.relative_interval), rel=max(1e-6, tolerance))
    sizes = [number(only(t, c, "estimate", prior=EffectPrior(sd=sd)).difference) for sd in (0.3, 0.03, 0.003)]
    assert 1 > sizes[0] > sizes[1] > sizes[2] > 0


def test_heavy_tails_shrink_surprises_less_and_small_effects_more() -> None:
    c = Estimate(10.0, 0.1)
    normal = EffectPrior(sd=0.02)
    student = EffectPrior(sd=0.02, degrees_of_freedom=3)

    def kept(prior: EffectPrior, effect: float) -> float:
        return number(only(Estimate(10 + effect, 0.1), c, "estimate", prior=prior).difference) / effect

    assert kept(student, 3.0) > 0.97 > kept(normal, 3.0)
    assert kept(student, 0.05) < kept(normal, 0.05)


def test_absolute_and_relative_priors_are_the_same_prior_in_other_units() -> None:
    t, c = Estimate(-10.8, 0.3), Estimate(-10.0, 0.3)
    relative = only(t, c, "estimate", prior=EffectPrior(mean=0.01, sd=0.03))
    absolute = only(t, c, "estimate", prior=EffectPrior(mean=-0.1, sd=0.3, scale=EffectScale.ABSOLUTE))
    assert number(relative.difference) == pytest.approx(number(absolute.difference))
    assert number(relative.relative) == pytest.approx(0.08 * 0.5 + 0.01 * 0.5, abs=0.02)
    mirrored = only(Estimate(10.8, 0.3), Estimate(10.0, 0.3), "estimate", prior=EffectPrior(mean=0.01, sd=0.03))
    assert bounds(mirrored.relative_interval) == pytest.approx(bounds(relative.relative_interval))


def test_many_metrics_at_once_say_what_one_at_a_time_says() -> None:
    rng = np.random.default_rng(5)
    n = np.array([0, 5, 100, 3_000, 10_000_000, 2_000])
    x, y = rng.binomial(n, 0.1), rng.binomial(n, [0.1, 0.1, 0.2, 0.1, 0.1, 0])
    many = many_shares(y, n, x, n, direction=Direction.DECREASE)
    for i in range(len(n)):
        one = only((int(y[i]), int(n[i])), (int(x[i]), int(n[i])), "share", direction=Direction.DECREASE)
        row = (many.log_chance_to_beat[i], many.expected_loss[i], many.lower[i], many.relative_upper[i])
        alone = (one.log_chance_to_beat, one.expected_loss, bounds(one.interval)[0], bounds(one.relative_interval)[1])
        assert row == pytest.approx(alone, rel=1e-6), i
    events = many_events([3, 0, 9], [10, 0, 10], [5, 0, 2], [10, 5, 12])
    assert list(events.rows) == [0, 2]
    assert events.missing[1].no_estimate == "no_exposure"
    one = only((9, 10), (2, 12), "events")
    assert events.chance_to_beat[1] == pytest.approx(number(one.chance_to_beat))
    means = many_estimates([1.0, 2.0, 3.0, -3.0], [1.0, 0.0, 0.1, 0.1], [1.5, 2.0, 2.5, -2.5], [1.0, 1.0, 0.1, 0.1])
    assert list(means.rows) == [0, 2, 3]
    assert list(means.relative_rows) == [2, 3]
    assert means.relative_missing[0].no_estimate == "control_near_zero"
    assert means.missing[1].no_estimate == "zero_variance"
    assert means.relative == pytest.approx([0.2, 0.2])
    assert means.expected_loss[1] == pytest.approx(
        number(only(Estimate(3, 0.1), Estimate(2.5, 0.1), "estimate").expected_loss)
    )
    none = many_shares([], [], [], [])
    assert none.chance_to_beat.size == none.relative.size == 0


def test_draws_agree_with_exact_chances_and_with_each_other() -> None:
    rng = np.random.default_rng(11)
    for t, c in [
        (BetaPosterior(4.0, 18.0), BetaPosterior(8.0, 14.0)),
        (GammaPosterior(3.0, 2.0), GammaPosterior(5.0, 2.0)),
        (MeanPosterior(1.0, 0.5, 5.0), MeanPosterior(0.5, 1.0, 8.0)),
        (MeanPosterior(1.0, 0.5), MeanPosterior(0.5, 1.0)),
    ]:
        said = compare_posteriors({"t": t}, c).answers[0]
        a, b = t.draw(rng, 200_000), c.draw(rng, 200_000)
        assert number(said.chance_to_beat) == pytest.approx(float((a > b).mean()), abs=0.006)
        assert number(said.expected_loss) == pytest.approx(float(np.maximum(b - a, 0).mean()), rel=0.03)
        assert bounds(said.interval) == pytest.approx(tuple(np.quantile(a - b, [0.025, 0.975])), rel=0.05)


def test_simulated_chances_to_be_best_agree_with_exact_ones_without_a_prior() -> None:
    arms = {"a": Estimate(10.4, 0.4), "b": Estimate(10.1, 0.2), "c": Estimate(9.0, 0.9)}
    control = Estimate(10.0, 0.5)
    exact = bayesian_comparison(arms, control, "estimate")
    for prior in (EffectPrior(), EffectPrior(sd=1e4)):
        drawn = bayesian_comparison(arms, control, "estimate", prior=prior)
        for one, other in zip(exact.answers, drawn.answers, strict=True):
            assert 0 < other.best_error < 0.003
            chances = number(other.chance_to_be_best), number(one.chance_to_be_best)
            assert chances[0] == pytest.approx(chances[1], abs=6 * other.best_error)
            assert number(other.loss_to_best) == pytest.approx(number(one.loss_to_best), rel=0.05)
        again = bayesian_comparison(arms, control, "estimate", prior=prior)
        assert again == drawn


def test_densest_intervals_are_the_shortest() -> None:
    for posterior in (BetaPosterior(4.0, 18.0), GammaPosterior(6.0, 7.0), BetaPosterior(30.0, 2.0)):
        low, high = bounds(posterior.densest(0.9))
        assert posterior.cdf(high) - posterior.cdf(low) == pytest.approx(0.9, abs=1e-9)
        widths = [posterior.quantile(p + 0.9) - posterior.quantile(p) for p in np.linspace(0.001, 0.099, 60)]
        assert high - low <= min(widths) + 1e-9
