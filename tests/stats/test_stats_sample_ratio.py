"""The sample-ratio check: which variants count, which p-value decides, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.result import NoEstimate, Validity
from assay.stats.trust.sample_ratio import chi_square_p, multinomial_anytime_p, sample_ratio


@pytest.mark.parametrize("validity", list(Validity))
@pytest.mark.parametrize(
    ("observed", "weights", "code"),
    [
        ({}, {"a": 1, "b": 1}, "no_units"),
        ({"a": 0, "b": 0}, {"a": 1, "b": 1}, "no_units"),
        ({"c": 7}, {"a": 1, "b": 1}, "no_units"),
        ({"a": 50}, {"a": 1, "b": 0}, "one_arm"),
        ({"a": 50}, {"a": 1}, "one_arm"),
        ({}, {}, "one_arm"),
    ],
)
def test_refusals(observed: dict[str, int], weights: dict[str, int], code: str, validity: Validity) -> None:
    found = sample_ratio(observed, weights, alpha=0.001, validity=validity)
    for p in (found.p_value, found.p_value_anytime):
        assert isinstance(p, NoEstimate)
        assert p.no_estimate == code
    assert not found.mismatch


def test_arms_without_weight_are_left_out() -> None:
    with_it = sample_ratio(
        {"a": 520, "b": 480, "off": 3}, {"a": 1, "b": 1, "off": 0}, alpha=0.01, validity=Validity.FIXED
    )
    without = sample_ratio({"a": 520, "b": 480}, {"a": 1, "b": 1}, alpha=0.01, validity=Validity.FIXED)
    assert (with_it.p_value, with_it.p_value_anytime) == (without.p_value, without.p_value_anytime)
    assert with_it.expected == {"a": 0.5, "b": 0.5, "off": 0.0}
    assert with_it.observed == {"a": 520, "b": 480, "off": 3}


def test_a_gross_mismatch_has_a_p_value_above_0() -> None:
    found = sample_ratio({"a": 900_000, "b": 100_000}, {"a": 1, "b": 1}, alpha=0.001, validity=Validity.ANYTIME)
    assert found.mismatch
    assert isinstance(found.p_value, float)
    assert isinstance(found.p_value_anytime, float)
    assert 0 < found.p_value < 1e-300
    assert 0 < found.p_value_anytime < 1e-300


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 100)), min_size=2, max_size=6), st.randoms())
def test_the_order_and_scale_of_weights_do_not_matter(arms: list[tuple[int, int]], rng: object) -> None:
    total = sum(weight for _, weight in arms)
    if not sum(n for n, _ in arms):
        return
    mixed = arms.copy()
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    for p_of in (chi_square_p, multinomial_anytime_p):
        there, back = (p_of([n for n, _ in item], [w / total for _, w in item]) for item in (arms, mixed))  # type: ignore[operator]
        assert there == pytest.approx(back, rel=1e-6)
        assert 0 < there <= 1
