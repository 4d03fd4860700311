"""Numbers in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import wording


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0259, "2.59 %"), (0.5, "50.0 %"), (0.00012, "0.012 %"), (0.0, "0.00 %"), (-0.03, "−3.00 %"), (1.0, "100.0 %")],
)
def test_percent(share: float, words: str) -> None:
    assert wording.percent(share) == words


@pytest.mark.parametrize(
    ("relative", "words"),
    [
        (3.122, "+312 %"),
        (0.0312, "+3.1 %"),
        (-0.0312, "−3.1 %"),
        (-0.0001, "0.0 %"),
        (0.0, "0.0 %"),
        (15.2849, "+1,528 %"),
    ],
)
def test_lift(relative: float, words: str) -> None:
    assert wording.lift(relative) == words


@pytest.mark.parametrize(
    ("p", "words"), [(0.00156, "p = 0.0016"), (0.43, "p = 0.43"), (1e-9, "p < 0.0001"), (1.0, "p = 1.00")]
)
def test_p_value(p: float, words: str) -> None:
    assert wording.p_value(p) == words


@pytest.mark.parametrize(
    ("value", "words"), [(1234567.8, "1,234,568"), (0.01234, "0.01234"), (-5.0, "−5"), (51.2988, "51.3"), (0.0, "0")]
)
def test_amount(value: float, words: str) -> None:
    assert wording.amount(value) == words


def test_level() -> None:
    assert [wording.level(share) for share in (0.95, 1 - 0.05 / 3, 0.975)] == ["95 %", "98.3 %", "97.5 %"]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_is_without_words(value: float) -> None:
    assert wording.amount(value)
    assert wording.lift(math.copysign(min(abs(value), 1e12), value))
