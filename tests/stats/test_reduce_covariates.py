"""CUPED with any number of covariates, for means and ratios: what must not matter, and what must be refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.core import compare_arms, cuped_t
from assay.stats.outcome import Outcome
from assay.stats.reduction.compared import cuped_ratio_t
from assay.stats.reduction.cuped import Adjustment, adjusted_arm, adjustment, variance_reduction
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import Reduced, Reduction
from assay.stats.reduction.rows import unit_moments

KINDS = [MetricKind.MEAN, MetricKind.RATIO]
seeds = st.integers(0, 10_000)
moves = st.floats(-1e3, 1e3, allow_subnormal=False)
factors = st.floats(1e-3, 1e3)


def drawn(
    seed: int,
    k: int = 3,
    n: int = 60,
    *,
    scale: float = 1.0,
    value_scale: float = 1.0,
    move: float = 0.0,
    value_move: float = 0.0,
    noise: float = 1.0,
) -> dict[str, Moments]:
    """Two variants of values, denominators and k covariates that explain some of both."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, units in (("t", n), ("c", n + 7)):
        x = rng.standard_normal((k, units))
        d = 5 + x[0] + rng.standard_normal(units)
        y = 3 + x.sum(axis=0) + d + noise * rng.standard_normal(units)
        found[name] = unit_moments(
            value_scale * y + value_move, denominator=d, covariates=[scale * column + move for column in x]
        )
    return found


def judged(kind: MetricKind, arms: dict[str, Moments]) -> Outcome:
    if kind is MetricKind.RATIO:
        return cuped_ratio_t(arms["t"], arms["c"])
    found = reduced_arms(kind, arms)
    assert isinstance(found, Reduced)
    return compare_arms("cuped", found.arms["t"], found.arms["c"])


def number(value: object) -> float:
    assert isinstance(value, float), value
    return value


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, scale=factors, move=moves)
def test_the_covariates_unit_does_not_matter(kind: MetricKind, seed: int, scale: float, move: float) -> None:
    plain, other = judged(kind, drawn(seed)), judged(kind, drawn(seed, scale=scale, move=move))
    assert number(other.difference) == pytest.approx(number(plain.difference), rel=1e-6, abs=1e-9)
    assert number(other.p_value) == pytest.approx(number(plain.p_value), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, factor=factors)
def test_scaling_the_value_scales_the_difference(kind: MetricKind, seed: int, factor: float) -> None:
    plain, other = judged(kind, drawn(seed)), judged(kind, drawn(seed, value_scale=factor))
    assert number(other.difference) == pytest.approx(factor * number(plain.difference), rel=1e-8)
    assert number(other.p_value) == pytest.approx(number(plain.p_value), rel=1e-8)


@given(seed=seeds, move=moves)
def test_moving_the_value_leaves_the_difference(seed: int, move: float) -> None:
    plain, other = judged(MetricKind.MEAN, drawn(seed)), judged(MetricKind.MEAN, drawn(seed, value_move=move))
    assert number(other.difference) == pytest.approx(number(plain.difference), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds)
def test_swapping_variants_negates(kind: MetricKind, seed: int) -> None:
    arms = drawn(seed)
    one, other = judged(kind, arms), judged(kind, {"t": arms["c"], "c": arms["t"]})
    assert number(other.difference) == pytest.approx(-number(one.difference), rel=1e-9)
    assert number(other.p_value) == pytest.approx(number(one.p_value), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, alpha=st.floats(0.001, 0.4))
def test_p_and_interval_agree_and_intervals_nest(kind: MetricKind, seed: int, alpha: float) -> None:
    found = reduced_arms(kind, drawn(seed))
    assert isinstance(found, Reduced)
    wide, narrow = (compare_arms("x", found.arms["t"], found.arms["c"], alpha=a) for a in (alpha, alpha + 0.1))
    assert isinstance(wide.interval, Interval)
    assert isinstance(narrow.interval, Interval)
    assert wide.interval.lower < narrow.interval.lower < narrow.interval.upper < wide.interval.upper  # type: ignore[operator]
    outside = not wide.interval.lower <= 0 <= wide.interval.upper  # type: ignore[operator]
    assert outside is (number(wide.p_value) <= alpha) or abs(number(wide.p_value) - alpha) < 1e-9


def test_alternatives_nulls_and_warnings_of_ratios_are_passed_on() -> None:
    arms = drawn(12)
    up, down = (cuped_ratio_t(arms["t"], arms["c"], alternative=side) for side in ("greater", "less"))
    assert number(up.p_value) + number(down.p_value) == pytest.approx(1)
    moved = cuped_ratio_t(arms["t"], arms["c"], null=number(up.difference), alpha=0.1)
    assert moved.p_value == pytest.approx(1)
    assert moved.level == 0.9
    one = {name: item.only((VALUE, DENOMINATOR, COVARIATE)) for name, item in drawn(13, n=12).items()}
    assert "few units" in cuped_ratio_t(one["t"], one["c"]).warnings[0]


