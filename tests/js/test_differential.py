"""The evaluators in Python and JavaScript asked the same generated questions: one run of Node for all of a kind."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assay.assignment.evaluate import evaluate
from assay.assignment.portable import read_snapshot, snapshot_document
from assay.assignment.targeting import compile_condition
from assay.assignment.temporal import wall_time, zone_of
from assay.errors import InvalidInput
from assay.model.audience import Audience, parse_condition
from assay.model.experiment import Experiment
from assay.model.lifecycle import Stage
from assay.model.moment import milliseconds
from assay.model.shares import PARTS
from assay.model.temporal import DayOfWeek, Month
from tests.assignment.designs import START, UNITS, houses
from tests.assignment.strategies import ATTRIBUTES, CONDITIONS
from tests.js.conftest import Node

pytestmark = pytest.mark.slow
N_CASES = 500
NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)
EDGES = st.sampled_from(
    [datetime(1, 1, 1, 6, tzinfo=timezone.utc), datetime(9999, 12, 31, 20, tzinfo=timezone.utc), START, NOW]
)
MOMENTS = st.integers(0, 500 * 3_600_000).map(lambda ms: START + timedelta(milliseconds=ms)) | EDGES


def generated(strategy: st.SearchStrategy[Any]) -> list[Any]:
    """Hundreds of examples; those that are refused as definitions are left out by the caller."""
    found: list[Any] = []

    @given(strategy)
    @settings(max_examples=N_CASES, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def sayable(value: Any) -> Any:
    """A value as both languages have it: whole numbers too great to be exact as fractions, odd ones by a word."""
    if isinstance(value, dict):
        return {str(name): sayable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [sayable(item) for item in value]
    if isinstance(value, int) and abs(value) >= 2**53:
        return float(value) if abs(value) < 10**308 else 1e308
    if isinstance(value, float) and not math.isfinite(value):
        return {"$odd": str(value)}
    return {"$odd": "bytes"} if isinstance(value, bytes) else value


def meant(value: Any) -> Any:
    """What Python is asked with: as sayable, with the odd values themselves."""
    if isinstance(value, dict) and "$odd" in value:
        return b"ab" if value["$odd"] == "bytes" else float(value["$odd"])
    if isinstance(value, dict):
        return {name: meant(item) for name, item in value.items()}
    return [meant(item) for item in value] if isinstance(value, list) else value


def disagreements(node: Node, cases: list[dict[str, Any]], expected: list[Any], path: Path) -> list[Any]:
    """The smallest few cases that are answered differently, with what Python says first."""
    path.write_text(json.dumps(cases))
    answers = node("differential.mjs", path)
    assert len(answers) == len(cases)
    wrong = [
        (own, other, case)
        for own, other, case in zip(expected, answers, cases, strict=True)
        if json.loads(json.dumps(own)) != other
    ]
    return sorted(wrong, key=lambda item: len(str(item)))[:3]


def asked(node: Node, path: Path, strategy: st.SearchStrategy[Any], compile_: Callable[[Any], Any]) -> Counter[Any]:
    """Ask both about conditions with attributes and times; how often Python said what."""
    cases, expected = [], []
    for document, attributes, now in generated(strategy):
        try:
            condition = Audience(parse_condition(compile_(document)))
        except InvalidInput:
            continue
        given_ = sayable(attributes)
        cases.append({"condition": condition.to_document(), "attributes": given_, "now": milliseconds(now)})
        expected.append(compile_condition(condition.condition)(meant(given_), now))
    assert disagreements(node, cases, expected, path) == []
    return Counter(expected)


def test_conditions(node: Node, tmp_path: Path) -> None:
    said = asked(node, tmp_path / "cases.json", st.tuples(CONDITIONS, ATTRIBUTES, MOMENTS), lambda document: document)
    assert min(said[True], said[False]) > 25


def _near(alphabet: str, longest: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=longest)


_WORDS = _near("aA9_-é\ue000\uffff😀\U0010ffff \n\u2028.", 4)
_TIMES = st.builds(
    "{:04d}-{:02d}-{:02d}{}{}{}".format,
    st.sampled_from([0, 1, 99, 1900, 2000, 2024, 2026, 9999]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 28, 29, 30, 31, 32]),
    st.sampled_from(["", "T00:00", " 23:59", "T24:00", "T12:60", "t10:00", "T10:00:59", "T10:00:60", "T10:00:00.1239"]),
    st.sampled_from(["", "Z", "+00:00", "-23:59", "+24:00", "+10:60", "+0100", "z"]),
    st.sampled_from(["", "", "", " ", "\n", "٣"]),
)
_VERSIONS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "v", "V"]),
    st.lists(st.sampled_from(["0", "1", "01", "2", "10", "999999999", "1000000000", ""]), min_size=1, max_size=5).map(
        ".".join
    ),
    st.sampled_from(
        ["", "-", "-a", "-1", "-01", "-a.1", "-a.11", "-a.", "-.", "-999999999", "-9999999990", "-b-1", "-é"]
    ),
    st.sampled_from(["", "+", "+b", "+é😀", "+\n", "+\r\u2028", "+" + "😀" * 90, "+" + "😀" * 100]),
)
_ATOMS = st.sampled_from(["a", "A", "9", "é", "😀", ".", "-", "\n"]) | st.sampled_from(
    [
        *(r"\d", r"\w", r"\s", r"\b", r"\n", r"\.", r"\-", r"\_", r"\/", r"\😀", r"\\"),
        *(
            "[a-c9]",
            "[^a]",
            r"[\w-]",
            r"[^\d_]",
            "[😀-🙂]",
            r"[\^\-\]]",
            "[é_.]",
            r"[^\n]",
            "[$(|]",
            "(a|9)",
            "(?:é|-)?",
        ),
    ]
)
_PATTERNS = st.builds(
    lambda first, parts, last: first + "".join(parts) + last,
    st.sampled_from(["", "^"]),
    st.lists(st.tuples(_ATOMS, st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{1,2}"])).map("".join), min_size=1),
    st.sampled_from(["", "$", "|a"]),
)
_ORDERS = st.sampled_from(["gt", "gte", "lt", "lte", "eq", "contains", "not_contains", "starts_with", "ends_with"])
_PAIRS = (
    st.tuples(_ORDERS, _WORDS, _WORDS)
    | st.tuples(st.sampled_from(["before", "after"]), _TIMES, _TIMES)
    | st.tuples(st.sampled_from([f"version_{op}" for op in ("eq", "gt", "gte", "lt", "lte")]), _VERSIONS, _VERSIONS)
    | st.tuples(st.just("matches"), _PATTERNS, _near("aA9_-.é😀🙂 \n\r\u2028\\$(|^]", 6))
)


def test_texts_times_versions_and_patterns(node: Node, tmp_path: Path) -> None:
    """What languages differ in, more densely than conditions of all kinds meet it."""
    strategy = _PAIRS.map(lambda pair: ({"attribute": "a", "op": pair[0], "value": pair[1]}, {"a": pair[2]}, NOW))
    said = asked(node, tmp_path / "cases.json", strategy, lambda document: document)
    assert min(said[True], said[False]) > 25


_ZONES = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "AMERICA/st_johns", "Asia/Kathmandu", "est"),
        *("Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia", "CET"),
        *("Etc/GMT+12", "US/Hawaii", "Asia/Tehran", "America/Sao_Paulo", "Antarctica/Troll", "Asia/Kolkata"),
    ]
)
# 1980 to 2022: before and after, editions of the data differ.
_SECONDS = st.integers(315_532_800, 1_672_531_200)


def test_wall_time_in_zones(node: Node, tmp_path: Path) -> None:
    """Exactly the minute, day and month that Python's clock shows, in zones with every oddity, summer time and none."""
    cases: list[dict[str, Any]] = []
    for name, seconds in generated(st.tuples(_ZONES, _SECONDS)):
        now = datetime.fromtimestamp(seconds, timezone.utc)
        wall = wall_time(now, zone_of(name))
        assert wall is not None
        later = wall + timedelta(minutes=1)
        shown = {
            "time_ranges": [{"start": f"{wall:%H:%M}", "end": f"{later:%H:%M}".replace("00:00", "24:00")}],
            "days_of_week": [list(DayOfWeek)[wall.weekday()]],
            "months": [list(Month)[wall.month - 1]],
            "holidays": [{"country": "US", "dates": [wall.date().isoformat()]}],
            "timezone": "unit",
        }
        cases.append({"condition": {"temporal": shown}, "attributes": {"timezone": name}, "now": seconds * 1_000})
    assert disagreements(node, cases, [True] * len(cases), tmp_path / "cases.json") == []


