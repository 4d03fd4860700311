"""The planner: numbers that R gives, answers that agree with each other, mistakes named as they were asked."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import ndtr

from assay.adapters.duckdb_tables import DuckdbTables
from assay.errors import InvalidInput
from assay.model.plan import Spending
from assay.service.power_analysis import power_analysis
from assay.service.power_history import HistoryQuestion, past_of
from assay.service.power_question import ClusterQuestion, PowerQuestion
from assay.stats.looking import inflation
from assay.stats.planning.history import History, estimate_from_history

USUAL: dict[str, Any] = {"baseline": 0.05, "effect": 0.1}


def ask(**changes: Any) -> dict[str, Any]:
    """The answer to 5 % → +10 %, with changes."""
    return power_analysis(PowerQuestion(**(USUAL | changes)))


def needed(**changes: Any) -> int:
    found = ask(**changes)["required_sample_per_variant"]
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        # R 4.2.2: (qnorm(.975) + qnorm(.8))^2 * (.05*.95 + .055*.945) / .005^2 = 31230.69
        ({}, 31_231),
        # power.prop.test(p1 = .05, p2 = .055, power = .8): 31233.44
        ({"pooled": True}, 31_234),
        # power.t.test(delta = 2, sd = 30, power = .8): 3532.96
        ({"metric_type": "mean", "baseline": 100, "baseline_sd": 30, "effect": 0.02, "form": "exact"}, 3_533),
        ({"metric_type": "mean", "baseline": 100, "baseline_sd": 30, "effect": 2, "scale": "absolute"}, 3_532),
        # (qnorm(.975) + qnorm(.8))^2 * 2 * 1.4 / .03^2 = 24418.74
        ({"metric_type": "ratio", "baseline": 0.6, "unit_variance": 1.4, "effect": 0.05}, 24_419),
        # (qnorm(.975) + qnorm(.8))^2 * (1/2 + 1/2.2) / log(1.1)^2 = 824.76
        ({"metric_type": "count", "baseline": 2}, 825),
        # (qnorm(.95) + qnorm(.8))^2 * .3 * .7 * (1 + .98^2) / .006^2 = 70701.66
        ({"baseline": 0.3, "effect": 0, "hypothesis": "non_inferiority", "margin": 0.02}, 70_702),
        # Howard et al. 2021, eq. 14, at its tightest, in R (spec/stats/plan_methods.json: anytime_size)
        ({"method": "sequential"}, 59_801),
    ],
)
def test_sizes_are_those_of_r(question: dict[str, Any], expected: int) -> None:
    assert needed(**question) == expected


@pytest.mark.parametrize(
    ("spending", "factor"),
    # rpact::getDesignCharacteristics of asOF and asP, kMax = 4, two-sided .05, beta .2
    [("obrien_fleming", 1.01963733), ("pocock", 1.19631005)],
)
def test_four_looks_cost_what_rpact_says(spending: str, factor: float) -> None:
    answer = ask(method="group_sequential", looks=4, spending=spending)
    assert answer["required_sample_per_variant"] == pytest.approx(31_230.6925 * factor, abs=1)
    assert answer["assumptions"]["inflation"] == pytest.approx(factor, rel=1e-5)


@pytest.mark.parametrize("spending", list(Spending))
def test_looks_are_planned_as_they_are_analysed(spending: Spending) -> None:
    looks = (0.3, 0.6, 1.0)
    found = ask(method="group_sequential", looks=looks, spending=spending.value)["assumptions"]["inflation"]
    assert found == pytest.approx(inflation(looks, 0.05, 0.8, spending), rel=1e-9)


def test_the_cost_of_looks_is_that_of_each_comparison() -> None:
    """Two treatments share alpha, so each is planned at half of it; a margin is one-sided."""
    looks = (0.25, 0.5, 0.75, 1.0)
    three = ask(method="group_sequential", num_variants=3)["assumptions"]
    assert three["alpha_per_comparison"] == pytest.approx(0.025)
    assert three["inflation"] == pytest.approx(inflation(looks, 0.025, 0.8, Spending.OBRIEN_FLEMING), rel=1e-9)
    # One-sided at .05 is two-sided at .1, but for rejections on the wrong side.
    margin = ask(method="group_sequential", effect=0, hypothesis="non_inferiority", margin=0.1)["assumptions"]
    assert margin["inflation"] == pytest.approx(inflation(looks, 0.1, 0.8, Spending.OBRIEN_FLEMING), rel=1e-4)


def test_every_look_says_where_to_stop_and_how_likely_that_is() -> None:
    answer = ask(method="group_sequential", looks=4)
    looks = answer["looks"]
    assert [look["information"] for look in looks] == [0.25, 0.5, 0.75, 1.0]
    assert looks[-1]["sample_per_variant"] == answer["required_sample_per_variant"]
    assert looks[-1]["power_by_then"] == pytest.approx(0.8, abs=1e-9)
    assert looks[-1]["alpha_spent"] == pytest.approx(0.05)
    bounds = [look["critical_value"] for look in looks]
    assert bounds == sorted(bounds, reverse=True)
    assert answer["expected_sample_per_variant"] < 31_231 < answer["required_sample_per_variant"]
    assert ask(method="group_sequential", sample_size=30_000)["looks"][0]["power_by_then"]["no_estimate"]


def test_a_covariate_of_one_half_spares_a_quarter() -> None:
    assert needed(covariate_correlation=0.5) == math.ceil(0.75 * 31_230.6925)


def test_clusters_multiply_by_the_design_effect() -> None:
    answer = ask(clusters=ClusterQuestion(mean_size=21, icc=0.05))
    assert answer["required_sample_per_variant"] == math.ceil(2 * 31_230.6925)
    assert answer["required_clusters"] == [math.ceil(62_462 / 21)] * 2
    few = ask(clusters=ClusterQuestion(mean_size=20_000, icc=0.0))
    assert any("clusters" in text for text in few["warnings"])


def test_treatments_share_alpha_and_dunnett_needs_least() -> None:
    sizes = [needed(num_variants=4, correction=name) for name in ("none", "dunnett", "bonferroni")]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3
    assert needed(num_variants=4, correction="holm") == sizes[2]


def test_uneven_variants_keep_their_shares() -> None:
    answer = ask(weights=(2.0, 1.0, 1.0), daily_traffic=1_000.0)
    first, *others = answer["required_sample"]
    assert others == [answer["required_sample_per_variant"]] * 2
    assert first == 2 * others[0]
    assert answer["total_sample_size"] == 4 * others[0]
    assert answer["assumptions"]["traffic_allocation"] == [0.5, 0.25, 0.25]


@given(st.floats(0.3, 0.97), st.floats(0.001, 0.02), st.sampled_from(["fixed", "sequential", "group_sequential"]))
def test_more_power_needs_more_and_a_larger_effect_less(power: float, more: float, method: str) -> None:
    usual = needed(power=power, method=method)
    assert needed(power=power + more, method=method) >= usual
    assert needed(power=power, effect=0.1 + more, method=method) < usual


@given(st.floats(0.01, 0.4), st.floats(0.03, 0.9), st.sampled_from(["fixed", "sequential", "group_sequential"]))
def test_the_answers_are_each_others_inverses(baseline: float, effect: float, method: str) -> None:
    answer = ask(baseline=baseline, effect=effect, method=method)
    assert answer["power"] >= 0.8 - 1e-12
    assert 0 < answer["minimum_detectable_effect"]["effect"] <= effect * (1 + 1e-9)
    given_size = ask(
        baseline=baseline, effect=effect, method=method, sample_size=answer["sample_size"]["per_variant"][0]
    )
    assert given_size["power"] == answer["power"]
    assert given_size["required_sample_per_variant"] == answer["required_sample_per_variant"]


@pytest.mark.parametrize("change", [{}, {"metric_type": "count", "baseline": 3.0}, {"covariate_correlation": 0.4}])
def test_the_power_follows_from_the_assumptions(change: dict[str, Any]) -> None:
    answer = ask(**change)
    told, n = answer["assumptions"], answer["required_sample_per_variant"]
    variance = told["variance_factor"] * (told["unit_variance_treatment"] + told["unit_variance_control"]) / n
    distance = told["treatment_value"] - told["baseline"]
    if told["metric_type"] == "count":
        distance = math.log(told["treatment_value"] / told["baseline"])
    assert answer["power"] == pytest.approx(
        float(ndtr(distance / math.sqrt(variance) - told["critical_value"])), abs=1e-9
    )


def test_a_fall_is_looked_for_below() -> None:
    down = ask(effect=-0.1)
    # (qnorm(.975) + qnorm(.8))^2 * (.05*.95 + .045*.955) / .005^2
    assert down["required_sample_per_variant"] == math.ceil(7.848879734 * (0.05 * 0.95 + 0.045 * 0.955) / 0.005**2)
    assert down["minimum_detectable_effect"]["effect"] == pytest.approx(-0.1, rel=1e-4)
    assert all(row["effect"] < 0 for row in down["detectable_effects"])
    asked = ask(effect=None, sample_size=28_406, direction="decrease")
    assert asked["minimum_detectable_effect"] == down["minimum_detectable_effect"]


def test_weeks_from_traffic_and_sizes_without() -> None:
    weekly = ask(daily_traffic=2_000.0, traffic_share=0.5)
    assert weekly["days_to_completion"] == 63
    assert [row["weeks"] for row in weekly["detectable_effects"]] == [1, 2, 3, 4, 6, 8]
    assert weekly["detectable_effects"][0]["total_sample_size"] == 7_000
    effects = [row["effect"] for row in weekly["detectable_effects"]]
    assert effects == sorted(effects, reverse=True)
    assert any("eight weeks" in text for text in weekly["warnings"])
    sizes = ask()["detectable_effects"]
    assert {row["weeks"] for row in sizes} == {None}
    assert 62_462 in [row["total_sample_size"] for row in sizes]
    assert ask()["days_to_completion"]["no_estimate"] == "no_traffic"


def test_returning_units_and_the_end_of_what_is_known() -> None:
    days = tuple(10_000.0 * (1 - 0.9**day) for day in range(1, 29))
    answer = ask(effect=0.3, daily_traffic=days)
    assert answer["days_to_completion"] == next(
        day for day, seen in enumerate(days, 1) if seen >= answer["total_sample_size"]
    )
    assert ask(daily_traffic=days)["days_to_completion"]["no_estimate"] == "beyond_traffic"
    assert answer["detectable_effects"][-1]["effect"]["no_estimate"] == "beyond_traffic"
    assert ask(effect=1e-4, daily_traffic=1.0)["days_to_completion"]["no_estimate"] == "too_long"
    assert any("whole week" in text for text in ask(daily_traffic=50_000.0)["warnings"])


def test_without_an_effect_what_can_be_found() -> None:
    size = ask(effect=None, sample_size=31_231)
    assert size["minimum_detectable_effect"]["effect"] == pytest.approx(0.1, rel=1e-4)
    for name in ("power", "required_sample_per_variant", "total_sample_size"):
        assert size[name]["no_estimate"] == "no_effect"
    traffic = ask(effect=None, daily_traffic=1_000.0)
    assert traffic["minimum_detectable_effect"]["no_estimate"] == "no_effect"
    assert all(row["effect"] > 0 for row in traffic["detectable_effects"])
    sequence = ask(effect=None, daily_traffic=1_000.0, method="sequential")
    assert sequence["assumptions"]["critical_value"]["no_estimate"] == "no_effect"


def test_a_given_size_may_be_too_small_for_anything() -> None:
    answer = ask(effect=0.0, sample_size=1_000)
    assert answer["required_sample_per_variant"]["no_estimate"] == "no_size_is_enough"
    assert answer["power"] == pytest.approx(0.025)
    assert ask(baseline=0.5, effect=0.1, sample_size=2)["minimum_detectable_effect"] is not None


def test_margins() -> None:
    answer = ask(baseline=0.3, effect=0, hypothesis="non_inferiority", margin=0.02)
    assert answer["minimum_margin"] == pytest.approx(0.02, rel=1e-4)
    assert "two_sided" in answer["assumptions"]
    assert answer["assumptions"]["two_sided"] is False
    assert needed(baseline=0.3, effect=0, hypothesis="equivalence", margin=0.02) > 70_702
    assert ask()["minimum_margin"] is None


def test_a_sequence_is_tuned_once() -> None:
    answer = ask(method="sequential", daily_traffic=1_000.0)
    assert answer["assumptions"]["tuning_units"] == 2 * 59_801
    tuned = ask(method="sequential", daily_traffic=1_000.0, tuning_units=2 * 59_801)
    assert tuned["detectable_effects"] == answer["detectable_effects"]
    assert answer["expected_sample_per_variant"] < answer["required_sample_per_variant"]


def test_small_samples_are_told_to_be_exact() -> None:
    rough = ask(baseline=0.01, effect=3, weights=(1.0, 4.0))
    assert any("exact power" in text for text in rough["warnings"])
    assert ask()["warnings"] == []
    exact = ask(baseline=0.3, effect=1, form="exact")
    assert exact["assumptions"]["exact"]
    # stats::power.prop.test says 42; Casagrande, Pike & Smith's exact sizes for z tests lie beside it
    assert abs(exact["required_sample_per_variant"] - 42) <= 4
    with pytest.raises(InvalidInput, match="form"):
        ask(form="exact")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metric_type": "median"}, "metric_type"),
        ({"method": "bayesian"}, "method"),
        ({"scale": "log"}, "scale"),
        ({"hypothesis": "better"}, "hypothesis"),
        ({"direction": "up"}, "direction"),
        ({"form": "rough"}, "form"),
        ({"correction": "sidak"}, "correction"),
        ({"baseline": 0}, "baseline"),
        ({"baseline": 1.2}, "baseline"),
        ({"baseline": math.nan}, "baseline"),
        ({"baseline_sd": 1.0}, "baseline_sd"),
        ({"metric_type": "mean"}, "baseline_sd"),
        ({"metric_type": "mean", "baseline_sd": 0.0}, "baseline_sd"),
        ({"metric_type": "mean", "baseline_sd": 1.0, "treatment_sd": -1.0}, "treatment_sd"),
        ({"metric_type": "mean", "baseline_sd": 1.0, "pooled": True}, "pooled"),
        ({"metric_type": "ratio"}, "unit_variance"),
        ({"metric_type": "ratio", "unit_variance": -1.0}, "unit_variance"),
        ({"metric_type": "count", "dispersion": 0.0}, "dispersion"),
        ({"metric_type": "count", "exposure": 0.0}, "exposure"),
        ({"metric_type": "count", "heterogeneity": -1.0}, "heterogeneity"),
        ({"metric_type": "count", "scale": "absolute"}, "scale"),
        ({"effect": None}, "effect"),
        ({"effect": 0.0}, "effect"),
        ({"effect": 30.0}, "effect"),
        ({"effect": math.inf}, "effect"),
        ({"effect": 1e-7}, "effect"),
        ({"power": 1.0}, "power"),
        ({"power": 0.01}, "power"),
        ({"power": 0.01, "method": "group_sequential"}, "power"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 0.7}, "alpha"),
        ({"alpha": 1e-200}, "alpha"),
        ({"margin": 0.1}, "margin"),
        ({"hypothesis": "superiority"}, "margin"),
        ({"hypothesis": "superiority", "margin": 0.2, "pooled": True}, "pooled"),
        ({"num_variants": 1}, "num_variants"),
        ({"num_variants": 3, "weights": (1.0, 1.0)}, "num_variants"),
        ({"weights": (1.0,)}, "weights"),
        ({"weights": (1.0, 0.0)}, "weights"),
        ({"weights": (1.0, math.nan)}, "weights"),
        ({"weights": (1.0,) * 12}, "weights"),
        ({"weights": (1.0, 1e7)}, "weights"),
        ({"num_comparisons": 0}, "num_comparisons"),
        ({"num_comparisons": 3, "correction": "dunnett"}, "num_comparisons"),
        ({"method": "sequential", "correction": "dunnett"}, "correction"),
        ({"method": "sequential", "one_sided": True}, "one_sided"),
        ({"looks": 4}, "looks"),
        ({"method": "group_sequential", "looks": 0}, "looks"),
        ({"method": "group_sequential", "looks": 21}, "looks"),
        ({"method": "group_sequential", "looks": (0.5, 0.4, 1.0)}, "looks"),
        ({"method": "group_sequential", "looks": (0.5, 0.9)}, "looks"),
        ({"method": "group_sequential", "spending": "all"}, "spending"),
        ({"spending": "pocock"}, "spending"),
        ({"tuning_units": 100}, "tuning_units"),
        ({"method": "sequential", "tuning_units": 1}, "tuning_units"),
        ({"method": "sequential", "form": "exact"}, "form"),
        ({"covariate_correlation": 1.0}, "covariate_correlation"),
        ({"clusters": ClusterQuestion(mean_size=0.5, icc=0.1)}, "clusters.mean_size"),
        ({"clusters": ClusterQuestion(mean_size=5, icc=1.1)}, "clusters.icc"),
        ({"clusters": ClusterQuestion(mean_size=5, icc=0.1, size_cv=-1)}, "clusters.size_cv"),
        ({"daily_traffic": 0.0}, "daily_traffic"),
        ({"daily_traffic": math.nan}, "daily_traffic"),
        ({"daily_traffic": (10.0, 5.0)}, "daily_traffic"),
        ({"daily_traffic": ()}, "daily_traffic"),
        ({"traffic_share": 0.0}, "traffic_share"),
        ({"sample_size": 1}, "sample_size"),
        ({"sample_size": 10**13}, "sample_size"),
    ],
)
def test_a_mistake_is_named_as_it_was_asked(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask(**change)
    assert caught.value.field == field
    assert caught.value.accepted


SHARES = st.floats(1e-9, 1 - 1e-9)
SIZES = st.one_of(SHARES, st.floats(-14, 14).map(lambda power: 10.0**power), st.floats(-50, 50).map(lambda p: 10.0**p))
ANY = st.floats(allow_nan=False)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Anything that can be asked, much of it senseless."""
    kind = draw(st.sampled_from(["conversion", "mean", "ratio", "count"]))
    spread = {"mean": "baseline_sd", "ratio": "unit_variance", "count": "dispersion"}
    asked: dict[str, Any] = {"metric_type": kind, "baseline": draw(SHARES if kind == "conversion" else SIZES)}
    if kind in spread:
        asked[spread[kind]] = draw(SIZES)
    asked["method"] = draw(st.sampled_from(["fixed", "fixed", "sequential", "group_sequential"]))
    asked["hypothesis"] = draw(st.sampled_from(["difference", "superiority", "non_inferiority", "equivalence"]))
    if asked["hypothesis"] != "difference":
        asked["margin"] = draw(SHARES)
    if kind != "count":
        asked["scale"] = draw(st.sampled_from(["relative", "absolute"]))
    asked["effect"] = draw(st.one_of(st.none(), st.just(0.0), SHARES, SIZES, SIZES.map(lambda size: -size), ANY))
    for name, values in (
        ("baseline", ANY),
        ("power", st.floats(0.01, 1)),
        ("alpha", st.floats(0, 0.5)),
        ("covariate_correlation", st.floats(-1, 1)),
        ("daily_traffic", st.floats(1, 1e10)),
        ("traffic_share", st.floats(0, 1)),
        ("sample_size", st.one_of(st.integers(2, 1_000), st.integers(0, 10**12))),
        ("weights", st.lists(st.one_of(SHARES, SIZES), min_size=2, max_size=4).map(tuple)),
        ("direction", st.sampled_from(["increase", "decrease"])),
        ("correction", st.sampled_from(["none", "dunnett"])),
        ("form", st.sampled_from(["exact"])),
        ("one_sided", st.just(True)),
    ):
        if draw(st.integers(0, 5)) == (5 if name in ("baseline", "form", "one_sided") else 0) or (
            name == "sample_size" and asked["effect"] is None
        ):
            asked[name] = draw(values)
    return asked


