"""The Poisson bootstrap: what must hold whatever the data, against theory and other implementations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.fixed.bootstrap import BootstrapInterval, compare_bootstrap_sums, poisson_bootstrap
from assay.stats.fixed.bootstrapstatistics import MEAN, RATIO, Statistic, quantile_statistic, trimmed_mean_statistic
from assay.stats.fixed.bootstrapsums import BootstrapSums
from assay.stats.fixed.poissonweights import poisson_weights
from assay.stats.fixed.replicates import BootstrapOutcome, Correction, read_off
from assay.stats.fixed.samplequantile import sample_quantile
from assay.stats.inputs import Floats
from assay.stats.outcome import Alternative

WAYS = tuple(BootstrapInterval)
ALTERNATIVES = tuple(Alternative)
RNG = np.random.default_rng(41)
TREATMENT, CONTROL = RNG.lognormal(0.3, 1, 160), RNG.lognormal(0, 1, 240)


def bounds(outcome: BootstrapOutcome) -> tuple[float, float]:
    interval = outcome.outcome.interval
    assert isinstance(interval, Interval)
    assert interval.lower is not None
    assert interval.upper is not None
    return interval.lower, interval.upper


@given(
    st.lists(st.floats(-5, 5), min_size=60, max_size=200),
    st.floats(-6, 6),
    st.floats(0.04, 0.4),
    st.sampled_from(ALTERNATIVES),
    st.floats(-0.2, 0.2),
    st.floats(-0.1, 0.1),
)
def test_p_and_interval_agree(
    replicates: list[float], null: float, alpha: float, side: Alternative, bias: float, acceleration: float
) -> None:
    corrected = read_off(np.array(replicates), null, alpha, side, Correction(bias, acceleration))
    plain = read_off(np.array(replicates), null, alpha, side, Correction())
    for found, slack in ((plain, 0.0), (corrected, 4 * 2 / len(replicates))):
        outside = (found.lower is not None and null < found.lower) or (found.upper is not None and null > found.upper)
        if abs(found.p_value - alpha) > max(1e-9, slack):
            assert (found.p_value <= alpha) is outside


@given(st.floats(-0.3, 0.3), st.floats(-0.2, 0.2), st.floats(-2.5, 2.5))
def test_a_correction_is_undone(bias: float, acceleration: float, z: float) -> None:
    correction = Correction(bias, acceleration)
    assert correction.nominal(correction.place(z)) == pytest.approx(float(stats.norm.cdf(z)), abs=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_seeds_scales_and_arms(way: BootstrapInterval) -> None:
    one = poisson_bootstrap(TREATMENT, CONTROL, interval=way, seed=3)
    assert one == poisson_bootstrap(TREATMENT[::-1], CONTROL, interval=way, seed=3)
    assert one != poisson_bootstrap(TREATMENT, CONTROL, interval=way, seed=4)
    scaled = poisson_bootstrap(4 * TREATMENT, 4 * CONTROL, interval=way, seed=3)
    assert bounds(scaled) == pytest.approx([4 * bound for bound in bounds(one)])
    assert scaled.outcome.p_value == pytest.approx(one.outcome.p_value)
    assert scaled.outcome.relative_interval == pytest.approx(one.outcome.relative_interval)
    many, swapped = (
        poisson_bootstrap(*arms, interval=way, seed=5, replications=20_000)
        for arms in ((TREATMENT, CONTROL), (CONTROL, TREATMENT))
    )
    error = max(error for error in many.interval_error if error is not None)
    assert bounds(many)[0] == pytest.approx(-bounds(swapped)[1], abs=8 * error)
    above = poisson_bootstrap(TREATMENT, CONTROL, interval=way, seed=3, alternative="greater").outcome.interval
    assert isinstance(above, Interval)
    assert above.upper is None
    assert above.lower is not None
    assert above.lower > bounds(one)[0]


def test_percentile_and_bca_are_those_of_scipy() -> None:
    def difference(t: Any, c: Any, axis: int = -1) -> Any:
        return t.mean(axis=axis) - c.mean(axis=axis)

    resample: Any = stats.bootstrap
    for way, name in ((BootstrapInterval.PERCENTILE, "percentile"), (BootstrapInterval.BCA, "BCa")):
        found = poisson_bootstrap(TREATMENT, CONTROL, interval=way, replications=40_000)
        other = resample(
            (TREATMENT, CONTROL), difference, n_resamples=20_000, method=name, rng=np.random.default_rng(1)
        )
        width = bounds(found)[1] - bounds(found)[0]
        expected = (other.confidence_interval.low, other.confidence_interval.high)
        assert bounds(found) == pytest.approx(expected, abs=0.03 * width)
        assert found.standard_error == pytest.approx(other.standard_error, rel=0.03)


def test_studentised_bounds_are_those_of_drawing_n_of_n() -> None:
    """Against the ordinary bootstrap-t, written out: skewed values, so that a wrong direction shows."""
    rng = np.random.default_rng(6)
    t, c = rng.lognormal(1, 1.1, 60), 0.3 * rng.normal(3, 2, 50)
    found = poisson_bootstrap(t, c, interval="studentized", replications=40_000)
    many_t, many_c = t[rng.integers(0, 60, (40_000, 60))], c[rng.integers(0, 50, (40_000, 50))]

    def parts(x: Floats, y: Floats) -> list[Floats]:
        return [x.mean(axis=-1), y.mean(axis=-1), x.var(axis=-1) / x.shape[-1], y.var(axis=-1) / y.shape[-1]]

    (m_t, m_c, v_t, v_c), (s_t, s_c, w_t, w_c) = parts(t, c), parts(many_t, many_c)
    pairs = (
        (found.outcome.interval, m_t - m_c, v_t + v_c, s_t - s_c, w_t + w_c),
        (
            found.outcome.relative_interval,
            m_t / m_c - 1,
            (v_t + (m_t / m_c) ** 2 * v_c) / m_c**2,
            s_t / s_c - 1,
            (w_t + (s_t / s_c) ** 2 * w_c) / s_c**2,
        ),
    )
    for interval, estimate, variance, replicates, variances in pairs:
        pivots = (replicates - estimate) / np.sqrt(variances)
        low, high = estimate - np.sqrt(variance) * np.quantile(pivots, [0.975, 0.025])
        assert isinstance(interval, Interval)
        assert (interval.lower, interval.upper) == pytest.approx((low, high), abs=0.04 * (high - low))
        assert high - estimate > 1.3 * (estimate - low)


def test_parts_are_weighted_apart() -> None:
    one, two = (BootstrapSums.of(TREATMENT, part=part, replications=2_000).replicated[:, 1] for part in (0, 1))
    assert abs(float(np.corrcoef(one, two)[0, 1])) < 0.1


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        (MEAN, float(TREATMENT.mean() - CONTROL.mean())),
        (quantile_statistic(0.75), None),
        (trimmed_mean_statistic(0.1), float(stats.trim_mean(TREATMENT, 0.1) - stats.trim_mean(CONTROL, 0.1))),
        (lambda columns, weights: (weights @ columns[:, 0] ** 2) / weights.sum(axis=1), None),
    ],
)
def test_statistics_of_units(statistic: Statistic, value: float | None) -> None:
    found = poisson_bootstrap(TREATMENT, CONTROL, statistic)
    if isinstance(statistic, Statistic) and value is None:
        t, c = (sample_quantile(arm, 0.75, definition=2) for arm in (TREATMENT, CONTROL))
        value = t - c  # type: ignore[operator]
    value = float((TREATMENT**2).mean() - (CONTROL**2).mean()) if value is None else value
    assert found.outcome.difference == pytest.approx(value)
    low, high = bounds(found)
    assert low < value < high
    assert isinstance(found.outcome.relative_interval, Interval)


def test_a_standard_error_is_that_of_theory() -> None:
    found = poisson_bootstrap(TREATMENT, CONTROL, replications=40_000)
    theory = math.sqrt(TREATMENT.var() / TREATMENT.size + CONTROL.var() / CONTROL.size)
    assert found.standard_error == pytest.approx(theory, rel=0.03)
    rows_t, rows_c = np.c_[TREATMENT, 1 + TREATMENT**0.5], np.c_[CONTROL, 1 + CONTROL**0.5]

    def variance(rows: Floats) -> float:
        ratio = rows[:, 0].sum() / rows[:, 1].sum()
        return float(((rows[:, 0] - ratio * rows[:, 1]) ** 2).sum() / rows[:, 1].sum() ** 2)

    ratios = poisson_bootstrap(rows_t, rows_c, RATIO, replications=40_000, interval="studentized")
    assert ratios.standard_error == pytest.approx(math.sqrt(variance(rows_t) + variance(rows_c)), rel=0.05)


def test_monte_carlo_error_is_what_seeds_show() -> None:
    runs = [poisson_bootstrap(TREATMENT, CONTROL, seed=seed, replications=1_000) for seed in range(200)]
    for i in (0, 1):
        spread = float(np.std([bounds(run)[i] for run in runs]))
        said = float(np.mean([numbers(run.interval_error[i]) for run in runs]))
        assert 0.7 < said / spread < 1.5
    p_spread = float(np.std([numbers(run.outcome.p_value) for run in runs]))
    assert 0.7 < float(np.mean([numbers(run.p_value_error) for run in runs])) / p_spread < 1.4


def numbers(found: float | NoEstimate | None) -> float:
    assert isinstance(found, float)
    return found


def test_weights_are_poisson() -> None:
    weights = poisson_weights(np.random.default_rng(2), np.array([1.0, 1.0, 7.0, 500.0]), 100_000)
    assert np.mean(weights, axis=0).tolist() == pytest.approx([1, 1, 7, 500], rel=0.02)
    assert np.var(weights, axis=0).tolist() == pytest.approx([1, 1, 7, 500], rel=0.03)
    single = np.bincount(weights[:, 0].astype(int), minlength=6)[:6] / 100_000
    assert single == pytest.approx(stats.poisson.pmf(range(6), 1), abs=0.006)
    assert abs(float(np.corrcoef(weights[:, 0], weights[:, 1]).min())) < 0.02


def test_value_counts_scale_to_millions_of_units() -> None:
    t = ValueCounts((0.0, 1.0, 5.0), (9_000_000, 800_000, 200_000))
    c = ValueCounts((0.0, 1.0, 5.0), (9_000_000, 810_000, 190_000))
    found = poisson_bootstrap(t, c, interval="bca")
    assert found.outcome.difference == pytest.approx(0.18 - 0.176)
    assert found.standard_error == pytest.approx(math.sqrt((0.58 - 0.18**2 + 0.556 - 0.176**2) / 1e7), rel=0.05)


@given(st.permutations(range(5)))
@settings(max_examples=20)
def test_partial_sums_merge_in_any_order(order: list[int]) -> None:
    parts = [BootstrapSums.of(TREATMENT[i::5], part=i, replications=200) for i in range(5)]
    merged = parts[order[0]]
    for i in order[1:]:
        merged = merged.merge(parts[i])
    control = BootstrapSums.of(CONTROL, part=9, replications=200)
    found = compare_bootstrap_sums(merged, control)
    assert found.outcome.difference == pytest.approx(float(TREATMENT.mean() - CONTROL.mean()))
    straight = parts[0].merge(parts[1]).merge(parts[2]).merge(parts[3]).merge(parts[4])
    assert np.allclose(merged.replicated, straight.replicated)
    assert found.outcome.p_value == compare_bootstrap_sums(straight, control).outcome.p_value


def test_partial_sums_give_what_the_whole_gives() -> None:
    t = BootstrapSums.of(TREATMENT[:50], part=0, replications=8_000)
    t = t.merge(BootstrapSums.of(TREATMENT[50:], part=1, replications=8_000))
    found = compare_bootstrap_sums(t, BootstrapSums.of(CONTROL, part=2, replications=8_000))
    whole = poisson_bootstrap(TREATMENT, CONTROL, replications=8_000)
    width = bounds(whole)[1] - bounds(whole)[0]
    assert bounds(found) == pytest.approx(bounds(whole), abs=0.06 * width)


PART, OTHER = (BootstrapSums.of([1.0, 2.0], part=part, replications=100) for part in (1, 2))


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: poisson_bootstrap([1.0, 2.0], [1.0, 2.0], replications=30), "replications"),
        (lambda: poisson_bootstrap([1.0, 2.0], [1.0, 2.0], interval="exact"), "interval"),
        (
            lambda: poisson_bootstrap([1.0, 2.0], [1.0, 2.0], quantile_statistic(0.5), interval="studentized"),
            "interval",
        ),
        (lambda: poisson_bootstrap([1.0, 2.0], [1.0, 2.0], RATIO), "treatment"),
        (lambda: poisson_bootstrap([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]], RATIO), "treatment"),
        (lambda: trimmed_mean_statistic(0.5), "share"),
        (lambda: PART.merge(PART), "parts"),
        (lambda: compare_bootstrap_sums(PART, PART), "control"),
        (lambda: compare_bootstrap_sums(PART, OTHER, RATIO), "treatment"),
        (lambda: compare_bootstrap_sums(PART, OTHER, quantile_statistic(0.5)), "statistic"),
        (lambda: PART.merge(BootstrapSums.of([1.0], part=5, replications=50)), "replications, seed, columns"),
    ],
)
def test_wrong_arguments_are_named(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()  # type: ignore[operator]
    assert caught.value.field == field


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_computed_says_why(way: BootstrapInterval) -> None:
    cases: tuple[tuple[tuple[list[float], list[float]], str], ...] = (
        (([], [1.0, 2.0]), "empty_arm"),
        (([1.0], [1.0, 2.0]), "one_unit"),
        (([1e8, 1e8], [3.0, 3.0, 3.0]), "zero_variance"),
    )
    for (t, c), code in cases:
        outcome = poisson_bootstrap(t, c, interval=way).outcome
        assert isinstance(outcome.p_value, NoEstimate)
        assert outcome.p_value.no_estimate == code
    nowhere = poisson_bootstrap([[1.0, 0.0]] * 20, [[1.0, 2.0]] * 20, RATIO, interval=way).outcome.p_value
    assert isinstance(nowhere, NoEstimate)
    assert nowhere.no_estimate == "undefined_statistic"
    # the one unit with a denominator is left out of a third of all resamples
    rare = poisson_bootstrap([[1.0, 0.0]] * 20 + [[1.0, 1.0]], [[1.0, 2.0], [2.0, 3.0]] * 9, RATIO, interval=way)
    assert isinstance(rare.outcome.p_value, NoEstimate)
    assert rare.outcome.p_value.no_estimate == "undefined_replications"
    around = poisson_bootstrap(TREATMENT, CONTROL - CONTROL.mean(), interval=way).outcome
    assert isinstance(around.relative_interval, NoEstimate)
    assert isinstance(around.p_value, float)