@given(seed=seeds)
def test_the_order_of_covariates_does_not_matter(seed: int) -> None:
    arms = drawn(seed)
    turned = {
        name: Moments(item.n, (VALUE, "covariate_3", COVARIATE, "covariate_2"), once.means, once.comoments)
        for name, item in arms.items()
        for once in [item.only((VALUE, "covariate_3", COVARIATE, "covariate_2"))]
    }
    plain, other = judged(MetricKind.MEAN, arms), judged(MetricKind.MEAN, turned)
    assert number(other.difference) == pytest.approx(number(plain.difference), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_means_of_a_hundred_million(kind: MetricKind) -> None:
    near, far = drawn(1), drawn(1, move=1e8)
    plain, other = judged(kind, near), judged(kind, far)
    assert number(other.difference) == pytest.approx(number(plain.difference), rel=1e-5)
    assert number(other.p_value) == pytest.approx(number(plain.p_value), rel=1e-5)
    lifted = judged(MetricKind.MEAN, drawn(1, move=1e8, value_move=1e8))
    assert number(lifted.difference) == pytest.approx(number(judged(MetricKind.MEAN, near).difference), rel=1e-5)


@given(seed=seeds)
def test_one_covariate_is_the_everyday_test(seed: int) -> None:
    arms = {name: item.only((VALUE, COVARIATE)) for name, item in drawn(seed).items()}
    everyday, here = cuped_t(arms["t"], arms["c"]), judged(MetricKind.MEAN, arms)
    assert number(here.difference) == pytest.approx(number(everyday.difference), rel=1e-10)
    assert number(here.p_value) == pytest.approx(number(everyday.p_value), rel=1e-8)


@given(seed=seeds)
def test_a_ratio_with_a_constant_denominator_is_a_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    means, ratios = {}, {}
    for name in ("t", "c"):
        y, x = rng.standard_normal(30), rng.standard_normal((2, 30))
        means[name] = unit_moments(y, covariates=list(x))
        ratios[name] = unit_moments(2 * y, denominator=np.full(30, 2.0), covariates=list(x))
    one, other = judged(MetricKind.MEAN, means), judged(MetricKind.RATIO, ratios)
    assert number(other.difference) == pytest.approx(number(one.difference), rel=1e-9)
    assert number(other.p_value) == pytest.approx(number(one.p_value), rel=1e-9)


def test_an_exact_ratio_before_explains_the_ratio() -> None:
    """Where numerator and denominator repeat those of the period before, hardly any variance is left."""
    rng = np.random.default_rng(4)
    arms = {}
    for name in ("t", "c"):
        d = 3.0 + rng.poisson(4, 2_000)
        y = d * rng.gamma(5, 0.2, 2_000)
        arms[name] = unit_moments(y, denominator=d, covariates=[y + 0.01 * rng.standard_normal(2_000), d])
    found = reduced_arms(MetricKind.RATIO, arms)
    assert isinstance(found, Reduced)
    reduction = found.reduction("t", "c")
    assert isinstance(reduction, Reduction)
    assert reduction.share_removed > 0.99
    assert abs(found.arms["t"].value - found.arms["c"].value) < abs(found.plain["t"].value - found.plain["c"].value)


def test_copies_and_constants_are_left_out_by_name() -> None:
    rng = np.random.default_rng(5)
    plain, more = {}, {}
    for name in ("t", "c"):
        x, z = rng.standard_normal((2, 50))
        y = x + z + rng.standard_normal(50)
        plain[name] = unit_moments(y, covariates=[x, z])
        more[name] = unit_moments(y, covariates=[x, 1e8 + 0 * x, z, x - 2 * z + 1e-7 * rng.standard_normal(50)])
    by = adjustment(more)
    assert isinstance(by, Adjustment)
    assert by.columns == ("covariate", "covariate_3")
    assert ["covariate_2" in by.warnings[0], "covariate_4" in by.warnings[1]] == [True, True]
    direct = adjustment(plain)
    assert isinstance(direct, Adjustment)
    assert by.thetas == pytest.approx(direct.thetas, rel=1e-9)
    assert by.factor == direct.factor
    assert adjusted_arm(more["t"], by).unit_variance == pytest.approx(adjusted_arm(plain["t"], direct).unit_variance)


def test_a_covariate_of_nearly_its_own_is_kept() -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal(400)
    hidden = rng.standard_normal(400)
    arms = {
        name: unit_moments(hidden[half], covariates=[x[half], x[half] + 0.01 * hidden[half]])
        for name, half in (("t", slice(0, 200)), ("c", slice(200, 400)))
    }
    by = adjustment(arms)
    assert isinstance(by, Adjustment)
    assert by.thetas == pytest.approx((-100, 100), rel=1e-6)
    assert adjusted_arm(arms["t"], by).unit_variance < 1e-8


def test_one_coefficient_and_mean_for_all_variants() -> None:
    arms = {**drawn(7), "other": drawn(8)["t"]}
    by = adjustment(arms)
    assert isinstance(by, Adjustment)
    n = {name: item.n for name, item in arms.items()}
    middle = sum(n[name] * item.mean(COVARIATE) for name, item in arms.items()) / sum(n.values())
    assert by.covariate_mean == pytest.approx(middle)
    raw = sum(n[name] * item.mean() for name, item in arms.items())
    assert sum(n[name] * adjusted_arm(item, by).value for name, item in arms.items()) == pytest.approx(raw)


def test_residual_variance_counts_the_covariates() -> None:
    by = adjustment(drawn(9, k=3, n=10))
    assert isinstance(by, Adjustment)
    f = 10 + 17 - 2
    assert by.factor == pytest.approx(f / (f - 3) * (f - 1) / (f - 4))
    one = adjustment(drawn(9, k=1, n=10))
    assert isinstance(one, Adjustment)
    assert one.factor == 1
    assert "few units" in one.warnings[0]
    many = adjustment(drawn(9, k=1, n=40))
    assert isinstance(many, Adjustment)
    assert many.warnings == ()


def test_worthless_covariates_cost_a_little() -> None:
    rng = np.random.default_rng(10)
    arms = {name: unit_moments(rng.standard_normal(30), covariates=list(rng.standard_normal((6, 30)))) for name in "tc"}
    found = reduced_arms(MetricKind.MEAN, arms)
    assert isinstance(found, Reduced)
    by = adjustment(arms)
    assert isinstance(by, Adjustment)
    reduction = found.reduction("t", "c")
    assert isinstance(reduction, Reduction)
    assert reduction.share_removed == pytest.approx(variance_reduction(arms["t"], arms["c"], by))
    assert -0.3 < reduction.share_removed < 0.1


EMPTY = Moments.zeros(0, (VALUE, DENOMINATOR, COVARIATE))
FLAT = Moments.zeros(5, (VALUE, DENOMINATOR, COVARIATE))


@pytest.mark.parametrize(
    ("kind", "arms", "code"),
    [
        (MetricKind.MEAN, {}, "empty_arm"),
        (MetricKind.MEAN, {"t": EMPTY, "c": EMPTY}, "empty_arm"),
        (MetricKind.MEAN, {"t": FLAT, "c": FLAT}, "constant_covariate"),
        (MetricKind.RATIO, {"t": FLAT, "c": FLAT}, "zero_denominator"),
        (MetricKind.MEAN, {"t": unit_moments([1, 2, 3]), "c": unit_moments([1, 5])}, "no_covariate"),
        (MetricKind.MEAN, drawn(1, k=8, n=2), "too_few_units_for_covariates"),
    ],
)
def test_what_cannot_be_adjusted_says_why(kind: MetricKind, arms: dict[str, Moments], code: str) -> None:
    found = reduced_arms(kind, arms)
    assert isinstance(found, NoEstimate)
    assert found.no_estimate == code


def test_ratio_refusals() -> None:
    good = drawn(2)["t"]
    for bad, code in (
        (EMPTY, "empty_arm"),
        (FLAT, "zero_denominator"),
        (Moments(3, good.columns, (math.nan,) * 5, (1.0,) * 15), "bad_moments"),
    ):
        outcome = cuped_ratio_t(good, bad)
        assert isinstance(outcome.p_value, NoEstimate)
        assert outcome.p_value.no_estimate == code
    one = unit_moments([1.0], denominator=[2.0], covariates=[[1.0], [2.0], [1.5]])
    alone = cuped_ratio_t(good, one)
    assert isinstance(alone.p_value, NoEstimate)
    assert alone.p_value.no_estimate == "one_unit"
    assert isinstance(cuped_ratio_t(good, one, alternative="less").p_value, NoEstimate)


def test_variants_without_units_take_no_part() -> None:
    arms = drawn(3)
    with_empty = {**arms, "new": Moments.zeros(0, (VALUE,))}
    assert adjustment(with_empty) == adjustment(arms)
    found = reduced_arms(MetricKind.MEAN, with_empty)
    assert isinstance(found, Reduced)
    assert set(found.arms) == {"t", "c"}
    assert isinstance(found.reduction("t", "new"), NoEstimate)


def test_different_covariates_are_refused() -> None:
    arms = {"t": unit_moments([1, 2, 4], covariates=[[1, 2, 3]]), "c": unit_moments([1, 2, 4])}
    with pytest.raises(InvalidInput, match="moments"):
        adjustment(arms)
    with pytest.raises(InvalidInput, match="covariate_2"):
        unit_moments([1, 2], covariates=[[1, 2], [1, 2, 3]])
    with pytest.raises(InvalidInput, match="denominator"):
        unit_moments([1, 2], denominator=[1, math.nan])


def test_constant_values_have_no_reduction() -> None:
    x = np.arange(10.0)
    arms = {name: unit_moments(np.full(10, 3.0), covariates=[x + i]) for i, name in enumerate("tc")}
    found = reduced_arms(MetricKind.MEAN, arms)
    assert isinstance(found, Reduced)
    assert isinstance(found.reduction("t", "c"), NoEstimate)
    assert (found.arms["t"].value, found.arms["t"].variance) == (3.0, 0.0)
