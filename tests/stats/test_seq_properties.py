"""Sequences: what must hold whatever the data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.model.moments import COVARIATE, VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.inputs import Share, array_moments
from assay.stats.outcome import Alternative, Outcome
from assay.stats.sequential import joint, shares
from assay.stats.sequential.answers import SequenceEstimate
from assay.stats.sequential.counts import rate_sequence, two_rate_sequence
from assay.stats.sequential.means import log_ratio_sequence, mean_sequence, proportion_sequence
from assay.stats.sequential.msprt import msprt
from assay.stats.sequential.quantiles import quantile_sequence, two_quantile_sequence
from assay.stats.sequential.running import RunningSequence
from assay.stats.sequential.shares import share_sequence, two_share_sequence

ALTERNATIVES = st.sampled_from(tuple(Alternative))
TWO_SIDED = Alternative.TWO_SIDED
alphas = st.floats(0.001, 0.4)
arms = st.integers(1, 30_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
events = st.tuples(st.integers(0, 20_000), st.floats(0.5, 1e4))
ordinary = settings(max_examples=60, deadline=None)
values = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=60)
few = settings(max_examples=15, deadline=None)
Two = Callable[..., Outcome]


def outside(interval: Interval, number: float) -> bool:
    below = interval.lower is not None and number < interval.lower
    return below or (interval.upper is not None and number > interval.upper)


def agrees(found: Outcome | SequenceEstimate, alpha: float) -> bool:
    """p at most alpha exactly when the null is outside; at the edge either may round."""
    if not (isinstance(found.log_p, float) and isinstance(found.interval, Interval)):
        return True
    assert found.null is not None
    near = abs(found.log_p - math.log(alpha)) < 1e-5
    return near or (found.log_p <= math.log(alpha)) is outside(found.interval, found.null)


@few
@given(arms, arms, alphas, ALTERNATIVES, st.floats(-0.3, 0.3), st.sampled_from([100.0, 10_000.0]))
def test_two_shares_agree_with_their_interval(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float, tuning: float
) -> None:
    found = two_share_sequence(t, c, alpha=alpha, alternative=alternative, null=null, tuning_units=tuning)
    assert agrees(found, alpha)
    if alternative is TWO_SIDED and isinstance(found.relative_interval, Interval) and isinstance(found.log_p, float):
        plain = two_share_sequence(t, c, alpha=alpha, tuning_units=tuning)
        assert isinstance(plain.log_p, float)
        if abs(plain.log_p - math.log(alpha)) > 1e-5:
            assert (plain.log_p <= math.log(alpha)) is outside(found.relative_interval, 0.0)


@few
@given(events, events, alphas, ALTERNATIVES, st.floats(-2, 2))
def test_two_rates_agree_with_their_interval(
    t: tuple[int, float], c: tuple[int, float], alpha: float, alternative: Alternative, null: float
) -> None:
    assert agrees(
        two_rate_sequence(t, c, alpha=alpha, alternative=alternative, null=null, tuning_exposure=1_000.0), alpha
    )


@ordinary
@given(arms, alphas, ALTERNATIVES, st.floats(0.001, 0.999), st.sampled_from([None, (0.5, 0.5), (2.0, 9.0)]))
def test_one_share_agrees_with_its_interval(
    arm: tuple[int, int], alpha: float, alternative: Alternative, null: float, prior: tuple[float, float] | None
) -> None:
    found = share_sequence(arm, alpha=alpha, alternative=alternative, null=null, prior=prior, tuning_units=2_000)
    assert agrees(found, alpha)
    assert isinstance(found.interval, Interval)
    assert not outside(found.interval, arm[0] / arm[1])


@ordinary
@given(events, alphas, ALTERNATIVES, st.floats(0.01, 100))
def test_one_rate_agrees_with_its_interval(
    given_events: tuple[int, float], alpha: float, alternative: Alternative, null: float
) -> None:
    found = rate_sequence(given_events, alpha=alpha, alternative=alternative, null=null, tuning_exposure=500.0)
    assert agrees(found, alpha)


@ordinary
@given(values, values, alphas, ALTERNATIVES, st.integers(-30, 30), st.sampled_from([0.1, 0.5, 0.9]))
def test_quantiles_agree_with_their_interval(
    t: list[float], c: list[float], alpha: float, alternative: Alternative, null: float, quantile: float
) -> None:
    chosen = {"alpha": alpha, "alternative": alternative, "null": null, "quantile": quantile, "tuning_units": 40.0}
    t, c = 8 * t, 8 * c
    assert agrees(two_quantile_sequence(t, c, **chosen), alpha)  # type: ignore[arg-type]
    assert agrees(quantile_sequence(t, **chosen), alpha)  # type: ignore[arg-type]


@ordinary
@given(values, values, alphas, ALTERNATIVES, st.floats(-30, 30), st.floats(0.1, 50))
def test_means_agree_with_their_interval(
    t: list[float], c: list[float], alpha: float, alternative: Alternative, null: float, tuning: float
) -> None:
    options = {"alpha": alpha, "alternative": alternative, "null": null}
    assert agrees(mean_sequence(t, c, tuning_units=tuning, **options), alpha)  # type: ignore[arg-type]
    assert agrees(msprt(t, c, tau=tuning, **options), alpha)  # type: ignore[arg-type]
    positive = [abs(x) + 1 for x in t], [abs(x) + 1 for x in c]
    assert agrees(log_ratio_sequence(*positive, tuning_units=tuning, **options), alpha)  # type: ignore[arg-type]


@few
@given(arms, arms, alphas, ALTERNATIVES, st.floats(-0.3, 0.3))
def test_proportions_agree_with_their_interval(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float
) -> None:
    assert agrees(proportion_sequence(t, c, alpha=alpha, alternative=alternative, null=null), alpha)


def mirrored(one: Outcome, other: Outcome, slack: float) -> None:
    if isinstance(one.log_p, NoEstimate):
        assert other.log_p == one.log_p
        return
    assert one.difference == pytest.approx(-other.difference, abs=1e-15)  # type: ignore[operator]
    assert one.log_p == pytest.approx(other.log_p, rel=1e-9, abs=1e-9)
    if isinstance(one.interval, Interval) and isinstance(other.interval, Interval):
        for a, b in ((one.interval.lower, other.interval.upper), (one.interval.upper, other.interval.lower)):
            assert (a is None) is (b is None)
            if a is not None and b is not None:
                assert a == pytest.approx(-b, rel=1e-6, abs=slack)


@few
@given(arms, arms)
def test_swapping_the_arms_negates(t: tuple[int, int], c: tuple[int, int]) -> None:
    mirrored(two_share_sequence(t, c), two_share_sequence(c, t), 1e-9)
    less = two_share_sequence(t, c, alternative="less").log_p
    assert two_share_sequence(c, t, alternative="greater").log_p == pytest.approx(less, rel=1e-9, abs=1e-9)
    rates = (t[0], float(t[1])), (c[0], float(c[1]))
    mirrored(
        two_rate_sequence(*rates, tuning_exposure=50.0), two_rate_sequence(*rates[::-1], tuning_exposure=50.0), 1e-9
    )
    mirrored(proportion_sequence(t, c), proportion_sequence(c, t), 1e-12)


@ordinary
@given(values, values)
def test_swapping_values_negates(t: list[float], c: list[float]) -> None:
    for test in (
        lambda a, b: mean_sequence(a, b, tuning_units=20),
        lambda a, b: msprt(a, b, tau=2.0),
        lambda a, b: two_quantile_sequence(a, b, tuning_units=30),
    ):
        mirrored(test(t, c), test(c, t), 1e-9)


@few
@given(arms, arms)
def test_non_conversions_mirror_conversions(t: tuple[int, int], c: tuple[int, int]) -> None:
    other = two_share_sequence((t[1] - t[0], t[1]), (c[1] - c[0], c[1]))
    mirrored(two_share_sequence(t, c), other, 1e-7)


@ordinary
@given(values, values, st.floats(0.1, 20), st.integers(-100, 100))
def test_scale_scales_and_a_shift_leaves_the_difference(
    t: list[float], c: list[float], scale: float, shift: int
) -> None:
    def changed(item: list[float]) -> list[float]:
        return [scale * x + shift for x in item]

    for test in (
        lambda a, b: mean_sequence(a, b, tuning_units=20),
        lambda a, b: two_quantile_sequence(a, b, tuning_units=30),
    ):
        one, other = test(t, c), test(changed(t), changed(c))
        assert other.log_p == pytest.approx(one.log_p, rel=1e-6, abs=1e-6) if isinstance(one.log_p, float) else True
        if isinstance(one.interval, Interval) and one.interval.lower is not None:
            assert isinstance(other.interval, Interval)
            assert other.interval.lower == pytest.approx(scale * one.interval.lower, rel=1e-6, abs=1e-6)


@few
@given(arms, arms, alphas, st.floats(1.1, 5))
def test_intervals_nest_in_alpha(t: tuple[int, int], c: tuple[int, int], alpha: float, factor: float) -> None:
    # the tuning follows alpha, so the same κ is asked for at both levels
    sides = [shares._side(Share(*arm), 900.0) for arm in (t, c)]
    wide = joint.difference_bound(*sides, math.log(factor / alpha))
    narrow = joint.difference_bound(*sides, math.log(1 / alpha))
    assert wide is None or (narrow is not None and wide <= narrow + 1e-12)


@few
@example((1, 85), (30_000, 30_000), -0.5, 1_280.0)
@example((0, 30_000), (9, 10), -0.5, 1_280.0)
@example((29_999, 30_000), (1, 85), 0.1, 300.0)
@given(arms, arms, st.floats(-0.2, 0.2), st.floats(20, 5_000))
def test_the_least_evidence_is_the_least(t: tuple[int, int], c: tuple[int, int], null: float, kappa: float) -> None:
    """Against a fine grid over everything the control's share can be: never above it, and no more than a step below."""
    first, second = (shares._side(Share(*arm), kappa) for arm in (t, c))
    evidence = joint.difference_evidence(first, second, null)
    grid = np.linspace(max(0, -null), min(1, 1 - null), 4_001)[1:-1]
    lowest, highest = max(0.0, -null), min(1.0, 1 - null)
    near = second.estimate + np.linspace(-15, 15, 2_001) * second.spread
    edges = np.concatenate([lowest + np.logspace(-14, -3, 200), highest - np.logspace(-14, -3, 200)])
    places = np.concatenate([grid, near[(near > grid[0]) & (near < grid[-1])], edges])
    least = float(np.min(first.above(places + null) + second.below(places)))
    assert evidence <= max(0.0, least) + 1e-7 * (1 + abs(least))
    if evidence == 0:
        assert least < 0.7 or first.estimate - null <= second.estimate


