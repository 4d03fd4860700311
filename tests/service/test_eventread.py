"""Events read all at once are the events read one by one: the same lines, keys, ids and refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.service import eventcheck
from assay.service.eventform import split_body
from assay.service.eventread import Event, read_body, read_lines
from assay.service.track import Checked
from tests.service.test_track import ANYTHING, NEARLY, NOW, TRACKING

TIMES = st.sampled_from(
    [
        (NOW + timedelta(**{unit: count})).isoformat()
        for unit, count in (("days", -89), ("days", -91), ("minutes", 9), ("minutes", 11), ("microseconds", 1))
    ]
    + ["2026-02-05T12:00:00", "2026-02-05T13:00:00+01:00", "0001-01-01T00:00:00+23:59"]
)
NAMED = st.lists(
    st.fixed_dictionaries(
        {"experiment_id": st.sampled_from(["e", "other"])},
        optional={"variant_id": st.sampled_from(["control", "b", "none", None]), "version": st.integers(1, 2)},
    ),
    max_size=2,
)
LIKELY = st.fixed_dictionaries(
    {"user_id": st.sampled_from(["u", "ü", ""]), "event_type": st.sampled_from(["buy", "exposure", "Exposure", ""])},
    optional={
        "timestamp": TIMES,
        "event_id": st.sampled_from(["1", ""]),
        "experiments": NAMED,
        "metrics": st.dictionaries(st.sampled_from(["a", "value"]), st.integers(-5, 5) | st.floats(-1, 1)),
        "value": st.floats(-1, 1),
        "consistency_key": st.sampled_from(["k", ""]),
        "properties": st.dictionaries(st.text(max_size=3), ANYTHING, max_size=2),
    },
)
# Of the common kind, but for one or two things.
COMMON = st.builds(
    lambda event, changes: {**event, **changes},
    st.just({"user_id": "u", "event_type": "buy", "event_id": "1", "timestamp": NOW.isoformat()}),
    st.lists(
        st.sampled_from(
            [
                {"consistency_key": "k"},
                {"consistency_key": ""},
                {"value": 2.5},
                {"event_id": ""},
                {"user_id": ""},
                {"event_type": "exposure"},
                {"event_type": "EXPOSURE"},
                {"event_type": "x" * 101},
                {"timestamp": (NOW - timedelta(days=91)).isoformat()},
                {"timestamp": (NOW - timedelta(hours=2)).isoformat()},
                {"metrics": {f"m{i}": i for i in range(101)}},
                {"experiments": [{"experiment_id": "e"}]},
                {"experiments": [{"experiment_id": "e", "variant_id": "b"}]},
                {"experiments": [{"experiment_id": "e", "variant_id": "none"}]},
                {"experiments": [{"experiment_id": "e", "variant_id": "b", "version": 1}]},
                {"experiments": [{"experiment_id": "e", "version": 2}]},
                {"experiments": [{"experiment_id": "e"}, {"experiment_id": "other"}]},
            ]
        ),
        max_size=2,
    ).map(lambda changes: {name: value for change in changes for name, value in change.items()}),
)
EVENTS = st.lists(COMMON | LIKELY | NEARLY | ANYTHING, min_size=1, max_size=5)


def check(events: Sequence[Event], *, plainly: bool) -> Checked:
    """plainly: each on the long way, as if none were of the common kind."""
    with patch.object(eventcheck.secrets, "token_hex", lambda _: "random"):
        if not plainly:
            return TRACKING.check(events)
        with patch("assay.service.track.plain_line", lambda *_: None):
            return TRACKING.check(events)


@given(EVENTS, st.booleans())
@settings(max_examples=400)
def test_a_batch(events: list[Any], wrapped: bool) -> None:
    body = json.dumps({"events": events} if wrapped else events).encode()
    quick, one_by_one = read_body(body), split_body(body)
    assert quick[1] is one_by_one[1] is True
    assert check(quick[0], plainly=False) == check(one_by_one[0], plainly=True)


@given(COMMON | LIKELY | NEARLY)
@settings(max_examples=200)
def test_one_event(event: dict[str, Any]) -> None:
    body = json.dumps(event).encode()
    quick, one_by_one = read_body(body), split_body(body)
    assert quick[1] is one_by_one[1] is False
    assert check(quick[0], plainly=False) == check(one_by_one[0], plainly=True)


@given(EVENTS)
def test_lines(events: list[Any]) -> None:
    lines = [json.dumps(event).encode() for event in events]
    assert check(read_lines(lines), plainly=False) == check(lines, plainly=True)


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"user_id":"u","event_type":"a"}{"user_id":"u","event_type":"b"}', b'{"user_id":"u",', b'"event_type":"c"}'],
        [b'{"user_id":"u","event_type":"a","properties":{"a":{}', b"}}"],
        [b'{"user_id":"u","event_type":"a"},', b'{"user_id":"u","event_type":"a"}'],
    ],
)
def test_lines_are_never_read_across(lines: list[bytes]) -> None:
    assert read_lines(lines) is lines


def test_a_long_event_is_refused_in_a_short_batch() -> None:
    long = {"user_id": "u", "event_type": "buy", "properties": {"text": "x" * 70_000}}
    for body in (json.dumps([long]).encode(), json.dumps(long).encode()):
        (refusal,) = check(read_body(body)[0], plainly=False).refusals
        assert refusal.code == "too_large"
