"""Post-stratification: what must not matter, small strata, and what cannot be computed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import arm_of
from assay.stats.fixed.core import compare_arms
from assay.stats.reduction.compared import post_stratified_t
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import Reduced, Reduction
from assay.stats.reduction.rows import moments_by_stratum, unit_moments
from assay.stats.reduction.strata import merged, post_stratified, post_stratified_variance

KINDS = [MetricKind.MEAN, MetricKind.RATIO]
seeds = st.integers(0, 10_000)
Strata = dict[str, dict[str, Moments]]


def by_stratum(arms: Mapping[str, Mapping[str, Moments]]) -> Strata:
    keys = sorted({key for one in arms.values() for key in one})
    return {key: {name: one[key] for name, one in arms.items() if key in one} for key in keys}


def drawn(
    seed: int, n: int = 200, strata: int = 4, *, covariates: int = 0, scale: float = 1.0, move: float = 0.0
) -> dict[str, dict[str, Moments]]:
    rng = np.random.default_rng(seed)
    found = {}
    for name in ("t", "c"):
        s = rng.integers(0, strata, n)
        x = rng.standard_normal((covariates, n))
        d = 4.0 + s + rng.random(n)
        y = 3.0 * s + d + x.sum(axis=0) + rng.standard_normal(n)
        found[name] = moments_by_stratum(s, scale * y + move, denominator=d, covariates=list(x))
    return found


def reduced(strata: Strata, kind: MetricKind = MetricKind.MEAN, min_units: int = 2) -> Reduced:
    found = post_stratified(strata, kind=kind, min_units=min_units)
    assert isinstance(found, Reduced), found
    return found


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds)
def test_the_order_and_names_of_strata_do_not_matter(kind: MetricKind, seed: int) -> None:
    strata = by_stratum(drawn(seed))
    turned = {f"x{9 - int(key)}": by for key, by in reversed(strata.items())}
    one, other = reduced(strata, kind), reduced(turned, kind)
    for name in ("t", "c"):
        assert other.arms[name].value == pytest.approx(one.arms[name].value, rel=1e-12)
        assert other.arms[name].unit_variance == pytest.approx(one.arms[name].unit_variance, rel=1e-9)


@given(seed=seeds, scale=st.floats(1e-3, 1e3), move=st.floats(-1e4, 1e4))
def test_values_scale_and_move_as_means_do(seed: int, scale: float, move: float) -> None:
    one, other = reduced(by_stratum(drawn(seed))), reduced(by_stratum(drawn(seed, scale=scale, move=move)))
    for name in ("t", "c"):
        assert other.arms[name].value == pytest.approx(scale * one.arms[name].value + move, rel=1e-9, abs=1e-7)
        assert other.arms[name].unit_variance == pytest.approx(scale**2 * one.arms[name].unit_variance, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds)
def test_strata_that_differ_take_their_variance_with_them(kind: MetricKind, seed: int) -> None:
    found = reduced(by_stratum(drawn(seed)), kind)
    reduction = found.reduction("t", "c")
    assert isinstance(reduction, Reduction)
    assert reduction.share_removed > 0.5
    assert found.name == "stratified"
    assert found.strata == 4


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, alpha=st.floats(0.001, 0.4))
def test_the_test_swaps_and_agrees_with_its_interval(kind: MetricKind, seed: int, alpha: float) -> None:
    arms = drawn(seed)
    if kind is MetricKind.MEAN:
        arms = {name: {key: item.only((VALUE,)) for key, item in one.items()} for name, one in arms.items()}
    found = post_stratified_t(arms["t"], arms["c"], alpha=alpha)
    other = post_stratified_t(arms["c"], arms["t"], alpha=alpha)
    assert isinstance(found.difference, float)
    assert isinstance(found.p_value, float)
    assert other.difference == pytest.approx(-found.difference, rel=1e-9)
    assert other.p_value == pytest.approx(found.p_value, rel=1e-9)
    assert isinstance(found.interval, Interval)
    outside = not found.interval.lower <= 0 <= found.interval.upper  # type: ignore[operator]
    assert outside is (found.p_value <= alpha) or abs(found.p_value - alpha) < 1e-9


def test_alternatives_and_margins_are_passed_on() -> None:
    arms = drawn(3)
    up = post_stratified_t(arms["t"], arms["c"], alternative="greater")
    down = post_stratified_t(arms["t"], arms["c"], alternative="less")
    assert up.p_value + down.p_value == pytest.approx(1)  # type: ignore[operator]
    assert isinstance(up.difference, float)
    moved = post_stratified_t(arms["t"], arms["c"], null=up.difference)
    assert moved.p_value == pytest.approx(1)


def test_equal_splits_leave_the_means() -> None:
    """Where every stratum is split alike, weights change nothing but the variance."""
    rng = np.random.default_rng(5)
    s = np.repeat([0, 1, 2], 50)
    arms = {name: moments_by_stratum(s, s + rng.standard_normal(150)) for name in "tc"}
    found = reduced(by_stratum(arms))
    for name in "tc":
        assert found.arms[name].value == pytest.approx(found.plain[name].value, rel=1e-12)
        assert found.arms[name].unit_variance < found.plain[name].unit_variance


def test_an_uneven_split_is_put_right() -> None:
    """No variant does anything; one has most of the large customers."""
    arms = {
        "t": {"big": unit_moments([100.0, 101, 99, 100] * 20), "small": unit_moments([1.0, 2, 0, 1] * 5)},
        "c": {"big": unit_moments([100.0, 101, 99, 100] * 5), "small": unit_moments([1.0, 2, 0, 1] * 20)},
    }
    found = reduced(by_stratum(arms))
    assert found.arms["t"].value == pytest.approx(found.arms["c"].value)
    assert found.plain["t"].value > 2 * found.plain["c"].value


def test_strata_that_respond_alike_add_no_variance_and_others_do() -> None:
    calm = np.array([-1.0, 1.0] * 20)
    alike = {"t": {"a": unit_moments(calm + 5), "b": unit_moments(calm + 15)}}
    alike["c"] = {"a": unit_moments(calm), "b": unit_moments(calm + 10)}
    apart = {**alike, "t": {"a": unit_moments(calm + 10), "b": unit_moments(calm + 10)}}
    one, other = reduced(by_stratum(alike)), reduced(by_stratum(apart))
    within = float(calm.var(ddof=1)) / 80
    assert one.arms["t"].variance == pytest.approx(within)
    assert one.arms["c"].variance == pytest.approx(within)
    # effects of 10 and 0: their variance 25 over all 160 units, less what noise makes of it
    both = other.arms["t"].variance + other.arms["c"].variance - 2 * within
    assert both == pytest.approx((25 - 2 * float(calm.var(ddof=1)) / 40) / 160)


def test_large_means_keep_their_digits() -> None:
    near, far = reduced(by_stratum(drawn(6))), reduced(by_stratum(drawn(6, move=1e8)))
    difference = near.arms["t"].value - near.arms["c"].value
    assert far.arms["t"].value - far.arms["c"].value == pytest.approx(difference, abs=1e-6)
    assert far.arms["t"].unit_variance == pytest.approx(near.arms["t"].unit_variance, rel=1e-5)


def test_small_strata_join_their_neighbours_by_size_alone() -> None:
    def cell(n: int) -> Moments:
        return Moments.of_counts(n // 2, n)

    strata = {"a": {"t": cell(50), "c": cell(50)}, "d": {"t": cell(40), "c": cell(45)}}
    strata |= {key: {"t": cell(6), "c": cell(6)} for key in ("b", "c", "e")}
    groups, notes = merged(strata, 10)
    assert sorted(group["t"].n for group in groups) == [18, 40, 50]
    assert "b, c, e" in notes[0]
    # uneven cells of a large stratum are left as they are
    lopsided = {"a": {"t": cell(3), "c": cell(97)}, "b": {"t": cell(97), "c": cell(3)}}
    assert len(merged(lopsided, 10)[0]) == 2
    assert merged(lopsided, 10)[1] == []
    beside = {
        "a": {"t": cell(3), "c": cell(3)},
        "b": {"t": cell(3), "c": cell(97)},
        "c": {"t": cell(49), "c": cell(49)},
    }
    assert [group["c"].n for group in merged(beside, 10)[0]] == [97, 52]


def test_a_stratum_without_a_variant_joins_another() -> None:
    full = {"t": Moments.of_counts(5, 50), "c": Moments.of_counts(6, 50)}
    strata = {"a": full, "b": full, "only_t": {"t": Moments.of_counts(20, 40)}, "nobody": {}}
    found = reduced(strata)
    assert found.strata == 2
    assert "only_t" in found.warnings[0]
    one = {**strata, "only_t": {"t": Moments.of_counts(20, 40), "c": Moments.of_counts(1, 1)}}
    assert reduced(one).strata == 2


def test_small_cells_are_warned_of() -> None:
    strata = {key: {"t": Moments.of_counts(2, 4), "c": Moments.of_counts(3, 40)} for key in "ab"}
    assert any("fewer than 5" in note for note in reduced(strata).warnings)
    larger = {key: {"t": Moments.of_counts(2, 5), "c": Moments.of_counts(3, 40)} for key in "ab"}
    assert reduced(larger).warnings == ()


def test_no_unit_is_lost_by_merging() -> None:
    arms = drawn(8, n=100, strata=40)
    found = reduced(by_stratum(arms), min_units=10)
    assert found.arms["t"].n == found.arms["c"].n == 100
    assert 2 <= found.strata < 10
    assert "merged" in found.warnings[0]


TWO = Moments.of((VALUE,), [(1.0,), (2.0,)])
MANY = unit_moments(np.arange(40.0))
NONE = Moments.zeros(0, (VALUE,))
FULL = Moments.zeros(3, (VALUE, DENOMINATOR))


@pytest.mark.parametrize(
    ("strata", "code"),
    [
        ({}, "empty_arm"),
        ({"a": {"t": NONE, "c": NONE}}, "empty_arm"),
        ({"a": {"t": MANY, "c": MANY}}, "one_stratum"),
        ({"a": {"t": MANY, "c": MANY}, "b": {}}, "one_stratum"),
        ({"a": {"t": TWO, "c": TWO}, "b": {"t": TWO, "c": TWO}}, "strata_too_small"),
        ({"a": {"t": MANY}, "b": {"c": MANY}}, "strata_too_small"),
        ({"a": {"t": Moments.of_counts(1, 1)}, "b": {"c": Moments.of_counts(1, 1)}}, "one_unit"),
        ({"a": {"t": Moments(3, (VALUE,), (1.0,), (-5.0,)), "c": MANY}, "b": {"t": MANY, "c": MANY}}, "bad_moments"),
    ],
)
def test_what_cannot_be_stratified_says_why(strata: Strata, code: str) -> None:
    found = post_stratified(strata)
    assert isinstance(found, NoEstimate)
    assert found.no_estimate == code
    outcome = post_stratified_t(*({key: by[name] for key, by in strata.items() if name in by} for name in ("t", "c")))
    assert isinstance(outcome.p_value, NoEstimate)


def test_variants_without_an_estimate_are_left_out() -> None:
    strata: Strata = {key: {"t": MANY, "c": MANY, "new": NONE} for key in "ab"}
    strata["a"]["single"] = Moments.of_counts(1, 1)
    assert set(reduced(strata).arms) == {"t", "c"}
    outcome = post_stratified_t({"a": MANY, "b": MANY}, {"a": Moments.of_counts(1, 1)})
    assert isinstance(outcome.p_value, NoEstimate)
    assert outcome.p_value.no_estimate == "one_unit"
    nobody = post_stratified_t({"a": MANY, "b": MANY}, {})
    assert isinstance(nobody.p_value, NoEstimate)
    assert nobody.p_value.no_estimate == "empty_arm"


def test_no_variance_within_strata_is_said_not_divided_by() -> None:
    arms = {name: moments_by_stratum(["a"] * 20 + ["b"] * 20, [1.0] * 20 + [5.0] * 20) for name in "tc"}
    outcome = post_stratified_t(arms["t"], arms["c"])
    assert isinstance(outcome.p_value, NoEstimate)
    assert outcome.p_value.no_estimate == "zero_variance"
    everyone = {key: {"t": Moments.of_counts(30, 30), "c": Moments.of_counts(30, 30)} for key in "ab"}
    assert reduced(everyone).arms["t"].unit_variance == 0


def test_a_ratio_without_a_denominator_is_refused_in_words() -> None:
    zero = Moments(40, (VALUE, DENOMINATOR), (1.0, 0.0), (4.0, 0.0, 0.0))
    found = post_stratified({"a": {"t": zero, "c": zero}, "b": {"t": zero, "c": zero}}, kind=MetricKind.RATIO)
    assert isinstance(found, NoEstimate)


def test_covariates_work_within_strata() -> None:
    arms = drawn(9, covariates=2)
    only = {name: {key: item.only((VALUE, DENOMINATOR)) for key, item in one.items()} for name, one in arms.items()}
    both, strata = reduced(by_stratum(arms)), reduced(by_stratum(only))
    assert both.covariates == ("covariate", "covariate_2")
    assert both.arms["t"].unit_variance < 0.7 * strata.arms["t"].unit_variance
    constant = {
        name: {key: unit_moments(np.arange(20.0), covariates=[np.ones(20)]) for key in "ab"} for name in ("t", "c")
    }
    found = reduced(by_stratum(constant))
    assert found.covariates == ()
    assert "Covariates were not used" in found.warnings[0]


def test_reduced_arms_takes_strata_first_and_covariates_else() -> None:
    arms = drawn(10, covariates=1)
    totals = {name: unit_moments([1, 2, 4, 8], covariates=[[1, 2, 3, 5]]) for name in arms}
    found = reduced_arms(MetricKind.MEAN, totals, by_stratum(arms))
    assert isinstance(found, Reduced)
    assert found.name == "stratified"
    ratio = reduced_arms(MetricKind.RATIO, totals, by_stratum(arms))
    assert isinstance(ratio, Reduced)
    assert ratio.arms == reduced(by_stratum(arms), MetricKind.RATIO, 10).arms
    assert ratio.arms != found.arms
    alone = reduced_arms(MetricKind.MEAN, totals, {"all": totals})
    assert isinstance(alone, Reduced)
    assert alone.name == "cuped"
    assert "strata were not used" in alone.warnings[0]
    without = reduced_arms(MetricKind.MEAN, totals, {})
    assert isinstance(without, Reduced)
    assert not any("strata" in note for note in without.warnings)
    plain = {name: item.only((VALUE,)) for name, item in totals.items()}
    nothing = reduced_arms(MetricKind.MEAN, plain, {"all": plain})
    assert isinstance(nothing, NoEstimate)
    assert nothing.no_estimate == "one_stratum"


def test_one_stratum_per_unit_moments_are_the_units() -> None:
    rng = np.random.default_rng(11)
    labels = rng.choice(["x", "y", "zz"], 300)
    y, d = rng.standard_normal(300), rng.random(300)
    found = moments_by_stratum(labels, y, denominator=d)
    for key in ("x", "y", "zz"):
        direct = unit_moments(y[labels == key], denominator=d[labels == key])
        assert found[key].means == pytest.approx(direct.means)
        assert found[key].comoments == pytest.approx(direct.comoments)
    whole = found["x"].merge(found["y"]).merge(found["zz"])
    assert arm_of(MetricKind.RATIO, whole).value == pytest.approx(y.mean() / d.mean())  # type: ignore[union-attr]


def test_compared_arms_work_downstream() -> None:
    found = reduced(by_stratum(drawn(12)))
    outcome = compare_arms("x", found.arms["t"], found.arms["c"])
    assert isinstance(outcome.relative_interval, Interval)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: post_stratified({}, min_units=1), "min_units"),
        (lambda: post_stratified({"a": {"t": MANY, "c": FULL}}), "strata"),
        (lambda: moments_by_stratum(["a"], [1.0, 2.0]), "strata"),
        (lambda: post_stratified_t({}, {}, alpha=0), "alpha"),
        (lambda: post_stratified_t({}, {}, alternative="up"), "alternative"),
        (lambda: post_stratified_variance([0.5, 0.6], [1, 1], 10), "weights"),
        (lambda: post_stratified_variance([0.5, 0.5], [1, -1], 10), "variances"),
        (lambda: post_stratified_variance([0.5, 0.5], [1, 1], 0), "n"),
    ],
)
def test_wrong_arguments_are_named(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()  # type: ignore[operator]
    assert caught.value.field == field