def test_names_that_are_no_zones(node: Node, tmp_path: Path) -> None:
    """Engines know more names than Python does: offsets, and abbreviations that mean several zones."""
    names = [
        "PST",
        "ist",
        "+01:00",
        "-0500",
        "+05",
        "UTC+1",
        "GMT+1",
        "Z",
        "SystemV/PST8",
        "Mars/Base",
        "",
        "unit",
        "é",
    ]
    condition = {"temporal": {"days_of_week": list(DayOfWeek), "timezone": "unit"}}
    cases = [{"condition": condition, "attributes": {"timezone": name}, "now": 0} for name in [*names, "eSt", "utc"]]
    expected = [zone_of(case["attributes"]["timezone"]) is not None for case in cases]  # type: ignore[index]
    assert expected == [False] * len(names) + [True, True]
    assert disagreements(node, cases, expected, tmp_path / "cases.json") == []


_DRAWN = st.fixed_dictionaries(
    {"country": st.sampled_from(["US", "DE", 5, 5.0]), "age": st.integers(0, 200) | st.just(2.0), "a": st.just("x")}
)


def _opened(house: list[Experiment]) -> list[Experiment]:
    """The same ways to draw with nothing before them: few units come that far."""
    gone: dict[str, Any] = {"audience": Audience(), "layer": None, "holdouts": (), "prerequisites": (), "ramp": ()}
    return [replace(item, stage=Stage.RUNNING, traffic=PARTS, allow=(), deny=(), **gone) for item in house]


