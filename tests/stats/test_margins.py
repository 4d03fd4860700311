"""Hypotheses with a margin: at one look, at planned looks and at every look."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import Direction, Hypothesis, MetricKind
from assay.model.moments import Moments
from assay.model.plan import Correction, Plan, Spending
from assay.model.result import Comparison, Interval, NoEstimate, Validity
from assay.stats.experiment import Beside, analyse_metrics
from assay.stats.fixed.core import two_proportion_z, welch_t
from assay.stats.fixed.margins import mean_margin_test, share_margin_test
from assay.stats.looking import Looks
from tests.stats.comparing import mean_of, metric_of

HYPOTHESES = [item for item in Hypothesis if item is not Hypothesis.DIFFERENCE]
shares = st.integers(200, 20_000).flatmap(lambda n: st.tuples(st.integers(20, n - 20), st.just(n)))
margins = st.floats(0.01, 0.5)
alphas = st.floats(0.005, 0.2)


def shows(interval: Interval, hypothesis: Hypothesis, margin: float, higher_is_better: bool) -> bool:
    """What the interval of the lift says of the hypothesis."""
    lower = -math.inf if interval.lower is None else interval.lower
    upper = math.inf if interval.upper is None else interval.upper
    if hypothesis is Hypothesis.EQUIVALENCE:
        return -margin < lower and upper < margin
    bound = margin if hypothesis is Hypothesis.SUPERIORITY else -margin
    return lower > bound if higher_is_better else upper < -bound


@given(shares, shares, margins, alphas, st.sampled_from(HYPOTHESES), st.booleans())
def test_p_agrees_with_the_interval_of_the_lift(
    t: tuple[int, int], c: tuple[int, int], margin: float, alpha: float, hypothesis: Hypothesis, higher: bool
) -> None:
    outcome = share_margin_test(t, c, hypothesis=hypothesis, margin=margin, higher_is_better=higher, alpha=alpha)
    assert isinstance(outcome.p_value, float)
    if not isinstance(outcome.relative_interval, Interval) or outcome.relative_interval.lower == -1:
        return
    assume(abs(outcome.p_value - alpha) > 1e-9)
    assert (outcome.p_value < alpha) is shows(outcome.relative_interval, hypothesis, margin, higher)


@given(shares, shares, margins, st.sampled_from(HYPOTHESES))
def test_a_wider_margin_is_easier_not_to_be_worse_by_and_harder_to_beat(
    t: tuple[int, int], c: tuple[int, int], margin: float, hypothesis: Hypothesis
) -> None:
    narrow, wide = (share_margin_test(t, c, hypothesis=hypothesis, margin=m).log_p for m in (margin, 1.5 * margin))
    assert isinstance(narrow, float)
    assert isinstance(wide, float)
    if hypothesis is Hypothesis.SUPERIORITY:
        assert wide >= narrow - 1e-12
    else:
        assert wide <= narrow + 1e-12


def test_a_margin_of_almost_nothing_is_the_one_sided_test() -> None:
    t, c = mean_of(400, 10.3, 2.0), mean_of(500, 10.0, 2.2)
    tiny = mean_margin_test(t, c, hypothesis="superiority", margin=1e-12)
    assert tiny.p_value == pytest.approx(welch_t(t, c, alternative="greater").p_value, rel=1e-6)
    worse = mean_margin_test(t, c, hypothesis="superiority", margin=1e-12, higher_is_better=False)
    assert worse.p_value == pytest.approx(welch_t(t, c, alternative="less").p_value, rel=1e-6)
    both = share_margin_test((60, 500), (50, 500), hypothesis="non_inferiority", margin=1e-12)
    assert both.p_value == pytest.approx(
        two_proportion_z((60, 500), (50, 500), alternative="greater", pooled=False).p_value, rel=1e-6
    )


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"hypothesis": "difference", "margin": 0.1}, "hypothesis"),
        ({"hypothesis": "better", "margin": 0.1}, "hypothesis"),
        ({"hypothesis": "superiority", "margin": 0.0}, "margin"),
        ({"hypothesis": "superiority", "margin": 1.0}, "margin"),
    ],
)
def test_wrong_questions_are_named(options: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        share_margin_test((1, 10), (2, 10), **options)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_what_has_no_margin_says_why() -> None:
    zero = share_margin_test((5, 100), (0, 100), hypothesis="non_inferiority", margin=0.1)
    negative = mean_margin_test(mean_of(50, 1, 1), mean_of(50, -1, 1), hypothesis="equivalence", margin=0.1)
    empty = share_margin_test((0, 0), (5, 100), hypothesis="equivalence", margin=0.1)
    codes = [item.p_value.no_estimate for item in (zero, negative, empty) if isinstance(item.p_value, NoEstimate)]
    assert codes == ["negative_control", "negative_control", "empty_arm"]


def analysed(
    t: Moments, c: Moments, *, validity: Validity, looks: Looks | None = None, alpha: float = 0.05, **metric: object
) -> Comparison:
    """One share, treatment against control, as the product compares them."""
    (result,), failures = analyse_metrics(
        [metric_of(MetricKind.CONVERSION, **metric)],
        {"m": {"c": c, "t": t}},
        control="c",
        plan=Plan(alpha=alpha, correction=Correction.NONE),
        validity=validity,
        tuning_units=20_000,
        data=Beside(looks=looks),
    )
    assert not failures
    return result.comparisons[0]


@given(shares, shares, margins, st.sampled_from(HYPOTHESES), st.sampled_from(Direction))
def test_watched_margins_agree_with_their_interval_and_ask_for_more(
    t: tuple[int, int], c: tuple[int, int], margin: float, hypothesis: Hypothesis, direction: Direction
) -> None:
    arms = Moments.of_counts(*t), Moments.of_counts(*c)
    question = {"hypothesis": hypothesis, "margin": margin, "direction": direction}
    watched = analysed(*arms, validity=Validity.ANYTIME, **question)
    once = analysed(*arms, validity=Validity.FIXED, **question)
    assert isinstance(watched.p_value, float)
    assert isinstance(once.p_value, float)
    if hypothesis is not Hypothesis.EQUIVALENCE and isinstance(watched.relative_interval, Interval):
        interval = watched.relative_interval
        if interval.lower != -1 and abs(watched.p_value - 0.05) > 1e-9:
            assert watched.significant is shows(interval, hypothesis, margin, direction is Direction.INCREASE)
    if watched.significant:
        assert once.significant
    assert watched.margin == margin
    assert watched.hypothesis is hypothesis


@given(shares, shares, st.sampled_from(Spending), st.integers(1, 4), st.booleans())
def test_a_planned_look_asks_for_more_than_one_look_and_agrees_with_its_interval(
    t: tuple[int, int], c: tuple[int, int], spending: Spending, n_looks: int, one_sided: bool
) -> None:
    planned = (0.25, 0.5, 0.75, 1.0)
    looks = Looks(planned=planned, taken=planned[:n_looks], spending=spending)
    arms = Moments.of_counts(*t), Moments.of_counts(*c)
    at_look = analysed(*arms, validity=Validity.ANYTIME, looks=looks, one_sided=one_sided)
    once = analysed(*arms, validity=Validity.FIXED, one_sided=one_sided)
    assert isinstance(at_look.p_value, float)
    assert isinstance(once.p_value, float)
    assert at_look.p_value >= once.p_value - 1e-12
    assert at_look.test == "two_proportion_z_group_sequential"
    inner, outer = once.absolute_interval, at_look.absolute_interval
    assert isinstance(inner, Interval)
    assert isinstance(outer, Interval)
    assert outer.lower is not None
    assert inner.lower is not None
    assert outer.lower <= inner.lower + 1e-12
    assert outer.level == 0.95


def test_before_the_first_look_there_is_no_p_value() -> None:
    looks = Looks(planned=(0.5, 1.0), taken=())
    found = analysed(Moments.of_counts(60, 500), Moments.of_counts(40, 500), validity=Validity.ANYTIME, looks=looks)
    assert isinstance(found.p_value, NoEstimate)
    assert found.p_value.no_estimate == "before_first_look"
    assert found.absolute == pytest.approx(0.04)
    assert not found.significant


def test_looks_share_the_error_that_one_look_has() -> None:
    """At z = 2.5 O'Brien and Fleming stop at the last of four looks and not at the first; Pocock at each."""
    found = {
        (spending, k): analysed(
            Moments.of_counts(556, 5_000),
            Moments.of_counts(478, 5_000),
            validity=Validity.ANYTIME,
            looks=Looks(planned=(0.25, 0.5, 0.75, 1.0), taken=(0.25, 0.5, 0.75, 1.0)[:k], spending=spending),
        ).significant
        for spending in (Spending.OBRIEN_FLEMING, Spending.POCOCK)
        for k in (1, 4)
    }
    assert found == {
        (Spending.OBRIEN_FLEMING, 1): False,
        (Spending.OBRIEN_FLEMING, 4): True,
        (Spending.POCOCK, 1): True,
        (Spending.POCOCK, 4): True,
    }


def test_worse_by_more_than_the_margin_is_an_alarm_and_worse_within_it_is_none() -> None:
    question = {"hypothesis": Hypothesis.NON_INFERIORITY, "margin": 0.1}
    for validity in Validity:
        control = Moments.of_counts(5_000, 50_000)
        harmful = analysed(Moments.of_counts(4_000, 50_000), control, validity=validity, **question)
        within = analysed(Moments.of_counts(4_800, 50_000), control, validity=validity, **question)
        assert (harmful.better, harmful.significant) == (False, False)
        assert within.better is None
        assert analysed(control, control, validity=validity, **question).significant