@given(questions())
@example({"metric_type": "mean", "baseline": 1e-200, "baseline_sd": 1e60, "effect": 1e60, "sample_size": 2})
@example({"metric_type": "ratio", "baseline": 1e60, "unit_variance": 1e-300, "effect": 1e-60, "daily_traffic": 1.0})
def test_every_question_has_an_answer_or_a_named_mistake(asked: dict[str, Any]) -> None:
    refused: str | None = None
    try:
        answer = power_analysis(PowerQuestion(**asked))
    except InvalidInput as error:
        refused = error.field
    else:
        json.dumps(answer, allow_nan=False)
    assert refused is None or refused in PowerQuestion.__dataclass_fields__


@pytest.fixture(scope="module")
def past() -> pd.DataFrame:
    """6,000 units of 200 shops, with a covariate."""
    rng = np.random.default_rng(5)
    shop = rng.integers(0, 200, 6_000)
    before = rng.gamma(2.0, 10.0, 6_000)
    value = 0.7 * before + rng.normal(0, 10, 6_000) + rng.normal(0, 3, 200)[shop]
    views = 1 + rng.poisson(3, 6_000)
    return pd.DataFrame(
        {"shop": shop, "before": before, "value": value, "views": views, "bought": value > 20, "text": "x", "same": 1}
    )


