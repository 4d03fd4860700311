"""What every Leases adapter must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from assay.ports import Leases

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


def test_one_holds_until_the_lease_runs_out(leases: Leases) -> None:
    assert leases.hold("analysis", "a", seconds=30, now=NOW)
    assert not leases.hold("analysis", "b", seconds=30, now=NOW + timedelta(seconds=29))
    assert leases.hold("analysis", "b", seconds=30, now=NOW + timedelta(seconds=30))
    assert not leases.hold("analysis", "a", seconds=30, now=NOW + timedelta(seconds=31))


def test_the_holder_renews(leases: Leases) -> None:
    for seconds in range(0, 100, 20):
        assert leases.hold("analysis", "a", seconds=30, now=NOW + timedelta(seconds=seconds))
    assert not leases.hold("analysis", "b", seconds=30, now=NOW + timedelta(seconds=100))


def test_what_is_given_back_is_free(leases: Leases) -> None:
    assert leases.hold("analysis", "a", seconds=30, now=NOW)
    leases.release("analysis", "b")
    assert not leases.hold("analysis", "b", seconds=30, now=NOW)
    leases.release("analysis", "a")
    assert leases.hold("analysis", "b", seconds=30, now=NOW)


def test_leases_of_other_names_are_others(leases: Leases) -> None:
    assert leases.hold("analysis", "a", seconds=30, now=NOW)
    assert leases.hold("retention", "b", seconds=30, now=NOW)


def test_of_many_that_ask_at_once_one_gets_it(leases: Leases) -> None:
    for turn in range(5):
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(leases.hold, f"turn-{turn}", f"h{i}", seconds=30, now=NOW) for i in range(8)]
            got = [future.result() for future in asked]
        assert sum(got) == 1
