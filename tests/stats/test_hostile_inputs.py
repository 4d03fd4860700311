"""What is no number, or too large for one, is refused by name; what only overflows on the way is no estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from assay import stats
from assay.errors import InvalidInput
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.model.valuecounts import ValueCounts

UNITS = (1.0, 2.0, 4.0, 4.5, 7.0)
OTHERS = (2.0, 3.0, 4.0, 6.5, 7.5)
RATIOS = Moments(9, (VALUE, DENOMINATOR), (1.0, 2.0), (4.0, 1.0, 4.0))
BY_COVARIATE = Moments(9, (VALUE, "covariate"), (1.0, 2.0), (4.0, 1.0, 4.0))
NO_NUMBERS = (None, "x", "0.05", [0.05], np.array([0.05, 0.1]), 1j, 10**400)
Call = Callable[..., Any]

OF_SHARES: tuple[Call, ...] = (
    stats.two_proportion_z,
    stats.fisher_exact,
    stats.barnard_exact,
    stats.miettinen_nurminen,
    stats.miettinen_nurminen_ratio,
    stats.newcombe,
    stats.two_share_sequence,
    stats.proportion_sequence,
    stats.cohens_h,
    stats.odds_ratio,
)
OF_UNITS: tuple[Call, ...] = (
    stats.welch_t,
    stats.student_t,
    stats.mean_sequence,
    stats.log_ratio_sequence,
    stats.mann_whitney,
    stats.brunner_munzel,
    stats.hodges_lehmann,
    stats.quantile_difference,
    stats.two_quantile_sequence,
    stats.cohens_d,
    stats.poisson_bootstrap,
)
WITH_NULL: tuple[tuple[Call, Any], ...] = (
    (stats.two_proportion_z, (5, 20)),
    (stats.miettinen_nurminen, (5, 20)),
    (stats.miettinen_nurminen_ratio, (5, 20)),
    (stats.two_share_sequence, (5, 20)),
    (stats.welch_t, UNITS),
    (stats.student_t, UNITS),
    (stats.ratio_t, RATIOS),
    (stats.cuped_t, BY_COVARIATE),
    (stats.mean_sequence, UNITS),
    (stats.log_ratio_sequence, UNITS),
    (stats.brunner_munzel, UNITS),
    (stats.hodges_lehmann, UNITS),
    (stats.quantile_difference, UNITS),
    (stats.two_quantile_sequence, UNITS),
    (stats.poisson_bootstrap, UNITS),
)


def refused(field: str, call: Call, *given: Any, **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        call(*given, **options)
    assert caught.value.field == field
    return caught.value


@pytest.mark.parametrize("alpha", [*NO_NUMBERS, math.nan, 0, 1, -0.1, True])
def test_an_alpha_that_is_none(alpha: Any) -> None:
    for call in OF_SHARES:
        refused("alpha", call, (5, 20), (9, 25), alpha=alpha)
    for call in OF_UNITS:
        refused("alpha", call, UNITS, OTHERS, alpha=alpha)


@pytest.mark.parametrize("null", [*NO_NUMBERS, math.nan, math.inf, -math.inf, True])
@pytest.mark.parametrize(("call", "arm"), WITH_NULL)
def test_a_null_that_is_no_difference(call: Call, arm: Any, null: Any) -> None:
    refused("null", call, arm, arm, null=null)


@pytest.mark.parametrize(
    "units",
    [
        ["1", "2", "3"],
        [1.0, "2", 3.0],
        np.array([1, "2", 3], dtype=object),
        [1 + 2j, 2.0, 3.0],
        np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
        [date(2026, 1, 1), date(2026, 1, 2)],
        np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
        [10**400, 1, 2],
        {"a": 1.0},
        {1.0, 2.0},
        None,
    ],
)
def test_units_that_are_no_numbers(units: Any) -> None:
    for call in OF_UNITS:
        refused("treatment", call, units, OTHERS)
        refused("control", call, OTHERS, units)


@pytest.mark.parametrize(
    "units", [[True, False, True], np.array([1, 2.5, 3], dtype=object), np.arange(5, dtype=np.uint8), range(6)]
)
def test_whatever_holds_numbers_is_read(units: Any) -> None:
    assert isinstance(stats.welch_t(units, OTHERS).p_value, float)


@pytest.mark.parametrize("size", [1e200, 1e300, 1e308])
def test_squares_that_overflow_are_no_estimate(size: float) -> None:
    for call in (stats.welch_t, stats.student_t, stats.mean_sequence, stats.log_ratio_sequence):
        found = call([size, -size, size, size / 2], OTHERS)
        assert isinstance(found.p_value, NoEstimate)
        assert found.p_value.no_estimate == "bad_moments"


@pytest.mark.parametrize("share", [(1, 10**18), (10**18, 10**18), (10**400, 10**401), (5 * 10**17, 10**18)])
def test_more_units_than_a_float_can_count(share: tuple[int, int]) -> None:
    for call in (*OF_SHARES, stats.risk_ratio, stats.conditional_odds_ratio):
        assert "9,007,199,254,740,992" in str(refused("treatment", call, share, (9, 25)))
        refused("control", call, (9, 25), share)
    for call in (stats.wilson, stats.clopper_pearson):
        refused("units", call, share)


@pytest.mark.parametrize("n", [math.nan, 10**18, 10**400])
def test_moments_of_too_many_units(n: Any) -> None:
    found = stats.welch_t(Moments(n, (VALUE,), (1.0,), (1.0,)), UNITS)
    assert isinstance(found.p_value, NoEstimate)
    assert found.p_value.no_estimate == "bad_moments"


@pytest.mark.parametrize("call", [stats.ratio_t, stats.ratio_sequence, stats.cuped_t, stats.cuped_ratio_t])
def test_what_needs_moments_says_so(call: Call) -> None:
    good = Moments(9, (VALUE, DENOMINATOR, "covariate"), (1.0, 2.0, 1.0), (4.0, 1.0, 1.0, 4.0, 1.0, 4.0))
    for given in (None, 5, [1.0, 2.0]):
        refused("treatment", call, given, good)
        refused("control", call, good, given)


@pytest.mark.parametrize("call", [stats.ratio_t, stats.ratio_sequence])
def test_a_ratio_without_the_column_of_its_denominator(call: Call) -> None:
    mean = Moments(9, (VALUE,), (1.0,), (4.0,))
    assert "denominator" in str(refused("columns", call, mean, mean))


@pytest.mark.parametrize(
    "counts",
    [
        ValueCounts(("a", "b"), (1, 2)),  # type: ignore[arg-type]
        ValueCounts((1.0, 2.0), ("a", 2)),  # type: ignore[arg-type]
        ValueCounts((1.0, math.nan), (1, 2)),
        ValueCounts((1.0, 10**400), (1, 2)),
    ],
)
def test_value_counts_that_are_no_numbers(counts: ValueCounts) -> None:
    for call in (stats.mann_whitney, stats.quantile_difference, stats.two_quantile_sequence):
        refused("treatment", call, counts, UNITS)


def test_values_further_apart_than_a_float_can_say_are_still_in_order() -> None:
    found = stats.mann_whitney([-1e308, 1e308, -1e308], UNITS)
    assert isinstance(found.p_value, float)


@pytest.mark.parametrize("alpha", [0.5, 0.7, 0.999])
def test_equivalence_has_no_interval_of_a_level_below_0(alpha: float) -> None:
    refused("alpha", stats.share_margin_test, (50, 200), (45, 190), hypothesis="equivalence", margin=0.1, alpha=alpha)


@pytest.mark.parametrize("replications", [None, "x", math.nan, math.inf, 1e300, 200.5, 10**18])
def test_replications_that_cannot_be_run(replications: Any) -> None:
    refused("replications", stats.poisson_bootstrap, UNITS, OTHERS, replications=replications)


def test_degrees_of_freedom_below_1_end_no_process() -> None:
    for freedom in (0, -1.0, 1e-12, math.nan, None, "x"):
        refused("degrees_of_freedom", stats.dunnett_p, [1.0], [100], 100, freedom)
        refused("degrees_of_freedom", stats.dunnett_critical, 0.05, [100], 100, freedom)
        refused("degrees_of_freedom", stats.false_positive_risk_at, 0.04, 0.1, degrees_of_freedom=freedom)
        refused("degrees_of_freedom", stats.metric_tests, "success", 0.3, 0.1, degrees_of_freedom=freedom)


@pytest.mark.parametrize("wrong", [math.nan, -0.1, -math.inf, 1.1, None, "x", 1j])
def test_p_values_that_are_none(wrong: Any) -> None:
    for method in ("holm", "hochberg", "bonferroni", "benjamini_hochberg", "none"):
        refused("p_values", stats.adjust, [0.01, wrong, 0.5], method)


def test_corrections_of_no_family() -> None:
    refused("p_values", stats.adjust, None, "holm")
    refused("family_size", stats.interval_alpha, 0.05, math.nan, "holm")
    refused("alpha", stats.interval_alpha, math.nan, 3, "holm")


def test_evidence_of_what_cannot_be_measured() -> None:
    for call in (stats.log_e_value, stats.anytime_p):
        for statistic in (math.nan, None, "x"):
            refused("statistic", call, statistic, 3.0)
        for m in (math.nan, math.inf, -1.0, -0.5, None):
            refused("m", call, 2.0, m)
        for freedom in (0, -1, -10, math.nan, None):
            refused("degrees_of_freedom", call, 2.0, 3.0, freedom)
    for m in (0, math.nan, math.inf, -2, "x"):
        refused("m", stats.squared_radius, m, 0.05)
    refused("alpha", stats.squared_radius, 3.0, math.nan)
    refused("n_comparisons", stats.equivalent_alpha, 0.05, math.nan)
    assert stats.log_e_value(1e200, 3.0) > 1e200


def test_a_logarithm_of_p_is_finite_however_far_out() -> None:
    found = stats.msprt(UNITS, OTHERS, tau=1.0, null=1e300)
    assert isinstance(found.log_p, float)
    assert math.isfinite(found.log_p)
    assert stats.wilson((5, 20), null=1e-310).log_p == pytest.approx(-1.797693e308, rel=1e-6)


@pytest.mark.parametrize(("t", "c"), [(1e-300, 3.0), (1e-150, 3.0), (3.0, 1e59), (1e59, 3.0), (1e-55, 1e55)])
def test_lifts_of_means_far_apart(t: float, c: float) -> None:
    found = stats.log_ratio_sequence(*(Moments(9, (VALUE,), (mean,), (8 * (mean / 2) ** 2,)) for mean in (t, c)))
    if isinstance(found.difference, NoEstimate):
        assert found.difference.no_estimate == "bad_moments"
    else:
        assert found.difference == pytest.approx(math.log(t) - math.log(c), rel=1e-12)


def test_a_ratio_beyond_what_can_be_squared() -> None:
    far = Moments(9, (VALUE, DENOMINATOR), (1e59, 1e-59), (4.0, 1.0, 4.0))
    found = stats.ratio_t(far, RATIOS)
    assert isinstance(found.p_value, NoEstimate)
    assert found.p_value.no_estimate == "bad_moments"


@pytest.mark.parametrize("numbers", [float, np.float64])
def test_words_of_an_effect_from_numpy_numbers(numbers: Any) -> None:
    t, c = (Moments(9, (VALUE,), (numbers(mean),), (numbers(4.0),)) for mean in (10.0, 10.3))
    assert stats.cohens_d(t, c).words == "small"


def test_alphas_too_small_for_any_quantile() -> None:
    for call in (stats.two_share_sequence, stats.two_proportion_z):
        assert "1e-100" in str(refused("alpha", call, (5, 20), (9, 25), alpha=1e-320))
    assert isinstance(stats.two_share_sequence((50, 200), (9, 250), alpha=1e-12).p_value, float)


def test_plans_of_no_numbers() -> None:
    for wrong in (None, "x", math.nan, math.inf):
        refused("total", stats.days_for_units, wrong, 100.0)
        refused("days", stats.units_after, wrong, 100.0)
        refused("traffic", stats.units_after, 10, wrong)
        refused("relative_effect", stats.drawn_from, UNITS, relative_effect=wrong)
    refused("traffic", stats.units_after, 10, ["x"])
    beyond = stats.days_for_units(1000, 1e-50)
    assert isinstance(beyond, NoEstimate)
    assert beyond.no_estimate == "beyond_traffic"


def test_known_deviations_beside_which_nothing_can_be_compared() -> None:
    refused("tau", stats.msprt, UNITS, OTHERS, tau=1.0, standard_deviation=1e-300)
    refused("tau", stats.msprt, UNITS, OTHERS, tau=1e300)
    sprt = {"hypothesis": 0.0, "alternative": 1.0}
    refused("alternative", stats.sprt_means, UNITS, **sprt, standard_deviation=1e-300)
    refused("alternative", stats.sprt_means, UNITS, **sprt, standard_deviation=1e300)


def test_a_prior_of_the_drift() -> None:
    design = stats.group_design(3)
    looks = [stats.Look(information=0.4, z=1.0)]
    for wrong in ("x", 0, 1e-300, math.nan, [1.0]):
        refused("prior_sd", stats.conditional_power, design, looks, prior_sd=wrong)
    assert stats.conditional_power(design, looks, prior_sd=np.int64(3)) == stats.conditional_power(
        design, looks, prior_sd=3.0
    )


def columns_of(item: Moments) -> stats.Columns:
    return stats.Columns(item.n, item.means[0], item.means[1], *item.comoments)


SECOND = [
    Moments(9, (VALUE, "second"), means, comoments)
    for means, comoments in (
        ((1.0, 2.0), (4.0, 9.0, 4.0)),
        ((1.0, 2.0), (4.0, math.nan, 4.0)),
        ((1.0, math.inf), (4.0, 1.0, 4.0)),
        ((1e59, 1e-59), (4.0, 1.0, 4.0)),
        ((1.0, 1e-61), (4.0, 1.0, 4.0)),
        ((1.0, 2.0), (4.0, 1.0, -4.0)),
        ((1e8, 1e8), (8.0, 4.0, 8.0)),
        ((1.0, 1e12), (4.0, 1.0, 4.0)),
    )
]


FEW = [
    Moments(n, (VALUE, "second"), (1.0, 2.0), comoments)
    for n, comoments in ((0, (0.0, 0.0, 0.0)), (1, (0.0, 0.0, 0.0)), (2, (1.0, 0.5, 1.0)))
]


@pytest.mark.parametrize("hostile", [*SECOND, *FEW])
def test_many_at_once_refuse_what_one_by_one_refuses(hostile: Moments) -> None:
    good = Moments(12, hostile.columns, (1.5, 2.5), (5.0, 2.0, 6.0))
    for second, one, many in (
        (DENOMINATOR, stats.ratio_t, stats.many_ratios),
        ("covariate", stats.cuped_t, stats.many_cuped),
    ):
        for pair in ((hostile, good), (good, hostile)):
            t, c = (Moments(item.n, (VALUE, second), item.means, item.comoments) for item in pair)
            single, batch = one(t, c), many(columns_of(t), columns_of(c))
            if isinstance(single.p_value, NoEstimate):
                assert batch.why[0] == single.p_value
                assert math.isnan(batch.statistic[0])
            else:
                assert not batch.why
                assert batch.p_value[0] == pytest.approx(single.p_value, rel=1e-9)


@pytest.mark.parametrize("n", [math.nan, math.inf, 1e300])
def test_many_at_once_of_no_number_of_units(n: float) -> None:
    good = stats.Column(9, 1.0, 4.0)
    assert stats.many_means(stats.Column(n, 1.0, 4.0), good).why[0].no_estimate == "bad_moments"
    refused("converted_t", stats.many_shares, [5], [n], [5], [9])
    refused("converted_c", stats.many_shares, [5], [9], [5], [n])
    refused("n" if math.isnan(n) or math.isinf(n) else "converted", stats.many_share_posteriors, [5], [n], [5], [9])


def test_many_at_once_of_no_numbers() -> None:
    for wrong in (["5"], ["x"], [None, "x"], [1j], [[1], [1, 2]]):
        refused("arms", stats.many_shares, wrong, [9], [5], [9])
        refused("arms", stats.many_means, stats.Column(9, wrong, 4.0), stats.Column(9, 1.0, 4.0))
    refused("converted_t", stats.many_shares, [5.5], [9], [5], [9])


def test_power_of_tests_that_nobody_runs() -> None:
    refused("alpha", stats.power_equivalence_t, 0.1, 0.5, 1.0, 100, alpha=0.5)
    refused("sides", stats.power_fisher, 0.1, 0.3, 40, 40, sides=0)
    for wrong in (math.nan, math.inf, None, "x"):
        refused("n_per_variant", stats.power_mean, 10.0, 2.0, 0.1, wrong)
        refused("n_comparisons", stats.power_mean, 10.0, 2.0, 0.1, 100, n_comparisons=wrong)
        refused("relative_effect", stats.power_proportion, 0.1, wrong, 100)
        refused("n", stats.post_stratified_variance, [0.5, 0.5], [1.0, 2.0], wrong)
        refused("min_units", stats.post_stratified, {}, min_units=wrong)


def test_many_shares_give_no_interval_without_width_where_all_converted_in_one_arm_and_none_in_the_other() -> None:
    one, many = stats.two_proportion_z((20, 20), (0, 30)), stats.many_shares([20], [20], [0], [30])
    assert isinstance(one.interval, NoEstimate)
    assert many.p_value[0] == pytest.approx(one.p_value)
    assert math.isnan(many.lower[0])
    assert math.isnan(many.upper[0])


def test_sequences_tuned_to_what_nobody_sees() -> None:
    for wrong in (0, -1, 1e-300, 1e300, 10**18, math.nan, math.inf, None, "x"):
        refused("tuning_units", stats.two_share_sequence, (5, 20), (9, 25), tuning_units=wrong)
        refused("tuning_units", stats.share_sequence, (5, 20), tuning_units=wrong)
        refused("tuning_units", stats.two_quantile_sequence, UNITS, OTHERS, tuning_units=wrong)
    for wrong in (1e-300, 1e300, math.nan, None):
        refused("tuning_exposure", stats.rate_sequence, (5, 20.0), tuning_exposure=wrong)
        refused("tuning_exposure", stats.two_rate_sequence, (5, 20.0), (9, 25.0), tuning_exposure=wrong)
    for wrong in (0, 1, 1e-300, math.nan, None):
        refused("treatment_share", stats.two_share_sequence, (5, 20), (9, 25), treatment_share=wrong)
    far = stats.rate_sequence((10, 100.0), tuning_exposure=1e60).interval
    assert not isinstance(far, NoEstimate)
    assert far.upper is None


@pytest.mark.parametrize("q", [1e-9, 1e-6, 1 - 1e-6, 1 - 1e-9])
def test_quantiles_beyond_all_units_have_no_bounds(q: float) -> None:
    found = stats.quantile_difference(list(UNITS) * 12, list(OTHERS) * 12, q=q)
    assert isinstance(found.difference, float)
    assert not isinstance(found.interval, NoEstimate)
    assert None in (found.interval.lower, found.interval.upper)
    for wrong in (0, 1, 1e-12, 1e-300, math.nan, "x"):
        refused("q", stats.quantile_difference, UNITS, OTHERS, q=wrong)


def test_rates_of_more_than_can_be_counted() -> None:
    for wrong in ((5 * 10**17, 1e19), (10**400, 10**401), (5, 1e300), (5, 1e-300)):
        refused("treatment", stats.poisson_test, wrong, (14, 110.0))
        refused("treatment", stats.two_rate_sequence, wrong, (14, 110.0), tuning_exposure=100.0)


def test_estimates_and_looks_too_large_to_be_squared() -> None:
    refused("value", stats.Estimate, 1e300, 1.0)
    refused("standard_error", stats.Estimate, 1.0, 1e200)
    refused("z", stats.b_value, math.nan, 0.5)
