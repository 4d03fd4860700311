"""Outcomes as looks, a look as an outcome, and the warning where z is skewed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.model.moments import Moments
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.fixed.core import two_proportion_z, welch_t
from assay.stats.group_sequential.cautions import skewness_of_z
from assay.stats.group_sequential.design import group_design
from assay.stats.group_sequential.looks import Look, look_of_outcome
from assay.stats.group_sequential.monitoring import monitor
from assay.stats.group_sequential.outcome import group_sequential_outcome
from assay.stats.outcome import Alternative, Outcome, nothing
from tests.stats.test_group_monitoring import DESIGNS, SIDES, bounded


def test_outcomes_can_be_looks() -> None:
    rng = np.random.default_rng(5)
    control, treatment = rng.lognormal(0, 1, 3_000), rng.lognormal(0.1, 1, 3_000)
    design = group_design(3)
    outcomes = [welch_t(treatment[:n], control[:n]) for n in (1_000, 2_000, 3_000)]
    planned = 3_000 / (treatment.var() + control.var())
    course = monitor(design, outcomes, maximum_information=planned)
    assert [round(item.information, 1) for item in course.looks] == pytest.approx([0.3, 0.7, 1.0], abs=0.11)
    found = group_sequential_outcome(
        design,
        outcomes,
        maximum_information=planned,
        test=lambda alpha: welch_t(treatment, control, alpha=alpha),
    )
    assert found.test == "group_sequential_repeated"
    assert found.validity is Validity.ANYTIME
    assert found.difference == outcomes[-1].difference
    assert found.relative == outcomes[-1].relative
    (low, high), (narrow_low, narrow_high) = bounded(found.interval), bounded(outcomes[-1].interval)
    assert low < narrow_low < narrow_high < high
    lift, plain = bounded(found.relative_interval), bounded(outcomes[-1].relative_interval)
    assert lift[0] < plain[0] < plain[1] < lift[1]
    assert isinstance(found.relative_interval, Interval)
    assert found.relative_interval.level == 0.95
    stage = group_sequential_outcome(design, outcomes, maximum_information=planned, p_value="stagewise")
    assert stage.test == "group_sequential_stagewise"
    assert stage.validity is Validity.FIXED
    assert stage.p_value == course.looks[-1].stagewise_p_value
    assert found.significant() == course.rejected


@pytest.mark.parametrize("alternative", SIDES)
@pytest.mark.parametrize("size", [5, 40])
def test_an_outcome_gives_the_z_of_its_p_value(alternative: Alternative, size: int) -> None:
    rng = np.random.default_rng(size)
    treatment, control = rng.normal(0.3, 1, size), rng.normal(0, 1, size)
    outcome = welch_t(treatment, control, alternative=alternative)
    look = look_of_outcome(outcome)
    assert isinstance(look, Look)
    both = welch_t(treatment, control)
    assert isinstance(both.p_value, float)
    assert isinstance(both.difference, float)
    assert look.z is not None
    assert 2 * 0.5 * math.erfc(abs(look.z) / math.sqrt(2)) == pytest.approx(both.p_value, rel=1e-9)
    assert math.copysign(1, look.z) == math.copysign(1, both.difference)
    assert look.standard_error == pytest.approx(both.difference / look.z)


def test_outcomes_without_a_difference_or_sure_against_it() -> None:
    same = look_of_outcome(two_proportion_z((50, 100), (50, 100)))
    assert isinstance(same, Look)
    assert same.z == 0
    assert same.standard_error == pytest.approx(math.sqrt(2 * 0.25 / 100), rel=1e-6)
    against = look_of_outcome(two_proportion_z((10, 1000), (500, 1000), alternative="greater"))
    assert isinstance(against, Look)
    assert against.z is not None
    assert against.z < -6.9
    why = NoEstimate("one_unit", "one unit says nothing")
    assert look_of_outcome(nothing("t", why)) == why
    constant = welch_t(Moments.of_counts(0, 10), Moments.of_counts(0, 10))
    assert isinstance(look_of_outcome(constant), NoEstimate)
    odd = Outcome("t", 0.0, Interval(-0.0, 0.0, 0.95), 1.0, 0.0, why, why)
    assert isinstance(look_of_outcome(odd), NoEstimate)


def test_an_outcome_of_estimates_gives_the_lift_without_bounds() -> None:
    found = group_sequential_outcome(
        group_design(2, alternative="less"), [Look(information=0.5, estimate=-2.0, standard_error=0.5)], control=20.0
    )
    assert found.relative == pytest.approx(-0.1)
    assert found.statistic == pytest.approx(-4.0)
    assert isinstance(found.interval, Interval)
    assert found.interval.lower is None
    assert isinstance(found.relative_interval, NoEstimate)
    skipped = group_sequential_outcome(
        group_design(2), [Look(information=0.5, estimate=1.0, standard_error=0.5)] * 2, control=20.0
    )
    assert isinstance(skipped.p_value, NoEstimate)
    assert skipped.p_value.no_estimate == "no_new_information"


def test_a_skewed_z_is_warned_of_and_a_fair_one_is_not() -> None:
    lognormal = 33.5  # of one unit's value, at σ = 1.5

    def warned(skewness: float, n_treatment: int, n_control: int) -> tuple[str, ...]:
        skewed = skewness_of_z(skewness, n_treatment, n_control)
        look = Look(information=0.2, estimate=1.0, standard_error=1.0, skewness=skewed)
        found = monitor(DESIGNS["pocock"], [look]).warnings
        assert group_sequential_outcome(DESIGNS["pocock"], [look]).warnings == found
        return found

    assert "skewed" in warned(lognormal, 100, 400)[0]
    assert warned(lognormal, 400, 100)
    assert not warned(lognormal, 400, 400)
    assert not warned(0.5, 10_000, 40_000)
    assert skewness_of_z(2.0, 100, 1e12) == pytest.approx(2.0 / 10, rel=1e-6)
    assert skewness_of_z(2.0, 300, 100) == -skewness_of_z(2.0, 100, 300)
    few = welch_t([0.0, 1.0, 2.0], [3.0, 4.0, 4.5])._replace(warnings=("few",))
    assert group_sequential_outcome(group_design(2), [few], maximum_information=10).warnings == ("few",)