@pytest.mark.parametrize("kind", ["conversion", "mean", "ratio"])
@pytest.mark.parametrize("clustered", [False, True])
def test_a_table_says_what_its_values_say(past: pd.DataFrame, kind: str, clustered: bool) -> None:
    column = "bought" if kind == "conversion" else "value"
    asked = HistoryQuestion(
        metric_type=kind,
        metric_column=column,
        denominator_column="views" if kind == "ratio" else None,
        covariate_column=None if kind == "ratio" else "before",
        cluster_column="shop" if clustered else None,
    )
    found = past_of(DuckdbTables(), past, asked).found
    history = estimate_from_history(
        past[column].to_numpy(float),
        kind={"conversion": "share"}.get(kind, kind),
        denominator=past["views"].to_numpy(float) if kind == "ratio" else None,
        covariate=None if kind == "ratio" else past["before"].to_numpy(float),
        labels=past["shop"].to_numpy() if clustered else None,
    )
    assert isinstance(history, History)
    assert found["baseline"] == pytest.approx(history.measured.baseline, rel=1e-9)
    if kind == "mean":
        assert found["baseline_sd"] == pytest.approx(float(past["value"].std()), rel=1e-9)
    if kind == "ratio":
        assert found["unit_variance"] == pytest.approx(history.measured.variance(0.0), rel=1e-9)
    else:
        assert found["covariate_correlation"] == pytest.approx(float(past[column].corr(past["before"])), rel=1e-9)
    assert ("clusters" in found) is clustered
    if clustered:
        assert found["clusters"].icc == pytest.approx(history.clusters.icc, rel=1e-9)  # type: ignore[union-attr]
        assert found["clusters"].size_cv == pytest.approx(history.clusters.size_cv, rel=1e-9)  # type: ignore[union-attr]
    assert power_analysis(PowerQuestion(metric_type=kind, effect=0.05, **found))["required_sample_per_variant"] > 2


