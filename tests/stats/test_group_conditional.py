"""Conditional and predictive power: direction, symmetry, averages, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.group_sequential.conditional_power import (
    ConditionalPower,
    b_value,
    conditional_power,
    conditional_power_boundary,
    futile_by_conditional_power,
)
from assay.stats.group_sequential.design import group_design
from assay.stats.group_sequential.looks import Look
from assay.stats.group_sequential.spending import obrien_fleming_spending

ONE_SIDED = group_design(4, alternative="greater", alpha=0.025)


@settings(max_examples=40)
@given(st.floats(-3, 3), st.floats(0.01, 1), st.sampled_from([None, 0.5, 3.0]))
def test_conditional_power_rises_with_z(z: float, more: float, prior_sd: float | None) -> None:
    low, high = (conditional_power(ONE_SIDED, [Look(information=0.4, z=x)], prior_sd=prior_sd) for x in (z, z + more))
    assert isinstance(low, ConditionalPower)
    assert isinstance(high, ConditionalPower)
    for name in ("planned", "current", "null", "predictive"):
        assert 0 <= getattr(low, name) <= getattr(high, name) <= 1
    assert low.null <= low.planned
    assert low.b_value == pytest.approx(z * math.sqrt(0.4))


def test_conditional_power_averages_to_what_the_design_promises() -> None:
    """Over the first look, which hardly ever stops here, conditional power averages to power and to alpha."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    t, design = 0.25, ONE_SIDED

    def average(drift: float, name: str) -> float:
        found = [
            conditional_power(design, [Look(information=t, z=float(x + drift * math.sqrt(t)))], prior_sd=1.0)
            for x in nodes
        ]
        return float(sum(w * getattr(item, name) for w, item in zip(weights, found, strict=True)))

    assert average(0.0, "null") == pytest.approx(0.025, abs=2e-5)
    assert average(design.drift, "planned") == pytest.approx(0.8, abs=2e-3)


def test_a_sharp_prior_is_a_supposed_effect() -> None:
    look = [Look(information=0.5, z=1.0)]
    sharp = conditional_power(ONE_SIDED, look, prior_mean=ONE_SIDED.drift, prior_sd=1e-4)
    assert isinstance(sharp, ConditionalPower)
    assert sharp.predictive == pytest.approx(sharp.planned, rel=1e-6)


def test_two_sided_conditional_power_has_no_preferred_side() -> None:
    design = group_design(3)
    up, down = (conditional_power(design, [Look(information=0.3, z=z)]) for z in (1.4, -1.4))
    assert isinstance(up, ConditionalPower)
    assert isinstance(down, ConditionalPower)
    for name in ("current", "null", "predictive"):
        assert getattr(up, name) == pytest.approx(getattr(down, name))
    assert up.planned > down.planned


def test_the_power_boundary_is_where_the_rule_turns() -> None:
    for trend in ("planned", "current", "null"):
        z = conditional_power_boundary(ONE_SIDED, [0.25, 0.5], below=0.3, trend=trend)
        assert isinstance(z, float)
        under, over = (
            futile_by_conditional_power(
                ONE_SIDED,
                [Look(information=0.25, z=0.0), Look(information=0.5, z=z + gap)],
                below=0.3,
                trend=trend,
            )
            for gap in (-1e-6, 1e-6)
        )
        assert under is True
        assert over is False


def test_binding_futility_to_come_costs_conditional_power() -> None:
    free, bound = (
        group_design(4, alternative="greater", futility=obrien_fleming_spending(), binding=binding)
        for binding in (False, True)
    )
    low = [conditional_power(design, [Look(information=0.25, z=-0.5)]) for design in (free, bound)]
    assert all(isinstance(item, ConditionalPower) for item in low)
    assert low[1].current < low[0].current  # type: ignore[union-attr]


def test_conditional_power_says_why_it_cannot() -> None:
    design = group_design(2)
    codes = {
        "no_look": conditional_power(design, []),
        "plan_fulfilled": conditional_power(design, [Look(information=1, z=1.0)]),
    }
    for code, found in codes.items():
        assert isinstance(found, NoEstimate)
        assert found.no_estimate == code
    assert isinstance(futile_by_conditional_power(design, []), NoEstimate)
    assert isinstance(conditional_power_boundary(ONE_SIDED, [0.5, 1.0]), NoEstimate)
    early = conditional_power(design, [Look(information=0.0005, z=1.0)])
    assert isinstance(early, ConditionalPower)
    assert isinstance(early.predictive, NoEstimate)
    told = conditional_power(design, [Look(information=0.0005, z=1.0)], prior_sd=1.0)
    assert isinstance(told, ConditionalPower)
    assert isinstance(told.predictive, float)
    assert b_value(2.0, 0.25) == 1.0


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: conditional_power(group_design(2), [], prior_sd=0), "prior_sd"),
        (lambda: conditional_power(group_design(2), [], prior_mean=math.inf), "prior_mean"),
        (lambda: futile_by_conditional_power(ONE_SIDED, [], below=0), "below"),
        (lambda: futile_by_conditional_power(ONE_SIDED, [], trend="hope"), "trend"),
        (lambda: conditional_power_boundary(group_design(2), [0.5]), "design"),
        (lambda: b_value(1.0, 0), "fraction"),
    ],
)
def test_wrong_arguments_are_named(call: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
