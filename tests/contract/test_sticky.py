"""What every StickyStore adapter must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from assay.ports import StickyStore


def test_nobody_is_known_at_first(sticky: StickyStore) -> None:
    assert sticky.recall("u", ["a", "b"]) == {}
    assert sticky.recall("u", []) == {}


def test_what_was_remembered_is_recalled(sticky: StickyStore) -> None:
    sticky.remember("u😀:1", {"a": "control", "b": "green"})
    sticky.remember("v", {"a": "green"})
    assert sticky.recall("u😀:1", ["b", "a", "c"]) == {"a": "control", "b": "green"}
    assert sticky.recall("v", ["a", "b"]) == {"a": "green"}


def test_the_first_variant_stays(sticky: StickyStore) -> None:
    sticky.remember("u", {"a": "control"})
    sticky.remember("u", {"a": "green", "b": "blue"})
    assert sticky.recall("u", ["a", "b"]) == {"a": "control", "b": "blue"}


def test_of_many_at_once_all_agree_afterwards(sticky: StickyStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: sticky.remember("u", {"a": f"v{i}"}), range(50)))
    first = sticky.recall("u", ["a"])
    assert len(first) == 1
    assert sticky.recall("u", ["a"]) == first


def test_a_forgotten_unit_is_unknown(sticky: StickyStore) -> None:
    sticky.remember("u", {"a": "control"})
    sticky.forget("u")
    sticky.forget("u")
    assert sticky.recall("u", ["a"]) == {}
    sticky.remember("u", {"a": "green"})
    assert sticky.recall("u", ["a"]) == {"a": "green"}


def test_it_answers(sticky: StickyStore) -> None:
    sticky.check()
