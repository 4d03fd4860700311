"""The SDK's client against a transport that is told what to answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from assay.errors import InvalidInput
from assay.sdk import Answer, Client
from assay.sdk.outbox import MAX_BATCH, Outbox
from assay.sdk.retry import wait_seconds
from tests.assignment.strategies import ANYTHING, ATTRIBUTES
from tests.sdk.server import URL, Told

SPEC = Path(__file__).parents[2] / "spec" / "assignment"
DECISIONS = json.loads((SPEC / "decisions.json").read_text())
NEVER = 80_000.0
DOCUMENT = {
    "format": 1,
    "version": 1,
    "experiments": [
        {
            "running": True,
            "key": "checkout",
            "salt": "s",
            "algorithm": 1,
            "version": 3,
            "traffic": 1_000_000,
            "forced": {"qa": "green"},
            "variants": [
                {"key": "control", "name": "", "weight": 500_000, "control": True, "config": {"colour": "blue"}},
                {"key": "green", "name": "", "weight": 500_000, "control": False, "config": {"colour": "green"}},
            ],
        }
    ],
    "ended": ["gone"],
}


class Errors(list[tuple[str, BaseException | None]]):
    def __call__(self, message: str, error: BaseException | None) -> None:
        self.append((message, error))

    @property
    def messages(self) -> str:
        return "\n".join(message for message, _ in self)


@pytest.fixture
def told() -> Told:
    return Told(DOCUMENT)


@pytest.fixture
def errors() -> Errors:
    return Errors()


def make(told: Told, errors: Errors, **settings: Any) -> Client:
    """A client whose thread does nothing by itself: the tests say when."""
    given = {"refresh_seconds": NEVER, "flush_seconds": NEVER, "timeout": 2.0, **settings}
    return Client(URL, transport=told, on_error=errors, **given)


@pytest.fixture
def client(told: Told, errors: Errors) -> Iterator[Client]:
    with make(told, errors) as client:
        assert client.wait_until_ready()
        yield client


class At(datetime):
    """A clock that stands where a vector wants it."""

    moment: datetime

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.moment


def test_every_vector(monkeypatch: pytest.MonkeyPatch, errors: Errors) -> None:
    monkeypatch.setattr("assay.assignment.evaluate.datetime", At)
    with make(Told(DECISIONS["snapshot"]), errors) as client:
        assert client.wait_until_ready()
        for case in DECISIONS["cases"]:
            At.moment = datetime.fromisoformat(case["now"])
            decision = client.decide(case["experiment"], case["unit"], case["attributes"], log_exposure=False)
            assert (decision.variant, decision.reason.value) == (case["variant"], case["reason"]), case["why"]
        for case in DECISIONS["all"]:
            At.moment = datetime.fromisoformat(case["now"])
            found = client.decide_all(case["unit"], case["attributes"])
            assert {item.experiment: item.variant for item in found} == case["all"], case["why"]
    assert client.waiting == 0
    assert not errors


def test_before_a_first_snapshot_everything_is_unknown(errors: Errors) -> None:
    with make(Told(None), errors) as client:
        assert not client.wait_until_ready(0.05)
        assert client.decide("checkout", "u").reason == "unknown_experiment"
        assert client.config("checkout", "u", default={"colour": "blue"}) == {"colour": "blue"}
        assert (client.is_ready, client.experiments) == (False, ())


def test_an_exposure_is_sent_once_per_variant(client: Client, told: Told) -> None:
    for _ in range(3):
        decision = client.decide("checkout", "ann", {"country": "US"})
    client.decide("checkout", "bob", log_exposure=False)
    client.decide("checkout", "qa")
    client.decide("gone", "ann")
    assert client.flush()
    (event,) = told.events
    assert (event["user_id"], event["event_type"], event["properties"]) == ("ann", "exposure", {"country": "US"})
    met = {"experiment_id": "checkout", "variant_id": decision.variant, "version": 3}
    assert event["experiments"] == [met]
    assert event["event_id"]


def test_events_carry_what_was_given(client: Client, told: Told) -> None:
    own = client.track("ann", "buy", {"revenue": 12.5}, properties={"page": 1}, value=2.0, event_id="order-7")
    made = client.track("ann", "view", at=datetime.fromisoformat("2026-02-05T10:00:00+01:00"))
    assert client.flush()
    assert own == "order-7"
    assert told.events[0] | {"timestamp": ""} == {
        "user_id": "ann",
        "timestamp": "",
        "event_type": "buy",
        "metrics": {"revenue": 12.5},
        "properties": {"page": 1},
        "value": 2.0,
        "event_id": "order-7",
    }
    assert (told.events[1]["timestamp"], told.events[1]["event_id"]) == ("2026-02-05T09:00:00+00:00", made)


def test_events_are_sent_in_order_and_in_batches_the_server_takes(client: Client, told: Told) -> None:
    for number in range(2 * MAX_BATCH + 1):
        client.track("u", f"e{number}")
    assert client.flush()
    assert [len(batch) for batch in told.batches] == [MAX_BATCH, MAX_BATCH, 1]
    assert [event["event_type"] for event in told.events] == [f"e{number}" for number in range(2 * MAX_BATCH + 1)]


@pytest.mark.parametrize("answer", [OSError("gone"), Answer(503), Answer(429), Answer(500), Answer(401)])
def test_what_was_not_taken_is_sent_again_the_same(
    client: Client, told: Told, errors: Errors, answer: Answer | OSError
) -> None:
    told.answers["/api/v1/events"] = [answer]
    client.track("ann", "buy")
    assert not client.flush()
    assert client.waiting == 1
    assert errors
    assert client.flush()
    assert [event["event_type"] for event in told.events] == ["buy"]


def test_the_background_waits_as_long_as_the_server_asks(told: Told, errors: Errors) -> None:
    told.answers["/api/v1/events"] = [Answer(503, headers={"retry-after": "3600"})]
    with make(told, errors, flush_seconds=0.01) as client:
        client.track("ann", "buy")
        link = client._link
        while not link._failures["/api/v1/events"]:
            client._link._round()
        for _ in range(5):
            link._round()
        assert [path for _, path, _ in told.asked].count("/api/v1/events") == 1
    assert len(told.events) == 1


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 1, 1),
        ("nan", 2, 4),
        ("-5", 2, 4),
        ("999999", 300, 300),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 1, 1),
        ("soon", 2, 4),
        (None, 2, 4),
    ],
)
def test_waiting(header: str | None, low: float, high: float) -> None:
    assert low <= wait_seconds(header, failures=3) <= high


def test_waiting_grows_and_ends() -> None:
    assert wait_seconds(None, 1) <= 1
    assert all(wait_seconds(None, failures) <= 300 for failures in (10, 100, 10_000))


def test_refusals_are_told_and_not_sent_again(client: Client, told: Told, errors: Errors) -> None:
    refused = [{"index": 1, "code": "invalid_input", "field": "metrics.x", "given": "NaN", "accepted": "a number"}]
    told.answers["/api/v1/events"] = [Answer(202, json.dumps({"refused": refused}).encode())]
    client.track("a", "one")
    client.track("a", "two")
    assert client.flush()
    assert "metrics.x: given NaN; accepted: a number" in errors.messages
    told.answers["/api/v1/events"] = [Answer(413, b'{"detail": "too large"}')]
    client.track("a", "three")
    assert client.flush()
    assert "too large" in errors.messages
    assert not told.events


def test_an_event_refused_for_the_clock_goes_once_more_without_it(client: Client, told: Told, errors: Errors) -> None:
    refused = [{"index": 0, "code": "clock", "field": "timestamp", "given": "1970", "accepted": "now"}]
    answer = Answer(422, json.dumps({"refused": refused}).encode())
    told.answers["/api/v1/events"] = [answer, answer]
    event_id = client.track("a", "one")
    assert client.flush()
    assert client.waiting == 0
    assert "timestamp" in errors.messages
    client.track("a", "two")
    told.answers["/api/v1/events"] = [answer]
    assert client.flush()
    (event,) = told.events
    assert ("timestamp" in event, event["event_type"], event["event_id"] == event_id) == (False, "two", False)


def test_too_many_waiting_events_cost_the_oldest(told: Told, errors: Errors) -> None:
    with make(told, errors, max_waiting=3) as client:
        for number in range(5):
            client.track("u", f"e{number}")
        assert (client.waiting, client.dropped) == (3, 2)
        assert "the oldest go: 1 lost" in errors.messages
    assert [event["event_type"] for event in told.events] == ["e2", "e3", "e4"]


def test_a_batch_half_of_which_was_dropped_meanwhile() -> None:
    outbox = Outbox(3)
    now = datetime.fromisoformat("2026-02-05T00:00:00+00:00")
    for number in range(3):
        outbox.add("u", {"event_type": f"{number}"}, now)
    batch = outbox.batch()
    outbox.add("u", {"event_type": "3"}, now)
    outbox.sent(batch)
    assert [json.loads(line)["event_type"] for line in outbox.batch()] == ["3"]


def test_definitions_are_looked_for_with_the_tag(client: Client, told: Told) -> None:
    assert client.refresh()
    assert told.asked[-1][2] == {"If-None-Match": '"1"'}
    assert client.experiments == ("checkout",)
    told.document, told.tag = {**DOCUMENT, "experiments": []}, '"2"'
    changes: list[int] = []
    client.on_change(lambda: changes.append(1))
    assert client.refresh()
    assert (client.experiments, changes) == ((), [1])


@pytest.mark.parametrize(
    "answer", [Answer(200, b"{"), Answer(200, b'{"format": 99}'), Answer(200, b"[1]"), Answer(404), OSError()]
)
def test_a_snapshot_that_cannot_be_read_leaves_the_last_one(
    client: Client, told: Told, errors: Errors, answer: Answer | OSError
) -> None:
    told.answers["/api/v1/snapshot"] = [answer]
    assert not client.refresh()
    assert (client.is_stale, client.experiments) == (True, ("checkout",))
    assert errors
    assert client.refresh()
    assert not client.is_stale


def test_the_last_snapshot_is_kept_on_disk(told: Told, errors: Errors, tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "snapshot.json"
    with make(told, errors, cache=cache) as client:
        assert client.wait_until_ready()
        expected = client.variant("checkout", "ann")
    with make(Told(None), errors, cache=cache) as client:
        assert client.is_ready
        assert client.variant("checkout", "ann") == expected
    assert [path.name for path in cache.parent.iterdir()] == ["snapshot.json"]
    with Client("http://other.test", cache=cache, transport=Told(None), on_error=errors) as other:
        assert not other.is_ready


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"url": "http://assay.test", "etag": null, "document": {"format": 9}}']
)
def test_a_torn_file_is_as_none(told: Told, errors: Errors, tmp_path: Path, text: str) -> None:
    cache = tmp_path / "snapshot.json"
    cache.write_text(text)
    with make(told, errors, cache=cache) as client:
        assert not client.is_ready
        assert client.wait_until_ready()


def test_a_disk_that_cannot_be_written_is_told(told: Told, errors: Errors, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with make(told, errors, cache=tmp_path / "file" / "snapshot.json") as client:
        assert client.wait_until_ready()
        assert client.refresh()
    assert "cannot be kept" in errors.messages


@given(ANYTHING, ANYTHING | ATTRIBUTES, ANYTHING, ANYTHING)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_raises(client: Client, unit: Any, attributes: Any, name: Any, extra: Any) -> None:
    client.decide("checkout", unit, attributes)
    client.decide(name, unit, attributes)
    client.decide_all(unit, attributes, log_exposure=True)
    client.track(unit, name, extra, properties=attributes, value=extra, event_id=name)
    assert client.flush()


def test_an_on_error_that_fails_is_no_failure(told: Told) -> None:
    def fails(message: str, error: BaseException | None) -> None:
        raise RuntimeError(message)

    with Client(URL, transport=Told(None), on_error=fails) as client:
        assert client.track("", "buy") is None


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": "assay.test"}, "url"),
        ({"url": None}, "url"),
        ({"refresh_seconds": 0}, "refresh_seconds"),
        ({"flush_seconds": -1}, "flush_seconds"),
        ({"timeout": float("nan")}, "timeout"),
        ({"max_waiting": 0}, "max_waiting"),
        ({"max_waiting": True}, "max_waiting"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{field}: given"):
        Client(**{"url": URL, **settings})


def test_a_forgotten_client_sends_what_waits_and_ends(told: Told, errors: Errors) -> None:
    client = make(told, errors)
    client.track("ann", "buy")
    thread = client._link._thread
    assert thread is not None
    del client
    thread.join(5)
    assert not thread.is_alive()
    assert len(told.events) == 1


def test_many_threads_lose_nothing(client: Client, told: Told) -> None:
    def work(name: int) -> None:
        for number in range(200):
            client.track(f"u{name}", "e", event_id=f"{name}-{number}")
            client.decide("checkout", f"u{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(30)
    assert len({event["event_id"] for event in told.events}) == len(told.events) == 8 * 400


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_sends_its_own_events_only(client: Client, told: Told) -> None:
    client.track("parent", "before")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            told.batches.clear()
            client.track("child", "after")
            variant = client.variant("checkout", "ann")
            client.flush()
            found = [event["user_id"] for event in told.events if event["event_type"] != "exposure"]
            os.write(writing, json.dumps([found, variant, client.is_ready]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found, variant, ready = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert (found, ready) == (["child"], True)
    assert variant == client.variant("checkout", "ann")
    assert client.flush()
    assert [event["user_id"] for event in told.events if event["event_type"] == "before"] == ["parent"]


def test_nothing_but_the_standard_library_is_imported() -> None:
    code = (
        "import sys, assay.sdk; std = set(sys.stdlib_module_names) | {'assay', '__main__', '_distutils_hack'};"
        "print(sorted(n for n in {m.split('.')[0] for m in sys.modules} - std if not n.startswith('_sysconfig')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
