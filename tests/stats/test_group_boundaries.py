"""Spending functions, boundaries and designs: what must hold for any looks."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.stats.distributions import normal_quantile
from assay.stats.group_sequential import process
from assay.stats.group_sequential.boundaries import (
    Boundaries,
    crossings,
    haybittle_peto_boundaries,
    obrien_fleming_boundaries,
    obrien_fleming_constant,
    pocock_boundaries,
    pocock_constant,
    spending_boundaries,
    wang_tsiatis_boundaries,
)
from assay.stats.group_sequential.design import group_design, operating
from assay.stats.group_sequential.process import Process
from assay.stats.group_sequential.repeated_looks import error_of_repeated_looks
from assay.stats.group_sequential.spending import (
    Spending,
    alpha_spent,
    hwang_shih_decani_spending,
    kim_demets_spending,
    obrien_fleming_spending,
    pocock_spending,
    table_spending,
)
from assay.stats.outcome import Alternative

SPENDING = st.one_of(
    st.just(obrien_fleming_spending()),
    st.just(pocock_spending()),
    st.floats(0.2, 8).map(kim_demets_spending),
    st.floats(-20, 20).map(hwang_shih_decani_spending),
    st.tuples(st.floats(0.1, 0.9), st.floats(0.05, 0.95)).map(lambda point: table_spending([point, (1, 1)])),
)
FRACTIONS = st.lists(st.integers(1, 99), min_size=0, max_size=6, unique=True).map(
    lambda percents: (*(percent / 100 for percent in sorted(percents)), 1.0)
)
SIDES = st.sampled_from(Alternative)
ALPHA = st.sampled_from([0.001, 0.01, 0.05, 0.2])


@given(SPENDING, st.floats(0, 1.5), st.floats(0, 1.5), ALPHA, SIDES)
def test_spending_rises_from_nothing_to_alpha(s: Spending, a: float, b: float, alpha: float, side: Alternative) -> None:
    low, high = sorted((a, b))
    spent = [alpha_spent(s, t, alpha=alpha, alternative=side) for t in (0.0, low, high, 1.0)]
    assert spent[0] == 0
    assert spent[-1] == pytest.approx(alpha, rel=1e-12)
    assert all(x <= y * (1 + 1e-12) for x, y in zip(spent[:3], [*spent[1:3], alpha], strict=True))


@given(SPENDING, st.floats(0.01, 0.99))
def test_spending_keeps_its_digits_for_rates_below_what_a_float_holds(spending: Spending, t: float) -> None:
    tiny, small = spending.log_spent(t, -5_000.0), spending.log_spent(t, math.log(0.05))
    assert -math.inf < tiny <= -5_000.0
    assert small <= math.log(0.05)


def test_known_limits_of_the_families() -> None:
    straight = hwang_shih_decani_spending(0)
    assert alpha_spent(straight, 0.3) == pytest.approx(0.015)
    assert alpha_spent(kim_demets_spending(1), 0.3) == pytest.approx(0.015)
    assert alpha_spent(hwang_shih_decani_spending(1e-9), 0.3) == pytest.approx(0.015, rel=1e-6)
    steep = alpha_spent(hwang_shih_decani_spending(-100), 0.99)
    assert steep == pytest.approx(0.05 * math.exp(-1), rel=1e-9)
    steps = table_spending([(0.5, 0.1), (1, 1)])
    assert alpha_spent(steps, 0.25) == pytest.approx(0.0025)
    assert alpha_spent(steps, 0.75) == pytest.approx(0.0275)


@given(FRACTIONS, SPENDING, ALPHA, SIDES)
def test_all_looks_together_err_at_alpha(
    fractions: tuple[float, ...], spending: Spending, alpha: float, side: Alternative
) -> None:
    found = spending_boundaries(fractions, spending=spending, alpha=alpha, alternative=side)
    bounds = [math.inf if item is None else item for item in found.efficacy]
    sides = 2 if side is Alternative.TWO_SIDED else 1
    total = sides * sum(crossings(fractions, bounds, side))
    assert total == pytest.approx(alpha, rel=1e-9)
    assert found.alpha_spent[-1] == pytest.approx(alpha, rel=1e-12)
    for t, spent in zip(fractions, found.alpha_spent, strict=True):
        assert spent == pytest.approx(alpha_spent(spending, t, alpha=alpha, alternative=side), rel=1e-9, abs=1e-300)
    one = normal_quantile(alpha / sides)
    assert all(item is None or item >= one - 1e-9 for item in found.efficacy)


@pytest.mark.parametrize("fractions", [(0.3, 0.301, 0.5, 1.0), (0.001, 0.5, 0.999, 1.0), (0.1, 0.2, 0.3, 1.0)])
@pytest.mark.parametrize("side", list(Alternative))
def test_the_quadrature_does_not_depend_on_its_panels(
    fractions: tuple[float, ...], side: Alternative, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = spending_boundaries(fractions, spending=pocock_spending(), alternative=side).efficacy
    monkeypatch.setattr(process, "_WIDTH", 1.1)
    finer = spending_boundaries(fractions, spending=pocock_spending(), alternative=side).efficacy
    assert usual == pytest.approx(finer, abs=1e-8)


@given(FRACTIONS, st.floats(-3, 3), st.floats(0.5, 3))
def test_paths_are_neither_lost_nor_made(fractions: tuple[float, ...], drift: float, bound: float) -> None:
    process_ = Process(fractions, drift)
    stopped = 0.0
    for _ in fractions:
        stopped += process_.above(bound) + process_.below(-bound)
        process_.go_on(-bound, bound)
    assert stopped + process_.mass() == pytest.approx(1, abs=1e-9)


def test_one_look_is_the_test_for_one_look() -> None:
    for make in (pocock_boundaries, obrien_fleming_boundaries, haybittle_peto_boundaries):
        assert make(1).efficacy == pytest.approx([1.959963984540054])
    assert spending_boundaries([1.0], alternative="less", alpha=0.025).efficacy == pytest.approx([1.959963984540054])
    assert error_of_repeated_looks(1, 0.1) == pytest.approx(0.1, rel=1e-12)
    assert pocock_constant(1) == obrien_fleming_constant(1) == pytest.approx(1.959963984540054)


def test_shapes_of_the_classic_boundaries() -> None:
    assert len(set(pocock_boundaries(4).efficacy)) == 1
    constant = obrien_fleming_constant(4)
    wanted = [constant * math.sqrt(4 / k) for k in (1, 2, 3, 4)]
    assert obrien_fleming_boundaries(4).efficacy == pytest.approx(wanted)
    assert haybittle_peto_boundaries(4, early=3.5).efficacy[:3] == (3.5,) * 3
    between = wang_tsiatis_boundaries(4, delta=0.25).efficacy
    assert all(a is not None and b is not None and a > b for a, b in itertools.pairwise(between))


@pytest.mark.parametrize("classic", [pocock_boundaries(5), haybittle_peto_boundaries([0.2, 0.5, 1.0])])
def test_a_classic_design_spends_through_its_own_boundaries(classic: Boundaries) -> None:
    again = spending_boundaries(classic.information, spending=classic.as_spending())
    assert again.efficacy == pytest.approx(classic.efficacy, rel=1e-9)
    assert all(item is not None for item in classic.nominal_alpha())


def test_an_end_before_the_plan_takes_what_is_left_and_one_beyond_it_no_more() -> None:
    short = spending_boundaries([0.3, 0.7], final=True)
    waiting = spending_boundaries([0.3, 0.7])
    assert short.efficacy[0] == waiting.efficacy[0]
    assert short.alpha_spent[1] == pytest.approx(0.05)
    assert waiting.alpha_spent[1] < 0.03
    beyond = spending_boundaries([0.3, 1.2, 1.5])
    assert beyond.alpha_spent == pytest.approx([beyond.alpha_spent[0], 0.05, 0.05])
    assert beyond.efficacy[2] is None
    exact = spending_boundaries([0.3, 1.0])
    # the farther the last look, the less it has in common with the first
    assert beyond.efficacy[1] is not None
    assert exact.efficacy[1] is not None
    assert beyond.efficacy[1] >= exact.efficacy[1]


def test_a_look_with_nothing_to_spend_cannot_reject() -> None:
    early = spending_boundaries([0.001, 0.5, 1.0])
    assert early.efficacy[0] == pytest.approx(70.9, abs=0.1)
    assert early.nominal_alpha()[0] is None
    assert spending_boundaries([0.2, 0.201, 0.5]).efficacy[1] is not None
    waits = spending_boundaries([0.25, 0.5, 1.0], spending=table_spending([(0.5, 0.0), (1, 1)]))
    assert waits.efficacy[:2] == (None, None)
    assert waits.efficacy[2] == pytest.approx(1.959963984540054)


@settings(max_examples=40)
@given(FRACTIONS, st.sampled_from([0.6, 0.8, 0.95]), SIDES, st.sampled_from([0.01, 0.05]))
def test_a_design_has_the_power_it_says(
    fractions: tuple[float, ...], power: float, side: Alternative, alpha: float
) -> None:
    design = group_design(fractions, alpha=alpha, alternative=side, power=power)
    at = operating(design, design.drift)
    assert sum(at.rejects) == pytest.approx(power, abs=1e-8)
    assert operating(design, 0.0).power == pytest.approx(alpha, rel=1e-9)
    assert at.expected_information == pytest.approx(design.expected_h1, abs=1e-9)
    assert design.inflation >= 1 - 1e-9
    assert 0 < design.expected_h1 <= design.expected_h0 + 1e-9 <= 1 + 2e-9
    sizes = design.sample_sizes(10_000)
    assert sizes[-1] == math.ceil(10_000 * design.inflation - 1e-9)
    assert list(sizes) == sorted(sizes)


@pytest.mark.parametrize("futility", [obrien_fleming_spending(), pocock_spending(), hwang_shih_decani_spending(-2)])
def test_futility_spends_beta_and_binding_pays_with_alpha(futility: Spending) -> None:
    free = group_design(4, alpha=0.025, alternative="greater", futility=futility)
    bound = group_design(4, alpha=0.025, alternative="greater", futility=futility, binding=True)
    for design in (free, bound):
        at = operating(design, design.drift)
        assert at.power == pytest.approx(0.8, abs=1e-7)
        for t, missed in zip(design.information[:-1], np.cumsum(at.stops_for_futility), strict=False):
            assert missed == pytest.approx(0.2 * alpha_spent(futility, t, alpha=0.2, alternative="greater") / 0.2)
        assert design.futility[-1] == design.efficacy[-1]
    assert operating(free, 0.0).power < 0.025
    assert operating(free, 0.0, obey_futility=False).power == pytest.approx(0.025)
    assert operating(bound, 0.0).power == pytest.approx(0.025)
    assert operating(bound, 0.0, obey_futility=False).power > 0.0252
    assert bound.inflation < free.inflation
    plain = group_design(4, alpha=0.025, alternative="greater")
    assert free.expected_h0 * free.inflation < plain.expected_h0 * plain.inflation


def test_naive_looks_err_more_and_more() -> None:
    errors = [error_of_repeated_looks(k) for k in (1, 2, 5, 10, 50, 200)]
    assert errors == sorted(errors)
    assert errors[-1] == pytest.approx(0.424, abs=1e-3)
    assert error_of_repeated_looks(5, 0.025, alternative="greater") < error_of_repeated_looks(5, 0.05)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: spending_boundaries([]), "information"),
        (lambda: spending_boundaries([0.5, 0.5]), "information"),
        (lambda: spending_boundaries([0.5, 0.4]), "information"),
        (lambda: spending_boundaries([0.0, 1.0]), "information"),
        (lambda: spending_boundaries([0.5, math.nan]), "information"),
        (lambda: spending_boundaries(3), "information"),  # type: ignore[arg-type]
        (lambda: spending_boundaries([1.0], alpha=1.0), "alpha"),
        (lambda: spending_boundaries([1.0], alternative="up"), "alternative"),
        (lambda: pocock_boundaries(0), "looks"),
        (lambda: pocock_boundaries([0.2, 0.9]), "looks"),
        (lambda: pocock_constant(True), "looks"),
        (lambda: haybittle_peto_boundaries(5, early=1.5), "early"),
        (lambda: haybittle_peto_boundaries(5, early=math.inf), "early"),
        (lambda: wang_tsiatis_boundaries(5, delta=2), "delta"),
        (lambda: kim_demets_spending(0), "rho"),
        (lambda: hwang_shih_decani_spending(math.nan), "gamma"),
        (lambda: table_spending([(0.5, 0.2)]), "points"),
        (lambda: table_spending([(0.5, 0.6), (0.7, 0.4), (1, 1)]), "points"),
        (lambda: alpha_spent(pocock_spending(), -0.1), "fraction"),
        (lambda: group_design(3, power=0.05), "power"),
        (lambda: group_design(3, futility=pocock_spending()), "futility"),
        (lambda: group_design(3, alternative="less", binding=True), "binding"),
        (lambda: group_design(3, spending=pocock_boundaries(4)), "spending"),
        (lambda: group_design(3).sample_sizes(0), "fixed_sample"),
        (lambda: operating(group_design(2), math.inf), "drift"),
        (lambda: error_of_repeated_looks(0), "looks"),
        (lambda: error_of_repeated_looks(2, 0), "alpha"),
    ],
)
def test_wrong_arguments_are_named(call: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
