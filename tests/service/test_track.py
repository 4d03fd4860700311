"""Taking events: whatever is sent, good events are kept and bad ones named; the same event has one key."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.memory import MemoryDefinitions, MemoryInbox
from assay.adapters.prometheus import PrometheusTelemetry
from assay.errors import InvalidInput
from assay.service.eventform import split_body
from assay.service.eventsplit import MAX_BYTES, split_batch
from assay.service.intake import Intake
from assay.service.snapshots import Snapshots
from assay.service.track import Tracking
from tests.service.test_loop import experiment

NOW = datetime(2026, 2, 5, 12, tzinfo=timezone.utc)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ("user_id", "event_type", "timestamp", "event_id", "experiments", "metrics", "properties", "value", "else")
)
NEARLY = st.builds(
    lambda changes: {"user_id": "u", "event_type": "buy", **changes}, st.dictionaries(FIELDS, ANYTHING, max_size=3)
)


def tracking() -> Tracking:
    definitions = MemoryDefinitions()
    definitions.save(experiment(started_at=NOW - timedelta(hours=1)), action="create", actor="t", at=NOW)
    snapshots = Snapshots(definitions)
    snapshots.refresh()
    return Tracking(snapshots, Intake(MemoryInbox()), PrometheusTelemetry(), lambda: NOW)


TRACKING = tracking()


def keys(*events: dict[str, Any]) -> list[str]:
    checked = TRACKING.check([json.dumps(event).encode() for event in events])
    assert checked.refusals == []
    return [msgspec.json.decode(line)["key"] for line in checked.lines]


@given(st.lists(NEARLY | ANYTHING, min_size=1, max_size=4))
@settings(max_examples=300)
def test_every_event_is_kept_or_named(events: list[Any]) -> None:
    body = json.dumps(events).encode()
    raw_events, is_batch = split_body(body)
    assert is_batch
    checked = TRACKING.check(raw_events)
    assert len(checked.event_ids) + len(checked.refusals) == len(events)
    for refusal in checked.refusals:
        assert refusal.field
        assert refusal.accepted
    for line in checked.lines:
        assert b"\n" not in line
        assert len(msgspec.json.decode(line)["key"]) == 32


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_refused(body: bytes) -> None:
    raw_events: list[msgspec.Raw] = []
    with contextlib.suppress(InvalidInput):
        raw_events, _ = split_body(body)
    checked = TRACKING.check(raw_events)
    assert len(checked.event_ids) + len(checked.refusals) == len(raw_events)


def test_what_makes_events_the_same() -> None:
    at = NOW.isoformat()
    base = {"user_id": "u", "event_type": "buy", "timestamp": at}
    moved = (NOW + timedelta(microseconds=1)).isoformat()
    same = keys(base, base | {"metrics": {"x": 1}}, base | {"timestamp": at.replace("+00:00", "Z")})
    assert len(set(same)) == 1
    shifted = base | {"timestamp": NOW.astimezone(timezone(timedelta(hours=5))).isoformat()}
    assert keys(shifted) == same[:1]
    others = keys(
        base,
        base | {"timestamp": moved},
        base | {"user_id": "v"},
        base | {"event_type": "click"},
        base | {"experiments": [{"experiment_id": "e"}]},
        base | {"event_id": "1"},
        base | {"event_id": "1", "user_id": "v"},
    )
    assert len(set(others)) == len(others)
    named = base | {"event_id": "1"}
    assert len(set(keys(named, named | {"timestamp": moved}, named | {"event_type": "click"}))) == 1


def test_events_without_time_and_id_are_each_their_own() -> None:
    event = {"user_id": "u", "event_type": "buy"}
    assert len(set(keys(event, event))) == 2


def test_an_id_counts_once_whether_or_not_the_experiment_is_named() -> None:
    plain = {"user_id": "u", "event_type": "buy", "event_id": "order-1"}
    assert len(set(keys(plain, plain | {"experiments": [{"experiment_id": "e"}]}))) == 1


def test_an_event_names_each_experiment_once() -> None:
    event = {"user_id": "u", "event_type": "buy", "experiments": [{"experiment_id": "e"}, {"experiment_id": "e"}]}
    (refusal,) = TRACKING.check([json.dumps(event).encode()]).refusals
    assert (refusal.field, refusal.accepted) == ("experiments", "each experiment once")


def nested(depth: int) -> bytes:
    return b'{"user_id": "u", "event_type": "buy", "properties": {"a": ' + b"[" * depth + b"]" * depth + b"}}"


HOSTILE = {
    "deep": nested(5_000),
    "digits": b'{"user_id": "u", "event_type": "buy", "properties": {"a": ' + b"9" * 5_000 + b"}}",
    "surrogate": b'{"user_id": "u\\ud83d", "event_type": "buy"}',
    "cut": b'{"user_id": "u", "event_ty',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_hostile_event_takes_no_other_down(name: str) -> None:
    good = b'{"user_id": "u", "event_type": "buy"}'
    checked = TRACKING.check([good, HOSTILE[name], good])
    assert len(checked.event_ids) == 2
    (refusal,) = checked.refusals
    assert refusal.index == 1
    assert refusal.accepted


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "cut"])
def test_one_hostile_event_of_a_batch_leaves_the_other_ninety_nine(name: str, wrapped: bool) -> None:
    events = [json.dumps({"user_id": f"u{i}", "event_type": 'b"],}uy'}).encode() for i in range(100)]
    events[50] = HOSTILE[name]
    body = b"[" + b" ,\n".join(events) + b"]"
    raw_events, is_batch = split_body(b'{"events": ' + body + b"}" if wrapped else body)
    assert is_batch
    checked = TRACKING.check(raw_events)
    assert len(checked.event_ids) == 99
    assert [refusal.index for refusal in checked.refusals] == [50]


@given(st.lists(NEARLY, min_size=1, max_size=5))
def test_a_batch_taken_apart_by_brackets_is_the_batch(events: list[dict[str, Any]]) -> None:
    elements = split_batch(json.dumps(events, indent=1).encode())
    assert elements is not None
    assert [json.dumps(json.loads(element)) for element in elements] == [json.dumps(event) for event in events]


def test_text_that_is_never_closed_is_read_once() -> None:
    # As large as is taken apart at all: read anew from each of its quotes, this would not end.
    assert split_batch(b"[" + b'\\"' * (MAX_BYTES // 2 - 1) + b"]") is None


@pytest.mark.parametrize("body", [b"[", b"[1", b"[1,]", b"[,1]", b"[1]]", b"[1] 2", b"{}", b"", b"[]"])
def test_brackets_that_do_not_fit_are_no_batch(body: bytes) -> None:
    assert split_batch(body) is None


@pytest.mark.parametrize(
    ("change", "field", "accepted"),
    [
        ({"metrics": {"b": 1, "a": "5"}}, "metrics.a", "a finite number"),
        ({"timestamp": 1700000000}, "timestamp", "ISO 8601"),
        ({"value": 1, "metrics": {"value": 2}}, "value", "either value or metrics.value"),
        ({"event_type": "Exposure"}, "event_type", "in lower case"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], field: str, accepted: str) -> None:
    event = {"user_id": "u", "event_type": "buy", **change}
    (refusal,) = TRACKING.check([json.dumps(event).encode()]).refusals
    assert refusal.field == field
    assert accepted in refusal.accepted
