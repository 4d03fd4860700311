"""Designs: the four answers fit each other, do not depend on units of measurement, and cost what they should."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import Direction, Hypothesis
from assay.model.result import NoEstimate
from assay.stats.planning import power as first
from assay.stats.planning.answers import (
    days_to_completion,
    minimum_effect,
    minimum_margin,
    power,
    power_of_family,
    sample_size,
    size_of_total,
    total_units,
)
from assay.stats.planning.design import Anytime, Clusters, Design, Form, GroupSequential, Scale
from assay.stats.planning.families import dunnett_critical
from assay.stats.planning.measured import MeanMeasure, Measured, RateMeasure, RatioMeasure, ShareMeasure
from assay.stats.planning.search import smallest_distance, smallest_size
from assay.stats.sequential.mixture import equivalent_alpha

FIVE_PERCENT = Design(measured=ShareMeasure(baseline=0.05))
MONEY = Design(measured=MeanMeasure(baseline=100, standard_deviation=30))

MEASURES: st.SearchStrategy[Measured] = st.one_of(
    st.builds(ShareMeasure, baseline=st.floats(0.01, 0.4)),
    st.builds(MeanMeasure, baseline=st.floats(1, 100), standard_deviation=st.floats(1, 300)),
    st.builds(RatioMeasure, baseline=st.floats(0.1, 10), unit_variance=st.floats(0.1, 100)),
    st.builds(RateMeasure, baseline=st.floats(0.05, 5), dispersion=st.floats(0.5, 4), heterogeneity=st.floats(0, 2)),
)
METHODS: st.SearchStrategy[Any] = st.sampled_from([None, Anytime(), Anytime(looks=4), GroupSequential(inflation=1.1)])
CORRECTIONS = st.sampled_from(["none", "bonferroni", "holm", "dunnett"])


@st.composite
def designs(draw: st.DrawFn) -> Design:
    method, correction = draw(METHODS), draw(CORRECTIONS)
    hypothesis = draw(st.sampled_from(["difference", "superiority", "non_inferiority", "equivalence"]))
    if isinstance(method, Anytime):
        assume(correction != "dunnett")
        assume(method.looks == 1 or hypothesis != "equivalence")
    more: dict[str, Any] = {} if method is None else {"method": method}
    if hypothesis != "difference":
        more["margin"] = 0.08
    return Design(
        measured=draw(MEASURES),
        weights=draw(st.sampled_from([(1.0, 1.0), (3.0, 1.0), (1.0, 2.0, 0.5)])),
        alpha=draw(st.floats(0.01, 0.1)),
        hypothesis=Hypothesis(hypothesis),
        direction=draw(st.sampled_from(list(Direction))),
        correction=correction,
        correlation=draw(st.floats(-0.9, 0.9)),
        clusters=draw(st.sampled_from([None, Clusters(mean_size=10, icc=0.05, size_cv=0.5)])),
        **more,
    )


def true_effect(design: Design) -> float:
    """An effect that the design can show."""
    side = 1 if design.direction == Direction.INCREASE else -1
    return {"difference": 0.1, "superiority": 0.2}.get(design.hypothesis, 0.0) * side


@settings(max_examples=60)
@given(designs(), st.floats(0.55, 0.97))
def test_the_size_has_the_power_and_one_unit_less_per_arm_has_not(design: Design, target: float) -> None:
    effect = true_effect(design)
    size = sample_size(design, effect, power=target)
    assert size.power >= target
    assert power(design, size, effect) == power(design, size.units, effect) == power(design, size.smallest, effect)
    if size.smallest > 2:
        assert power(design, size.smallest - 1, effect) < target


@settings(max_examples=60)
@given(designs(), st.integers(500, 10**6), st.floats(0.55, 0.97))
def test_the_minimum_effect_has_the_power_and_a_smaller_one_has_not(design: Design, n: int, target: float) -> None:
    found = minimum_effect(design, n, power=target)
    if isinstance(found, NoEstimate):
        return
    assert power(design, n, found) == pytest.approx(target, abs=1e-6)
    closer = found * 1.001 if design.hypothesis == Hypothesis.EQUIVALENCE else found - 0.001 * math.copysign(1, found)
    if design.hypothesis == Hypothesis.DIFFERENCE:
        closer = 0.999 * found
    elif design.hypothesis != Hypothesis.EQUIVALENCE:
        closer = found - (0.001 if design.direction == Direction.INCREASE else -0.001)
    assert power(design, n, closer) < target + 1e-9


@settings(max_examples=40)
@given(designs())
def test_the_minimum_effect_of_a_size_is_at_most_the_effect_it_was_made_for(design: Design) -> None:
    effect = true_effect(design)
    size = sample_size(design, effect)
    found = minimum_effect(design, size)
    assert isinstance(found, float)
    if design.hypothesis == Hypothesis.EQUIVALENCE:
        assert found >= 0
    elif design.hypothesis == Hypothesis.DIFFERENCE:
        assert 0 < found <= 0.1 * (1 + 1e-9) or design.direction == Direction.DECREASE
    elif design.direction == Direction.INCREASE:
        assert found <= effect + 1e-9
    else:
        assert found >= effect - 1e-9


@given(st.floats(0.001, 0.5), st.floats(0.02, 0.9), st.floats(0.5, 0.99), st.floats(0.001, 0.2), st.booleans())
def test_plain_designs_say_what_the_first_formulas_say(
    baseline: float, effect: float, target: float, alpha: float, one_sided: bool
) -> None:
    design = Design(measured=ShareMeasure(baseline=baseline), alpha=alpha, one_sided=one_sided)
    old = first.sample_size_proportion(baseline, effect, alpha=alpha, power=target, two_sided=not one_sided)
    # At a whole number rounding decides.
    assert abs(sample_size(design, effect, power=target).smallest - old) <= 1
    spread = MeanMeasure(baseline=7.0, standard_deviation=baseline * 20)
    mean = replace(design, measured=spread)
    needed = first.sample_size_mean(7.0, baseline * 20, effect, alpha=alpha, power=target, two_sided=not one_sided)
    assert abs(sample_size(mean, effect, power=target).smallest - needed) <= 1


def test_the_numbers_of_the_design_document() -> None:
    size = sample_size(FIVE_PERCENT, 0.1)
    assert size.units == (31_231, 31_231)
    assert size.total == 62_462
    assert power(FIVE_PERCENT, 12_460, 0.1) == pytest.approx(0.4245, abs=1e-4)
    assert days_to_completion(FIVE_PERCENT, 0.1, 1_000) == 63
    sequential = replace(FIVE_PERCENT, method=Anytime())
    expected = first.sample_size_proportion(0.05, 0.1, alpha=equivalent_alpha(0.05))
    assert sample_size(sequential, 0.1).smallest == expected


@pytest.mark.parametrize(
    ("dearer", "cheaper"),
    [
        (FIVE_PERCENT, replace(FIVE_PERCENT, correlation=0.6)),
        (FIVE_PERCENT, replace(FIVE_PERCENT, one_sided=True)),
        (FIVE_PERCENT, replace(FIVE_PERCENT, alpha=0.1)),
        (replace(FIVE_PERCENT, method=Anytime()), FIVE_PERCENT),
        (replace(FIVE_PERCENT, method=Anytime()), replace(FIVE_PERCENT, method=Anytime(looks=10))),
        (replace(FIVE_PERCENT, method=Anytime(looks=10)), FIVE_PERCENT),
        (replace(FIVE_PERCENT, method=Anytime(tuning_units=1_000)), replace(FIVE_PERCENT, method=Anytime())),
        (replace(FIVE_PERCENT, method=GroupSequential(inflation=1.1)), FIVE_PERCENT),
        (replace(FIVE_PERCENT, clusters=Clusters(mean_size=9, icc=0.1)), FIVE_PERCENT),
        (replace(FIVE_PERCENT, correction="bonferroni", weights=(1, 1, 1)), FIVE_PERCENT),
        (
            replace(FIVE_PERCENT, correction="bonferroni", weights=(1, 1, 1)),
            replace(FIVE_PERCENT, correction="dunnett", weights=(1, 1, 1)),
        ),
        (replace(FIVE_PERCENT, correction="holm", n_comparisons=5), replace(FIVE_PERCENT, correction="holm")),
    ],
)
def test_what_costs_units(dearer: Design, cheaper: Design) -> None:
    assert sample_size(dearer, 0.1).smallest > sample_size(cheaper, 0.1).smallest
    assert power(dearer, 20_000, 0.1) < power(cheaper, 20_000, 0.1)


def test_pooling_matters_where_arms_are_uneven() -> None:
    own, pooled = (Design(measured=ShareMeasure(baseline=0.05, pooled=p), weights=(1, 9)) for p in (False, True))
    assert abs(power(own, 500, 0.5) - power(pooled, 500, 0.5)) > 0.02
    assert (
        abs(power(replace(own, weights=(1, 1)), 3_000, 0.2) - power(replace(pooled, weights=(1, 1)), 3_000, 0.2)) < 1e-3
    )


def test_cuped_and_clusters_multiply_the_variance() -> None:
    plain = sample_size(MONEY, 0.01).smallest
    assert sample_size(replace(MONEY, correlation=0.7), 0.01).smallest == pytest.approx(plain * 0.51, abs=1)
    clusters = Clusters(mean_size=20, icc=0.03)
    assert clusters.design_effect == pytest.approx(1.57)
    size = sample_size(replace(MONEY, clusters=clusters), 0.01)
    assert size.smallest == pytest.approx(plain * 1.57, abs=2)
    assert size.clusters == (math.ceil(size.smallest / 20),) * 2
    assert Clusters(mean_size=1, icc=1.0).design_effect == 1


@given(st.floats(0.5, 2), st.floats(1e-6, 1e6), st.floats(0.02, 0.5))
def test_the_unit_of_measurement_does_not_matter(deviation: float, scale: float, effect: float) -> None:
    small = Design(measured=MeanMeasure(baseline=1.0, standard_deviation=deviation))
    large = Design(measured=MeanMeasure(baseline=scale, standard_deviation=scale * deviation))
    assert abs(sample_size(small, effect).smallest - sample_size(large, effect).smallest) <= 1
    found, again = minimum_effect(small, 500), minimum_effect(large, 500)
    assert isinstance(again, float)
    assert found == pytest.approx(again, rel=1e-6)


@given(st.floats(0.01, 0.3), st.integers(50, 10**5), st.integers(50, 10**5))
def test_relative_and_absolute_differences_are_the_same_question(baseline: float, n: int, m: int) -> None:
    relative = Design(measured=ShareMeasure(baseline=baseline))
    absolute = replace(relative, scale=Scale.ABSOLUTE)
    assert power(relative, (n, m), 0.2) == pytest.approx(power(absolute, (n, m), 0.2 * baseline), abs=1e-12)
    a, b = minimum_effect(relative, (n, m)), minimum_effect(absolute, (n, m))
    if isinstance(a, NoEstimate):
        assert isinstance(b, NoEstimate)
    else:
        assert a * baseline == pytest.approx(b, rel=1e-9)


def test_mirrored_hypotheses_are_the_same_question() -> None:
    up = replace(MONEY, scale=Scale.ABSOLUTE, hypothesis=Hypothesis.NON_INFERIORITY, margin=2.0)
    down = replace(up, direction=Direction.DECREASE)
    for effect in (-1.0, 0.0, 1.5):
        assert power(up, 700, effect) == pytest.approx(power(down, 700, -effect), abs=1e-12)
    one = replace(MONEY, one_sided=True)
    assert power(one, 300, 0.05) == pytest.approx(
        power(replace(one, direction=Direction.DECREASE), 300, -0.05), abs=1e-12
    )
    # Looking the wrong way finds less than a false alarm.
    assert power(one, 300, -0.05) < 0.05


def test_margins() -> None:
    shown = replace(MONEY, hypothesis=Hypothesis.NON_INFERIORITY, margin=0.02)
    size = sample_size(shown, 0.0)
    assert minimum_margin(shown, size) == pytest.approx(0.02, rel=1e-3)
    assert sample_size(shown, 0.01).smallest < size.smallest < sample_size(shown, -0.005).smallest
    same = replace(shown, hypothesis=Hypothesis.EQUIVALENCE)
    assert sample_size(same, 0.0).smallest > size.smallest
    assert minimum_margin(same, sample_size(same, 0.0)) == pytest.approx(0.02, rel=1e-3)
    assert isinstance(minimum_effect(same, 100), NoEstimate)
    better = replace(shown, hypothesis=Hypothesis.SUPERIORITY)
    assert sample_size(better, 0.05).smallest > sample_size(MONEY, 0.05).smallest
    assert minimum_effect(better, 1_000) > 0.02  # type: ignore[operator]
    # Truly at the margin, it is shown as often as a false alarm.
    assert power(shown, 5_000, -0.02) == pytest.approx(0.05)
    assert power(better, 5_000, 0.02) == pytest.approx(0.05)


def test_exact_forms() -> None:
    mean = replace(MONEY, form=Form.EXACT)
    size = sample_size(mean, 0.3)
    assert size.smallest > sample_size(MONEY, 0.3).smallest
    assert power(mean, size.smallest - 1, 0.3) < 0.8 <= size.power
    share = Design(measured=ShareMeasure(baseline=0.2, pooled=True), form=Form.EXACT)
    size = sample_size(share, 0.9)
    assert power(share, size.smallest - 1, 0.9) < 0.8 <= size.power
    assert size.power == pytest.approx(power(replace(share, form=Form.LARGE_SAMPLE), size, 0.9), abs=0.03)
    margin = Design(
        measured=ShareMeasure(baseline=0.3), form=Form.EXACT, hypothesis=Hypothesis.NON_INFERIORITY, margin=0.2
    )
    rough = power(replace(margin, form=Form.LARGE_SAMPLE), 600, 0.0)
    assert power(margin, 600, 0.0) == pytest.approx(rough, abs=0.02)
    few = replace(mean, clusters=Clusters(mean_size=50, icc=0.0))
    assert power(few, 150, 0.1) < power(mean, 150, 0.1)


def test_a_size_that_holds_less_than_it_promises_is_warned_of() -> None:
    assert sample_size(FIVE_PERCENT, 0.1).warnings == ()
    few = sample_size(replace(MONEY, scale=Scale.ABSOLUTE), 45.0)
    assert few.smallest == 7
    assert few.warnings[0].startswith("the exact power of this size is 0.731")
    assert sample_size(replace(MONEY, scale=Scale.ABSOLUTE, form=Form.EXACT), 45.0).warnings == ()
    uneven = Design(measured=ShareMeasure(baseline=0.01), weights=(1, 4))
    assert "0.775" in sample_size(uneven, 1.0).warnings[0]
    assert sample_size(replace(uneven, measured=ShareMeasure(baseline=0.01, pooled=True)), 1.0).warnings == ()
    groups = replace(MONEY, clusters=Clusters(mean_size=500, icc=0.01))
    assert "30 clusters" in sample_size(groups, 0.05).warnings[0]
    assert sample_size(groups, 0.01).warnings == ()


def test_nothing_can_be_found_with_too_few_units() -> None:
    assert minimum_effect(Design(measured=ShareMeasure(baseline=0.5)), 3) == NoEstimate(
        "no_effect_found", "no effect that the metric can take would be found with this power"
    )
    down = Design(measured=RateMeasure(baseline=0.5), direction=Direction.DECREASE, one_sided=True)
    assert isinstance(minimum_effect(down, 5), NoEstimate)
    assert isinstance(minimum_effect(replace(down, direction=Direction.INCREASE), 5), float)
    huge = minimum_effect(replace(MONEY, form=Form.EXACT), 2)
    assert isinstance(huge, float)
    assert power(replace(MONEY, form=Form.EXACT), 2, huge) == pytest.approx(0.8, abs=1e-6)


def test_a_family() -> None:
    many = replace(MONEY, weights=(1, 1, 1, 1), correction="dunnett")
    single = power(many, 200, 0.1)
    all_found = power_of_family(many, 200, [0.1] * 3)
    any_found = power_of_family(many, 200, [0.1] * 3, which="any")
    assert single**3 < all_found < single < any_found < 1 - (1 - single) ** 3
    pair = replace(MONEY, weights=(1, 1))
    assert power_of_family(pair, 200, [0.1]) == pytest.approx(power(pair, 200, 0.1), abs=1e-9)
    with pytest.raises(InvalidInput, match="effects"):
        power_of_family(many, 200, [0.1])
    assert dunnett_critical((1, 1), 0.05) == pytest.approx(1.959964, abs=1e-6)
    # Almost independent comparisons: hardly less than Šidák.
    assert dunnett_critical((1e4, 1, 1), 0.05) == pytest.approx(2.2365, abs=1e-3)


def test_uneven_sizes() -> None:
    uneven = replace(FIVE_PERCENT, weights=(7, 2, 1))
    size = sample_size(uneven, 0.1)
    assert size.units == (7 * size.smallest, 2 * size.smallest, size.smallest)
    assert total_units(uneven, size.smallest) == size.total == 10 * size.smallest
    assert size_of_total(uneven, size.total) == size.smallest
    assert size_of_total(uneven, size.total - 1) == size.smallest - 1
    # The least favourable treatment is the smallest.
    assert size.power == pytest.approx(power(replace(uneven, weights=(7, 1)), size.smallest, 0.1), abs=1e-12)


def test_the_search() -> None:
    assert smallest_size(lambda n: 1.0, 0.8) == 2
    assert smallest_size(lambda n: min(1.0, n / 1000), 0.8) == 800
    assert smallest_size(lambda n: 0.0, 0.8) is None
    assert smallest_distance(lambda x: x, 0.3, 1.0) == pytest.approx(0.3)
    assert smallest_distance(lambda x: x, 0.3, 0.2) is None
    # A power that falls again is found on its way up.
    assert smallest_distance(lambda x: x * (2 - x), 0.5, 1.9) == pytest.approx(1 - math.sqrt(0.5))
