"""The evaluator in JavaScript against the vectors of spec/assignment, in Node; and what no vector can say."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.js.conftest import SPEC, Node

FILES = (SPEC / "conditions.json", SPEC / "decisions.json")


def test_every_vector(node: Node) -> None:
    conditions, decisions = (json.loads(path.read_text()) for path in FILES)
    answer = node("vectors.mjs", *FILES)
    assert answer["wrong"] == []
    assert answer["asked"] == [len(conditions["cases"]), len(decisions["cases"]), len(decisions["all"])]


def test_a_wrong_vector_is_found(node: Node, tmp_path: Any) -> None:
    """The check above can fail: each of its three parts notices one changed answer."""
    conditions, decisions = (json.loads(path.read_text()) for path in FILES)
    conditions["cases"][0]["matches"] = not conditions["cases"][0]["matches"]
    decisions["cases"][0]["reason"] = "denied"
    decisions["all"][0]["all"]["another"] = "control"
    changed = [tmp_path / path.name for path in FILES]
    for path, content in zip(changed, (conditions, decisions), strict=True):
        path.write_text(json.dumps(content))
    assert len(node("vectors.mjs", *changed)["wrong"]) == 3


@pytest.fixture(scope="module")
def edges(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = node("edges.mjs", FILES[1])
    return found


def test_digests_of_any_length(edges: dict[str, Any]) -> None:
    assert edges["digests"] == []


def test_half_of_a_surrogate_pair_is_three_bytes(edges: dict[str, Any]) -> None:
    """The digests are those of the bytes ED A0 80 and ED BF BF."""
    assert edges["halves"] == ["control", "treatment"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("format", "format 2; this evaluator knows 1 only"),
        ("algorithm", "even: algorithm 2; this evaluator knows 1 only"),
        ("nothing", "not the document of a snapshot"),
        ("keyless", "an experiment without a key"),
        ("method", 'even: unknown randomization "dice"'),
        ("operator", 'even: unknown operator "constructor"'),
        ("condition", 'even: unknown condition ["toString"]'),
        ("time", 'even: a before: not a time: "2026-02-30"'),
        ("blocks", "even: weights do not divide a block of 3"),
        ("weights", "even: weights sum to 999999, not 1000000"),
    ],
)
def test_documents_that_cannot_be_read_are_refused_in_words(edges: dict[str, Any], what: str, words: str) -> None:
    assert edges["refusals"][what] == words


def test_empty_parts_are_as_parts_left_out(edges: dict[str, Any]) -> None:
    assert edges["emptyParts"] is None


def test_nothing_that_is_given_raises(edges: dict[str, Any]) -> None:
    assert edges["odd"] == ["assigned"] * 7
    assert edges["oddUnits"] == ["invalid_unit"] * 6
    assert edges["oddKeys"] == ["unknown_experiment"] * 6
    assert edges["trapped"] == [None, "error"]
    assert edges["numbers"] == [False, True, False]
    assert edges["inherited"] is False
    assert len(set(edges["dates"])) == 1


def test_times_at_the_ends_of_the_calendar(edges: dict[str, Any]) -> None:
    def ms(*parts: int) -> int:
        return round(datetime(*parts, tzinfo=timezone.utc).timestamp()) * 1_000  # type: ignore[misc, arg-type]

    expected = [ms(1, 1, 1), ms(99, 12, 31, 23, 59, 59) + 999, ms(9999, 12, 31), None, ms(2000, 2, 28, 23)]
    assert edges["times"] == expected
