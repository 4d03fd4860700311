"""Tokens of units: never more than the rate allows, in bounded memory."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.service import unitrates
from assay.service.unitrates import UnitRates


def test_a_second_s_worth_at_once_and_then_as_they_come() -> None:
    rates = UnitRates(100)
    assert sum(rates.take("u", 50.0) for _ in range(300)) == 100
    assert sum(rates.take("u", 50.5) for _ in range(300)) == 50
    assert sum(rates.take("v", 50.5) for _ in range(300)) == 100
    assert sum(rates.take("u", 60.0) for _ in range(300)) == 100


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 0.4)), max_size=200), st.sampled_from([0.5, 1, 7]))
def test_never_more_than_a_bucket_of_tokens(asked: list[tuple[str, float]], per_second: float) -> None:
    rates, now = UnitRates(per_second), 0.0
    most = max(1.0, per_second)
    tokens: dict[str, float] = defaultdict(lambda: most)
    seen: dict[str, float] = {}
    for unit, pause in asked:
        now += pause
        tokens[unit] = min(most, tokens[unit] + (now - seen.get(unit, now)) * per_second)
        seen[unit] = now
        if rates.take(unit, now):
            tokens[unit] -= 1
            assert tokens[unit] > -0.01
        else:
            assert tokens[unit] < 1.01


def test_memory_is_bounded_and_debts_outlive_a_change_of_dictionaries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unitrates, "_MOST_UNITS", 50)
    rates = UnitRates(1)
    assert rates.take("u", 0.0)
    for i in range(60):
        assert rates.take(f"other-{i}", 0.0)
    assert not rates.take("u", 0.1)
    for i in range(10_000):
        rates.take(f"another-{i}", i / 1_000)
        assert len(rates._fresh) + len(rates._old) <= 102