@few
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=8))
def test_running_sequences_only_shrink(steps: list[tuple[int, int]]) -> None:
    running, t, c, n = RunningSequence(), 0, 0, 0
    before = running
    for more_t, more_c in steps:
        t, c, n = t + more_t, c + more_c, n + 40
        running = before.look(two_share_sequence((t, n), (c, n), tuning_units=200))
        assert isinstance(running.log_p, float)
        if isinstance(before.log_p, float):
            assert running.log_p <= before.log_p
        if isinstance(running.interval, Interval) and isinstance(before.interval, Interval):
            assert running.interval.lower >= before.interval.lower  # type: ignore[operator]
            assert running.interval.upper <= before.interval.upper  # type: ignore[operator]
        before = running


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_covariates_narrow_the_sequence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made: list[Moments] = []
    for shift in (0.2, 0.0):
        before = rng.standard_normal(400)
        made.append(array_moments((VALUE, COVARIATE), (shift + before + 0.3 * rng.standard_normal(400), before)))
    adjusted, plain = mean_sequence(*made), mean_sequence(*(item.only((VALUE,)) for item in made))
    assert isinstance(adjusted.interval, Interval)
    assert isinstance(plain.interval, Interval)
    widths = [item.upper - item.lower for item in (adjusted.interval, plain.interval)]  # type: ignore[operator]
    assert widths[0] < 0.5 * widths[1]
