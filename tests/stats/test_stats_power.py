"""Planning: inverses of each other, and every bad input named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.stats.planning.power import (
    days_to_completion,
    minimum_effect_mean,
    minimum_effect_proportion,
    power_mean,
    power_proportion,
    sample_size_mean,
    sample_size_proportion,
)

BASELINES = st.floats(0.001, 0.9)
EFFECTS = st.floats(0.02, 1.0)
POWERS = st.floats(0.5, 0.99)
ALPHAS = st.floats(0.0001, 0.2)
COUNTS = st.integers(1, 10)


@given(BASELINES, EFFECTS, POWERS, ALPHAS, COUNTS, st.booleans())
def test_the_sample_has_the_power_and_one_unit_less_has_not(
    baseline: float, effect: float, power: float, alpha: float, k: int, two_sided: bool
) -> None:
    assume(baseline * (1 + effect) < 0.999)
    n = sample_size_proportion(baseline, effect, alpha=alpha, power=power, n_comparisons=k, two_sided=two_sided)
    assume(n > 3)
    reached, missed = (
        power_proportion(baseline, effect, size, alpha=alpha, n_comparisons=k, two_sided=two_sided)
        for size in (n, n - 1)
    )
    assert missed < power <= reached + 1e-12


@given(st.floats(0.5, 1e6), st.floats(0.1, 100), EFFECTS, POWERS, ALPHAS)
def test_the_same_for_means(baseline: float, spread: float, effect: float, power: float, alpha: float) -> None:
    deviation = spread * baseline
    n = sample_size_mean(baseline, deviation, effect, alpha=alpha, power=power)
    assume(n > 3)
    assert power_mean(baseline, deviation, effect, n, alpha=alpha) >= power - 1e-12
    assert power_mean(baseline, deviation, effect, n - 1, alpha=alpha) < power
    assert minimum_effect_mean(baseline, deviation, n, alpha=alpha, power=power) <= effect * (1 + 1e-12)


@given(BASELINES, st.integers(2_000, 10**7), POWERS, COUNTS)
def test_the_minimum_effect_has_the_power(baseline: float, n: int, power: float, k: int) -> None:
    effect = minimum_effect_proportion(baseline, n, power=power, n_comparisons=k)
    assume(baseline * (1 + effect) < 1)
    assert power_proportion(baseline, effect, n, n_comparisons=k) == pytest.approx(power, abs=1e-6)


def test_a_smaller_effect_more_comparisons_or_two_sides_cost_units() -> None:
    n = sample_size_proportion(0.05, 0.1)
    assert sample_size_proportion(0.05, 0.05) > n
    assert sample_size_proportion(0.05, 0.1, n_comparisons=3) > n
    assert sample_size_proportion(0.05, 0.1, two_sided=False) < n
    assert sample_size_mean(10, 3, -0.1) == sample_size_mean(10, 3, 0.1)


@given(st.floats(0.5, 2), st.floats(0.1, 5), st.integers(-300, 300))
def test_the_unit_of_measurement_does_not_matter(baseline: float, deviation: float, exponent: int) -> None:
    scale = 10.0**exponent
    n = sample_size_mean(baseline, deviation, 0.1)
    # Rounding up can tip by one.
    assert abs(sample_size_mean(baseline * scale, deviation * scale, 0.1) - n) <= 1
    power = power_mean(baseline * scale, deviation * scale, 0.1, n)
    assert power == pytest.approx(power_mean(baseline, deviation, 0.1, n), rel=1e-9)


@pytest.mark.parametrize("effect", [1e-300, -1e-300, 1e-6, -1e-6])
def test_an_effect_beyond_a_trillion_units_is_refused_as_it_was_given(effect: float) -> None:
    asks: tuple[Callable[[float], int], ...] = (
        lambda relative: sample_size_proportion(0.05, relative),
        lambda relative: sample_size_mean(1.0, 3.0, relative),
    )
    for ask in asks:
        with pytest.raises(InvalidInput) as caught:
            ask(effect)
        assert (caught.value.field, float(caught.value.given)) == ("relative_effect", effect)
        # What it says can be found, can be.
        least = float(caught.value.accepted.removeprefix("a size of about ").split()[0])
        assert ask(1.1 * least) <= 10**12


def test_days() -> None:
    assert days_to_completion(31_231, units_per_day=1_000) == 63
    assert days_to_completion(1_000, units_per_day=1_000) == 2
    assert days_to_completion(1_000, units_per_day=1_000, traffic_share=0.1) == 20
    assert days_to_completion(1_000, units_per_day=1_000, n_variants=3, smallest_weight=0.1) == 10
    assert days_to_completion(2, units_per_day=1e9) == 1


BAD: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (sample_size_proportion, {"baseline": 0, "relative_effect": 0.1}, "baseline"),
    (sample_size_proportion, {"baseline": 1, "relative_effect": 0.1}, "baseline"),
    (sample_size_proportion, {"baseline": float("nan"), "relative_effect": 0.1}, "baseline"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0}, "relative_effect"),
    (sample_size_proportion, {"baseline": 0.5, "relative_effect": 1.0}, "relative_effect"),
    (sample_size_proportion, {"baseline": 0.5, "relative_effect": -1.0}, "relative_effect"),
    (sample_size_proportion, {"baseline": 0.5, "relative_effect": float("inf")}, "relative_effect"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0.1, "alpha": 0}, "alpha"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0.1, "alpha": 0.5}, "alpha"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0.1, "power": 1}, "power"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0.1, "power": 0}, "power"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0.1, "power": 0.02}, "power"),
    (sample_size_proportion, {"baseline": 0.1, "relative_effect": 0.1, "n_comparisons": 0}, "n_comparisons"),
    (sample_size_mean, {"baseline": 0, "standard_deviation": 1, "relative_effect": 0.1}, "baseline"),
    (sample_size_mean, {"baseline": 5, "standard_deviation": 0, "relative_effect": 0.1}, "standard_deviation"),
    (sample_size_mean, {"baseline": 5, "standard_deviation": 1, "relative_effect": 0}, "relative_effect"),
    (power_proportion, {"baseline": 0.1, "relative_effect": 0.1, "n_per_variant": 1}, "n_per_variant"),
    (power_mean, {"baseline": 1, "standard_deviation": 1, "relative_effect": 0.1, "n_per_variant": 0}, "n_per_variant"),
    (minimum_effect_proportion, {"baseline": 0.5, "n_per_variant": 3}, "n_per_variant"),
    (minimum_effect_mean, {"baseline": 1e-200, "standard_deviation": 1e200, "n_per_variant": 9}, "baseline"),
    (sample_size_mean, {"baseline": 1e-200, "standard_deviation": 1e200, "relative_effect": 0.1}, "relative_effect"),
    (sample_size_mean, {"baseline": 1e308, "standard_deviation": 1, "relative_effect": 1e5}, "relative_effect"),
    (minimum_effect_mean, {"baseline": 0, "standard_deviation": 1, "n_per_variant": 9}, "baseline"),
    (days_to_completion, {"n_per_variant": 100, "units_per_day": 0}, "units_per_day"),
    (days_to_completion, {"n_per_variant": 100, "units_per_day": 5, "traffic_share": 0}, "traffic_share"),
    (days_to_completion, {"n_per_variant": 100, "units_per_day": 5, "n_variants": 1}, "n_variants"),
    (days_to_completion, {"n_per_variant": 100, "units_per_day": 5, "smallest_weight": 0.6}, "smallest_weight"),
]


@pytest.mark.parametrize(("function", "inputs", "field"), BAD)
def test_bad_input_is_named(function: Callable[..., Any], inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        function(**inputs)
    assert caught.value.field == field
