"""Sequences where there is little or nothing to say: reasons in words, refusals that name the field, far tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.fixed.core import welch_t
from assay.stats.outcome import Outcome
from assay.stats.sequential.counts import rate_sequence, two_rate_sequence
from assay.stats.sequential.means import log_ratio_sequence, mean_sequence, proportion_sequence, ratio_sequence
from assay.stats.sequential.msprt import msprt
from assay.stats.sequential.quantiles import quantile_sequence, two_quantile_sequence
from assay.stats.sequential.running import RunningSequence
from assay.stats.sequential.shares import share_sequence, two_share_sequence
from assay.stats.sequential.sprt import SprtDecision, sprt_means, sprt_shares

MEANS: list[Callable[..., Outcome]] = [mean_sequence, log_ratio_sequence, lambda t, c, **o: msprt(t, c, tau=1.0, **o)]


def code(given: object) -> str | None:
    return given.no_estimate if isinstance(given, NoEstimate) else None


def bounds(found: Any) -> tuple[float | None, float | None]:
    assert isinstance(found.interval, Interval)
    return found.interval.lower, found.interval.upper


@pytest.mark.parametrize("test", MEANS)
def test_means_without_units_or_variance(test: Callable[..., Outcome]) -> None:
    assert code(test([], [1.0, 2.0]).p_value) == "empty_arm"
    assert code(test([1.0], [1.0, 2.0]).p_value) == "one_unit"
    assert code(test([2.0, 2.0], [1.0, 1.0]).p_value) == "zero_variance"
    empty = test([], [])
    assert empty.validity is Validity.ANYTIME
    assert code(empty.difference) == code(empty.interval) == code(empty.relative_interval) == "empty_arm"


def test_everything_is_valid_at_every_look() -> None:
    found = [
        two_share_sequence((1, 9), (2, 9)),
        two_rate_sequence((1, 9.0), (2, 9.0), tuning_exposure=9.0),
        two_quantile_sequence([1, 2], [2, 3]),
        proportion_sequence((1, 9), (2, 9)),
        *(test([1.0, 2.0], [2.0, 4.0]) for test in MEANS),
    ]
    assert {item.validity for item in found} == {Validity.ANYTIME}


def test_exact_sequences_need_a_unit_and_no_more() -> None:
    assert code(two_share_sequence((0, 0), (1, 2)).p_value) == "empty_arm"
    assert code(share_sequence((0, 0)).interval) == "empty_arm"
    assert code(quantile_sequence([]).interval) == "empty_arm"
    assert code(two_quantile_sequence([], [1]).p_value) == "empty_arm"
    assert code(two_rate_sequence((0, 0.0), (1, 2.0), tuning_exposure=1.0).p_value) == "no_exposure"
    assert code(rate_sequence((0, 0.0), tuning_exposure=1.0).p_value) == "no_exposure"
    for t, c in (((0, 1), (0, 1)), ((1, 1), (0, 1)), ((1, 1), (1, 1)), ((0, 9), (0, 9)), ((9, 9), (9, 9))):
        found = two_share_sequence(t, c, tuning_units=20)
        assert found.p_value == 1.0
        lower, upper = bounds(found)
        assert lower is not None
        assert upper is not None
        assert -1 <= lower < t[0] / t[1] - c[0] / c[1] + 1e-9
        assert t[0] / t[1] - c[0] / c[1] - 1e-9 < upper <= 1


def test_all_or_nothing_converted() -> None:
    none, every = share_sequence((0, 400), tuning_units=400), share_sequence((400, 400), tuning_units=400)
    assert bounds(none)[0] == 0.0
    assert bounds(every)[1] == 1.0
    assert bounds(none)[1] == pytest.approx(1 - bounds(every)[0], rel=1e-9)  # type: ignore[operator]
    apart = two_share_sequence((100, 100), (0, 100), tuning_units=100)
    assert apart.significant()
    assert code(apart.relative) == "zero_control"
    assert isinstance(apart.relative_interval, Interval)
    assert apart.relative_interval.upper is None
    assert apart.relative_interval.lower is not None
    assert apart.relative_interval.lower > 1
    assert code(two_share_sequence((0, 50), (0, 50)).relative_interval) == "zero_control"


def test_far_tails_keep_their_logarithm() -> None:
    far = [
        two_share_sequence((600_000, 1_000_000), (400_000, 1_000_000)),
        two_rate_sequence((600_000, 1e6), (400_000, 1e6), tuning_exposure=1e4),
        mean_sequence(Moments(10**6, (VALUE,), (1.0,), (1e6,)), Moments(10**6, (VALUE,), (0.0,), (1e6,))),
        msprt(Moments(10**6, (VALUE,), (1.0,), (1e6,)), Moments(10**6, (VALUE,), (0.0,), (1e6,)), tau=0.1),
        two_quantile_sequence(np.arange(3_000) + 2_800, np.arange(3_000), tuning_units=1_000),
    ]
    for found in far:
        assert isinstance(found.log_p, float)
        assert isinstance(found.p_value, float)
        assert found.log_p < -700
        assert 0 < found.p_value < 1e-300
        assert found.significant()


def test_large_means_lose_nothing() -> None:
    rng = np.random.default_rng(1)
    t, c = rng.standard_normal(500) + 0.5, rng.standard_normal(500)
    near, far = mean_sequence(t, c, tuning_units=1_000), mean_sequence(t + 1e8, c + 1e8, tuning_units=1_000)
    assert far.log_p == pytest.approx(near.log_p, rel=1e-5)
    assert bounds(far) == pytest.approx(bounds(near), rel=1e-5)
    one = msprt(t + 1e8, c + 1e8, tau=0.5)
    assert one.log_p == pytest.approx(msprt(t, c, tau=0.5).log_p, rel=1e-5)


def test_a_one_sided_interval_is_open_on_the_other_side() -> None:
    rng = np.random.default_rng(2)
    t, c = rng.exponential(1.2, 400), rng.exponential(1.0, 400)
    for test in (*MEANS, two_quantile_sequence):
        both, above, below = (test(t, c, alternative=item) for item in ("two_sided", "greater", "less"))
        assert bounds(above)[1] is None
        assert bounds(below)[0] is None
        assert bounds(above)[0] > bounds(both)[0]  # type: ignore[operator]
        assert bounds(below)[1] < bounds(both)[1]  # type: ignore[operator]
        assert isinstance(above.relative_interval, Interval)
        assert above.relative_interval.upper is None


def test_the_lift_of_a_negative_control_turns_round() -> None:
    found = mean_sequence([-1.0, -2.0, -1.5, -1.2] * 50, [-3.0, -4.0, -3.5, -3.2] * 50, alternative="greater")
    assert bounds(found)[1] is None
    assert isinstance(found.relative_interval, Interval)
    assert found.relative_interval.lower is None


def test_means_that_have_no_logarithm() -> None:
    assert code(log_ratio_sequence([1.0, -3.0], [1.0, 2.0]).p_value) == "not_positive"
    assert code(log_ratio_sequence([1.0, 3.0], [0.0, 0.0]).p_value) == "not_positive"
    assert log_ratio_sequence([0.0] * 95 + [1.0] * 5, [0.0] * 90 + [1.0] * 10).warnings
    assert not log_ratio_sequence([0.0] * 500 + [1.0] * 500, [0.0] * 500 + [1.0] * 510).warnings


def test_a_constant_covariate_changes_nothing_and_says_so() -> None:
    rows = [(1.0, 7.0), (2.0, 7.0), (4.0, 7.0)]
    t, c = Moments.of((VALUE, COVARIATE), rows), Moments.of((VALUE, COVARIATE), [(y + 1, x) for y, x in rows])
    found, plain = (
        mean_sequence(t, c, tuning_units=3),
        mean_sequence(t.only((VALUE,)), c.only((VALUE,)), tuning_units=3),
    )
    assert found.log_p == plain.log_p
    assert "covariate" in found.warnings[0]
    assert not plain.warnings


def test_ratios_without_a_denominator() -> None:
    zero = Moments.of((VALUE, DENOMINATOR), [(1.0, 0.0), (2.0, 0.0)])
    some = Moments.of((VALUE, DENOMINATOR), [(1.0, 2.0), (2.0, 5.0)])
    assert code(ratio_sequence(zero, some).p_value) == "zero_denominator"


def test_few_units_have_no_quantile_bounds() -> None:
    assert code(quantile_sequence([1, 2, 3]).interval) == "too_few_units"
    assert quantile_sequence([1, 2, 3]).estimate == 2
    assert quantile_sequence([1, 2, 3, 4]).estimate == 2
    # of the 99 % quantile of 300 units only a lower bound is known
    lower, upper = bounds(quantile_sequence(range(300), quantile=0.99, tuning_units=100))
    assert lower is not None
    assert upper is None
    assert code(two_quantile_sequence([0, 1, 2], [1, 2, 3]).relative_interval) == "not_positive"


def test_the_mixture_sprt_warns_while_its_variance_is_a_guess() -> None:
    rng = np.random.default_rng(3)
    t, c = rng.standard_normal(99), rng.standard_normal(400)
    assert msprt(t, c, tau=0.1).warnings
    assert not msprt(t, c, tau=0.1, standard_deviation=1.0).warnings
    assert not msprt(np.append(t, 0.0), c, tau=0.1).warnings
    assert isinstance(msprt([1.0], [0.0], tau=0.1, standard_deviation=1.0).p_value, float)


def test_wald_decides_at_the_bounds() -> None:
    given = {"hypothesis": 0.1, "alternative": 0.2, "alpha": 0.05, "beta": 0.1}
    assert sprt_shares((0, 0), **given).decision is SprtDecision.CONTINUE  # type: ignore[arg-type]
    assert code(sprt_shares((0, 0), **given).log_likelihood_ratio) == "empty_arm"  # type: ignore[arg-type]
    assert sprt_shares((30, 100), **given).decision is SprtDecision.ACCEPT_ALTERNATIVE  # type: ignore[arg-type]
    assert sprt_shares((5, 100), **given).decision is SprtDecision.ACCEPT_HYPOTHESIS  # type: ignore[arg-type]
    assert sprt_shares((15, 100), **given).decision is SprtDecision.CONTINUE  # type: ignore[arg-type]
    downwards = sprt_shares((5, 100), hypothesis=0.2, alternative=0.1)
    assert downwards.decision is SprtDecision.ACCEPT_ALTERNATIVE
    assert downwards.expected_units_hypothesis > 0
    assert downwards.expected_units_alternative > 0
    huge = sprt_means(
        Moments(10, (VALUE,), (1e8 + 1,), (9.0,)), hypothesis=1e8, alternative=1e8 + 1, standard_deviation=1.0
    )
    assert huge.log_likelihood_ratio == pytest.approx(5.0)
    assert huge.upper == pytest.approx(math.log(16))


BAD: list[tuple[str, Callable[[], object]]] = [
    ("alpha", lambda: share_sequence((1, 2), alpha=0.0)),
    ("null", lambda: share_sequence((1, 2), null=1.0)),
    ("prior", lambda: share_sequence((1, 2), prior=(0.0, 1.0))),
    ("share", lambda: share_sequence((3, 2))),
    ("tuning_units", lambda: share_sequence((1, 2), tuning_units=0)),
    ("treatment_share", lambda: two_share_sequence((1, 2), (1, 2), treatment_share=1.0)),
    ("null", lambda: two_share_sequence((1, 2), (1, 2), null=1.0)),
    ("alternative", lambda: two_share_sequence((1, 2), (1, 2), alternative="up")),
    ("control", lambda: two_share_sequence((1, 2), (1.5, 2))),
    ("events", lambda: rate_sequence((1, -2.0), tuning_exposure=1)),
    ("events", lambda: rate_sequence((1, 0.0), tuning_exposure=1)),
    ("treatment", lambda: two_rate_sequence((1.5, 2.0), (1, 2.0), tuning_exposure=1)),  # type: ignore[arg-type]
    ("tuning_exposure", lambda: rate_sequence((1, 2.0), tuning_exposure=math.inf)),
    ("null", lambda: rate_sequence((1, 2.0), tuning_exposure=1, null=0.0)),
    ("quantile", lambda: quantile_sequence([1, 2], quantile=1.0)),
    ("null", lambda: two_quantile_sequence([1, 2], [1, 2], null=math.nan)),
    ("treatment", lambda: two_quantile_sequence([math.nan], [1, 2])),
    ("tuning_units", lambda: mean_sequence([1, 2], [1, 2], tuning_units=-1)),
    ("null", lambda: mean_sequence([1, 2], [1, 2], null=math.inf)),
    ("null", lambda: proportion_sequence((1, 2), (1, 2), null=-1)),
    ("tau", lambda: msprt([1, 2], [1, 2], tau=0.0)),
    ("standard_deviation", lambda: msprt([1, 2], [1, 2], tau=1, standard_deviation=-1)),
    ("hypothesis", lambda: sprt_shares((1, 2), hypothesis=0.0, alternative=0.5)),
    ("alternative", lambda: sprt_shares((1, 2), hypothesis=0.5, alternative=0.5)),
    ("beta", lambda: sprt_shares((1, 2), hypothesis=0.5, alternative=0.6, alpha=0.5, beta=0.5)),
    ("standard_deviation", lambda: sprt_means([1.0], hypothesis=0, alternative=1, standard_deviation=0)),
    ("found", lambda: RunningSequence().look(welch_t([1, 2], [1, 3]))),
]


@pytest.mark.parametrize(("field", "call"), BAD, ids=[f"{field}-{i}" for i, (field, _) in enumerate(BAD)])
def test_wrong_arguments_name_the_field(field: str, call: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput) as raised:
        call()
    assert raised.value.field == field
    assert raised.value.accepted


def test_running_keeps_what_was_known() -> None:
    fresh = RunningSequence()
    assert code(fresh.interval) == code(fresh.p_value) == "no_look"
    assert not fresh.significant()
    first = fresh.look(two_share_sequence((0, 0), (0, 0), tuning_units=400))
    assert first.looks == 0
    assert code(first.interval) == "empty_arm"
    strong = first.look(two_share_sequence((180, 400), (90, 400), tuning_units=400))
    later = strong.look(two_share_sequence((230, 600), (190, 600), tuning_units=400))
    assert (strong.looks, later.looks) == (1, 2)
    assert later.significant()
    assert later.log_p == strong.log_p
    assert fresh.looks == 0
    gap = later.look(two_share_sequence((0, 0), (0, 0), tuning_units=400))
    assert gap.interval == later.interval
    assert gap.log_p == later.log_p


def test_running_says_when_looks_contradict_each_other() -> None:
    up = two_share_sequence((500, 1_000), (300, 1_000), tuning_units=2_000)
    down = two_share_sequence((3_000, 10_000), (5_000, 10_000), tuning_units=2_000)
    running = RunningSequence().look(up).look(down)
    assert running.empty
    assert code(running.interval) == code(running.relative_interval) == "empty_sequence"
    assert "changed" in running.interval.reason  # type: ignore[union-attr]
    assert running.look(up).empty
    assert isinstance(running.p_value, float)
    assert not RunningSequence().look(up).empty


def test_running_refuses_another_question() -> None:
    running = RunningSequence().look(two_share_sequence((5, 10), (3, 10)))
    for other in (
        two_share_sequence((5, 10), (3, 10), alpha=0.01),
        two_share_sequence((5, 10), (3, 10), null=0.1),
        two_share_sequence((5, 10), (3, 10), alternative="greater"),
        proportion_sequence((5, 10), (3, 10)),
    ):
        with pytest.raises(InvalidInput):
            running.look(other)


def test_running_intersects_one_quantity_and_one_side() -> None:
    first = share_sequence((50, 100), null=0.4, tuning_units=200, alternative="greater")
    second = share_sequence((120, 200), null=0.4, tuning_units=200, alternative="greater")
    running = RunningSequence().look(first).look(second)
    assert isinstance(running.interval, Interval)
    assert running.interval.upper is None
    assert running.interval.lower == max(bounds(first)[0], bounds(second)[0])  # type: ignore[type-var]
    assert code(running.relative_interval) == "no_look"


def test_a_quantile_with_many_ties_is_not_rejected_at_its_own_value() -> None:
    tied, other = [0.0] * 600 + [1.0] * 400, [0.0] * 900 + [1.0] * 100
    found = quantile_sequence(tied, null=0.0, tuning_units=500)
    assert found.p_value == 1.0
    assert bounds(found) == (0.0, 0.0)
    assert two_quantile_sequence(tied, other, tuning_units=500).p_value == 1.0
    assert bounds(two_quantile_sequence(tied, other, tuning_units=500)) == (0.0, 0.0)
    assert two_quantile_sequence(tied, other, quantile=0.75, tuning_units=500).significant()
