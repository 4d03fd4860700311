"""History, traffic, tables and simulated power: what they say, and what they decline to say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.fixed.core import ratio_t, welch_t
from assay.stats.inputs import array_moments
from assay.stats.outcome import Outcome
from assay.stats.planning.answers import minimum_effect, sample_size, total_units
from assay.stats.planning.design import Clusters, Design
from assay.stats.planning.history import History, estimate_from_history, intraclass_correlation
from assay.stats.planning.measured import MeanMeasure, RateMeasure, RatioMeasure, ShareMeasure
from assay.stats.planning.simulate import SimulatedSize, drawn_from, simulate_power, simulate_sample_size
from assay.stats.planning.table import detectable_effects_table
from assay.stats.planning.traffic import days_for_units, units_after


def known(**asked: Any) -> History:
    found = estimate_from_history(**asked)
    assert isinstance(found, History)
    return found


def code(answer: object) -> str:
    assert isinstance(answer, NoEstimate), answer
    return answer.no_estimate


def test_the_kind_is_guessed_from_what_is_given() -> None:
    assert isinstance(known(values=[0, 1, 0, 1]).measured, ShareMeasure)
    assert isinstance(known(values=[False, True]).measured, ShareMeasure)
    assert isinstance(known(values=[0.0, 1, 2]).measured, MeanMeasure)
    assert isinstance(known(values=[0, 1, 0], kind="mean").measured, MeanMeasure)
    assert isinstance(known(values=[1.0, 2, 4], denominator=[1, 3, 2]).measured, RatioMeasure)
    assert isinstance(known(values=[1, 2, 4], exposure=0.5).measured, RateMeasure)


def test_moments_and_values_say_the_same() -> None:
    rng = np.random.default_rng(1)
    d = np.asarray(rng.poisson(4, 500) + 1.0, dtype=np.float64)
    y, x = rng.binomial(d.astype(int), 0.3).astype(float), rng.normal(size=500)
    ratio = array_moments((VALUE, DENOMINATOR), (y, d))
    assert known(values=ratio).measured == known(values=y, denominator=d).measured
    both = known(values=array_moments((VALUE, COVARIATE), (y, x)))
    assert both.correlation == pytest.approx(np.corrcoef(y, x)[0, 1])
    assert both == known(values=y, covariate=x)
    assert known(values=Moments.of_counts(30, 100), kind="share").measured == ShareMeasure(baseline=0.3)


def test_the_planned_variance_is_that_of_the_test() -> None:
    rng = np.random.default_rng(2)
    d = np.asarray(rng.poisson(4, 2_000) + 1.0, dtype=np.float64)
    y = rng.binomial(d.astype(int), 0.3).astype(float)
    found = known(values=y, denominator=d).measured
    moments = array_moments((VALUE, DENOMINATOR), (y, d))
    outcome = ratio_t(moments, moments)
    assert not isinstance(outcome.interval, NoEstimate)
    assert outcome.interval.upper is not None
    error = outcome.interval.upper / 1.9606
    assert error == pytest.approx((2 * found.variance(0.3) / 2_000) ** 0.5, rel=1e-3)


def test_a_large_mean_keeps_its_spread() -> None:
    found = known(values=[1e8, 1e8 + 1, 1e8 + 2]).measured
    assert isinstance(found, MeanMeasure)
    assert found.standard_deviation == pytest.approx(1.0)


def test_clusters() -> None:
    labels = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    alike = known(values=[1, 1, 1, 1, 5, 5, 5, 5, 3, 3, 3, 3.0], labels=labels)
    assert alike.clusters == Clusters(mean_size=4, icc=1.0)
    assert alike.n_clusters == 3
    assert intraclass_correlation([1, 2, 3, 4, 1, 2, 3, 4.0], [1, 1, 1, 1, 2, 2, 2, 2]) == 0.0
    design = alike.design(alpha=0.1)
    assert design.clusters == alike.clusters
    assert design.alpha == 0.1
    assert code(known(values=[1.0, 2, 3], labels=[1, 1, 1]).clusters) == "one_cluster"
    assert code(known(values=[1.0, 2, 3], labels=[1, 2, 3]).clusters) == "single_units"
    assert code(intraclass_correlation([2.0, 2.0, 2.0], [1, 1, 2])) == "zero_variance"
    assert code(intraclass_correlation([], [])) == "empty_arm"


@given(st.integers(2, 40), st.integers(2, 20), st.floats(0.0, 3.0), st.floats(-1e6, 1e6), st.integers(0, 10**6))
def test_the_intraclass_correlation_ignores_shift_and_scale(
    k: int, m: int, spread: float, shift: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(k), m)
    y = rng.normal(size=k * m) + spread * rng.normal(size=k)[labels]
    found = intraclass_correlation(y, labels)
    assert isinstance(found, float)
    assert 0 <= found <= 1
    assert intraclass_correlation(3 * y + shift, labels) == pytest.approx(found, abs=1e-7)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"values": []}, "empty_arm"),
        ({"values": [3.0]}, "one_unit"),
        ({"values": [3.0, 3.0]}, "zero_variance"),
        ({"values": [0, 0, 0]}, "zero_variance"),
        ({"values": [1, 1, 1]}, "zero_variance"),
        ({"values": Moments.zeros(0, (VALUE,))}, "empty_arm"),
        ({"values": [1.0, 2.0], "kind": "share"}, "not_a_share"),
        ({"values": [1.0, 2.0], "denominator": [0.0, 0.0]}, "zero_denominator"),
        ({"values": [0, 0, 0], "exposure": 1.0}, "zero_variance"),
        ({"values": [2, 2, 2], "exposure": 1.0}, "zero_variance"),
        ({"values": [], "exposure": 1.0}, "empty_arm"),
        ({"values": [4], "exposure": 1.0}, "one_unit"),
        ({"values": Moments(3, (VALUE,), (1e80,), (1.0,))}, "bad_moments"),
    ],
)
def test_what_history_cannot_say(asked: dict[str, Any], why: str) -> None:
    assert code(estimate_from_history(**asked)) == why


def test_a_covariate_helps_by_its_correlation() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=4_000)
    y = 10 + x + rng.normal(size=4_000)
    found = known(values=y, covariate=x)
    assert found.correlation == pytest.approx(0.707, abs=0.03)
    plain = sample_size(known(values=y).design(), 0.01).smallest
    assert sample_size(found.design(), 0.01).smallest == pytest.approx(plain / 2, rel=0.06)
    assert known(values=y, covariate=np.ones(4_000)).correlation == 0.0
    # What explains everything is not believed.
    assert known(values=y, covariate=2 * y).correlation == 0.999


def test_days_with_units_that_return() -> None:
    assert days_for_units(62_462, 1_000) == 63
    assert days_for_units(1_000, 1_000.0) == 1
    assert days_for_units(1_001, 1_000.0) == 2
    assert days_for_units(0, 5.0) == 0
    unique = [1_000, 1_600, 2_000, 2_200, 2_300]
    assert days_for_units(2_000, unique) == 3
    assert days_for_units(2_001, unique) == 4
    assert days_for_units(1_001, unique, traffic_share=0.5) == 4
    assert code(days_for_units(2_301, unique)) == "beyond_traffic"
    assert days_for_units(10**6, np.cumsum(np.full(2_000, 1_000)).tolist()) == 1_000
    assert units_after(3, unique, traffic_share=0.5) == 1_000
    assert units_after(3, 100) == units_after(3, np.float64(100)) == 300
    assert days_for_units(10, np.int64(5)) == 2  # type: ignore[arg-type]
    assert code(units_after(6, unique)) == "beyond_traffic"


@given(st.integers(1, 10**6), st.lists(st.integers(1, 5_000), min_size=1, max_size=60), st.floats(0.01, 1))
def test_the_day_is_the_first_that_is_enough(total: int, new: list[int], share: float) -> None:
    unique = np.cumsum(new).tolist()
    day = days_for_units(total, unique, traffic_share=share)
    if isinstance(day, NoEstimate):
        assert unique[-1] * share < total
    else:
        assert unique[day - 1] * share >= total * (1 - 1e-9)
        assert day == 1 or unique[day - 2] * share < total


def test_the_table() -> None:
    design = Design(measured=ShareMeasure(baseline=0.05), weights=(2, 1, 1))
    rows = detectable_effects_table(design, 1_000, weeks=(1, 2, 4), powers=(0.8, 0.9))
    assert [(row.weeks, row.power) for row in rows] == [(1, 0.8), (1, 0.9), (2, 0.8), (2, 0.9), (4, 0.8), (4, 0.9)]
    first = rows[0]
    assert (first.units, first.smallest) == (7_000, 1_750)
    assert first.effect == minimum_effect(design, 1_750)
    assert isinstance(first.effect, float)
    assert first.relative == pytest.approx(first.effect)
    assert first.absolute == pytest.approx(0.05 * first.effect)
    assert first.value == pytest.approx(0.05 + 0.05 * first.effect)
    effects = [row.effect for row in rows]
    assert all(isinstance(item, float) for item in effects)
    assert effects[0] > effects[2] > effects[4]  # type: ignore[operator]
    assert effects[1] > effects[0]  # type: ignore[operator]
    # A week later than the traffic is known, or with hardly a unit, there is no effect to show.
    assert code(detectable_effects_table(design, [10] * 7, weeks=(2,))[0].effect) == "beyond_traffic"
    assert code(detectable_effects_table(design, totals=[4])[0].effect) == "too_few_units"
    again = detectable_effects_table(design, totals=[total_units(design, 1_750)], powers=(0.8,))[0]
    assert (again.weeks, again.effect) == (None, first.effect)
    zero = Design(measured=MeanMeasure(baseline=0, standard_deviation=1), scale="absolute")  # type: ignore[arg-type]
    assert code(detectable_effects_table(zero, totals=[100])[0].relative) == "zero_baseline"


def test_any_test_of_the_contract_can_be_simulated() -> None:
    def wider_median(treatment: Any, control: Any, *, alpha: float = 0.05, shift: float = 0.0) -> Outcome:
        difference = float(np.median(treatment) - np.median(control)) - shift
        log_p = float(np.log(min(1.0, 0.05 / max(abs(difference), 1e-9))))
        none = NoEstimate("none", "not computed")
        return Outcome("medians", difference, none, float(np.exp(log_p)), log_p, none, none, level=1 - alpha)

    found = simulate_power(
        wider_median, lambda rng, n: rng.normal(9, 1, n), lambda rng, n: rng.normal(0, 1, n), 50, replications=100
    )
    assert found.power == 1.0
    assert found.interval.lower == pytest.approx(0.005 ** (1 / 100))
    assert found.interval.upper == 1.0
    nothing = simulate_power(
        wider_median,
        lambda rng, n: rng.normal(9, 1, n),
        lambda rng, n: rng.normal(0, 1, n),
        50,
        replications=50,
        shift=9,
    )
    assert nothing.power < 0.2


def test_the_same_seed_gives_the_same_answer_and_refusals_are_counted() -> None:
    def shifted(rng: np.random.Generator, n: int) -> Any:
        return rng.normal(0.4, 1, n)

    def plain(rng: np.random.Generator, n: int) -> Any:
        return rng.normal(0, 1, n)

    one, same, other = (simulate_power(welch_t, shifted, plain, 50, replications=300, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one.found != other.found
    assert (one.n_treatment, one.n_control, one.refused) == (50, 50, 0)
    constant = simulate_power(welch_t, lambda rng, n: np.ones(n), lambda rng, n: np.ones(n), 50, replications=20)
    assert (constant.found, constant.refused) == (0, 20)
    assert simulate_power(welch_t, shifted, plain, 50, 200, replications=300, seed=1).n_control == 200


def test_the_simulated_size() -> None:
    found = simulate_sample_size(
        welch_t, lambda rng, n: rng.normal(1, 1, n), lambda rng, n: rng.normal(0, 1, n), seed=5, control_per_treatment=2
    )
    assert isinstance(found, SimulatedSize)
    assert found.n_control == 2 * found.n_treatment
    assert 11 <= found.n_treatment <= 15
    # One unit more or less is 4 points of power here.
    assert abs(found.power.power - 0.8) < 0.06
    assert [n for n, _ in found.tried] == sorted({n for n, _ in found.tried})
    never = simulate_sample_size(
        welch_t, lambda rng, n: rng.normal(0, 1, n), lambda rng, n: rng.normal(0, 1, n), most=800, replications=200
    )
    assert code(never) == "not_reached"
    sure = simulate_sample_size(
        welch_t, lambda rng, n: rng.normal(99, 1, n), lambda rng, n: rng.normal(0, 1, n), replications=200
    )
    assert isinstance(sure, SimulatedSize)
    assert sure.n_treatment <= 3


def test_units_drawn_from_history() -> None:
    rng = np.random.default_rng(0)
    draw = drawn_from([0.0, 10.0], relative_effect=0.1, absolute_effect=1.0)
    assert set(draw(rng, 200).tolist()) == {1.0, 12.0}