def test_a_covariate_leaves_the_shops_as_they_are(past: pd.DataFrame) -> None:
    asked = HistoryQuestion(metric_type="mean", metric_column="value", covariate_column="before", cluster_column="shop")
    # Of the noise, 3² of 3² + 10² is the shops'; of the plain values only 9 in about 207.
    assert past_of(DuckdbTables(), past, asked).found["clusters"].icc == pytest.approx(9 / 109, abs=0.03)


def test_counts_and_gaps_of_a_table() -> None:
    rng = np.random.default_rng(6)
    counts = rng.negative_binomial(2, 0.5, 5_000).astype(float)
    frame = pd.DataFrame({"n": counts, "shop": "a"})
    frame.loc[:9, "n"] = np.nan
    found = past_of(DuckdbTables(), frame, HistoryQuestion(metric_type="count", metric_column="n"))
    assert found.units == 4_990
    assert found.found["dispersion"] == pytest.approx(frame["n"].var() / frame["n"].mean(), rel=1e-9)
    assert found.notes == ("10 rows without a usable value of 'n' left out.",)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metric_column": "nothing"}, "metric_column"),
        ({"metric_column": "text"}, "metric_column"),
        ({"metric_column": "same"}, "metric_column"),
        ({"covariate_column": "text"}, "covariate_column"),
        ({"covariate_column": "nothing"}, "covariate_column"),
        ({"cluster_column": "same"}, "cluster_column"),
        ({"denominator_column": "views"}, "denominator_column"),
        ({"metric_type": "ratio"}, "denominator_column"),
        ({"metric_type": "ratio", "denominator_column": "text"}, "denominator_column"),
        ({"metric_type": "median"}, "metric_type"),
    ],
)
def test_a_column_that_does_not_fit_is_named(past: pd.DataFrame, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        past_of(DuckdbTables(), past, HistoryQuestion(**({"metric_type": "mean", "metric_column": "value"} | change)))
    assert caught.value.field == field


def test_an_empty_table_is_no_history(past: pd.DataFrame) -> None:
    for rows in (0, 1):
        with pytest.raises(InvalidInput, match="metric_column"):
            past_of(DuckdbTables(), past.head(rows), HistoryQuestion(metric_type="mean", metric_column="value"))