def test_decisions_of_every_design(node: Node, tmp_path: Path) -> None:
    """Whole snapshots as they are served, with every randomiser, gates of all kinds, circles and ramps."""
    cases, expected, reasons = [], [], Counter[str]()
    as_it_is = st.tuples(houses(), UNITS, ATTRIBUTES, MOMENTS)
    wide_open = st.tuples(houses().map(_opened), UNITS, _DRAWN, MOMENTS)
    for house, unit, attributes, now in generated(as_it_is | wide_open):
        document = json.loads(json.dumps(snapshot_document(house, 1)))
        given_ = sayable(attributes)
        snapshot = read_snapshot(document)
        keys = [item["key"] for item in document["experiments"]] + document["ended"]
        named = evaluate(snapshot, unit, meant(given_), now, keys)
        together = evaluate(snapshot, unit, meant(given_), now)
        expected.append([[_shown(item) for item in found] for found in (named, together)])
        reasons.update(item.reason.value for item in named)
        cases.append({"snapshot": document, "unit": unit, "attributes": given_, "now": milliseconds(now)})
    assert disagreements(node, cases, expected, tmp_path / "cases.json") == []
    assert len(reasons) > 6
    assert reasons["assigned"] > 50


def _shown(item: Any) -> list[Any]:
    return [item.experiment, item.variant, item.reason.value, item.version if item.variant is not None else None]
