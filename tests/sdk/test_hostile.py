"""The SDK among servers, objects and processes that do not do what they should."""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.sdk import Answer, Client, UrllibTransport
from tests.sdk.server import URL, Told
from tests.sdk.test_client import DOCUMENT, NEVER, Errors, client, errors, make, told

__all__ = ["client", "errors", "told"]


class Failing(Mapping[str, Any]):
    """Attributes that fail when they are looked at."""

    def __getitem__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


class Nameless:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Text(str):
    """A text that cannot be hashed or written."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        raise RuntimeError("no")

    def __hash__(self) -> int:
        raise RuntimeError("no")


TARGETED = json.loads(json.dumps(DOCUMENT))
TARGETED["experiments"][0]["audience"] = {"attribute": "country", "op": "eq", "value": "US"}


@pytest.mark.parametrize(
    ("experiment", "unit", "attributes"),
    [
        ("checkout", "u", Failing()),
        (Nameless(), "u", {}),
        (10**5_000, "u", {}),
        ("checkout", Text("u"), {"country": "US"}),
        (Text("checkout"), "u", {}),
    ],
    ids=["attributes", "nameless key", "long number", "unit", "key"],
)
def test_objects_that_fail_get_a_reason(errors: Errors, experiment: Any, unit: Any, attributes: Any) -> None:
    with make(Told(TARGETED), errors) as client:
        assert client.wait_until_ready()
        decision = client.decide(experiment, unit, attributes)
        assert (decision.variant, decision.reason) == (None, "error")
        assert "a decision failed" in errors.messages
        assert client.config(experiment, unit, attributes, {"colour": "blue"}) == {"colour": "blue"}
        assert client.decide("checkout", "u", {"country": "US"}).counts


def test_events_of_objects_that_fail_are_told(client: Client, errors: Errors) -> None:
    for unit, metrics in (("u", Failing()), (Nameless(), None), (10**5_000, None), ("u", {"a": 10**5_000})):
        before = len(errors)
        assert client.track(unit, "buy", metrics) is None  # type: ignore[arg-type]
        assert len(errors) == before + 1
    assert client.waiting == 0


def test_an_exposure_without_attributes_that_cannot_be_written(client: Client, told: Told) -> None:
    client.decide("checkout", "u", Failing())
    client.decide("checkout", "v", {"a": "x" * 10_000})
    assert client.flush()
    assert [("properties" in event, event["user_id"]) for event in told.events] == [(False, "u"), (False, "v")]


def test_a_config_is_the_callers_own(client: Client) -> None:
    config = client.config("checkout", "qa")
    assert isinstance(config, dict)
    config["colour"] = "mine"
    assert client.config("checkout", "qa") == {"colour": "green"}


@pytest.mark.parametrize("status", [200, 204, 302, 404])
def test_an_answer_of_someone_else_loses_no_events(client: Client, told: Told, status: int) -> None:
    """A login page or a proxy in between."""
    told.answers["/api/v1/events"] = [Answer(status, b"<html>")]
    client.track("ann", "buy")
    assert not client.flush()
    assert client.flush()
    assert [event["event_type"] for event in told.events] == ["buy"]


@pytest.mark.parametrize("ended", [5, None, [1]])
def test_a_document_of_wrong_kinds_is_told(told: Told, errors: Errors, tmp_path: Path, ended: Any) -> None:
    document = {**DOCUMENT, "ended": ended}
    told.answers["/api/v1/snapshot"] = [Answer(200, json.dumps(document).encode())]
    cache = tmp_path / "snapshot.json"
    cache.write_text(json.dumps({"url": URL, "etag": None, "document": document}))
    with make(told, errors, cache=cache) as client:
        assert not client.is_ready
        assert not client.refresh()
        assert client.is_stale
        assert len(errors) == 2
        assert client.refresh()
        assert client.is_ready


def test_exposures_that_had_to_go_are_told_and_come_again(told: Told, errors: Errors) -> None:
    with make(told, errors, max_waiting=2) as client:
        assert client.wait_until_ready()
        for unit in ("a", "b", "c"):
            client.decide("checkout", unit)
        assert errors.messages.endswith("the oldest go: 1 lost so far")
        assert client.flush()
        for unit in ("a", "b", "c"):
            client.decide("checkout", unit)
    assert [event["user_id"] for event in told.events] == ["b", "c", "a"]


def test_losses_are_told_when_they_have_doubled(told: Told, errors: Errors) -> None:
    with make(told, errors, max_waiting=1) as client:
        for _ in range(101):
            client.track("u", "e")
        assert client.dropped == 100
        lost = [int(message.split(": ")[1].split()[0]) for message, _ in errors]
        assert lost == [1, 3, 7, 15, 31, 63]


def test_what_a_closed_client_could_not_send_is_told(told: Told, errors: Errors) -> None:
    told.answers["/api/v1/events"] = [OSError("gone")] * 9
    client = make(told, errors)
    assert client.wait_until_ready()
    client.track("u", "one")
    client.track("u", "two")
    client.close()
    assert "closed, and 2 events could not be sent" in errors.messages
    assert (client.waiting, client.dropped) == (0, 2)
    assert client.track("u", "late") is None
    client.decide("checkout", "u")
    assert client.decide("checkout", "u", log_exposure=False).counts
    assert (client.waiting, client.dropped, told.events) == (0, 4, [])
    assert client.flush()


def test_a_process_without_threads_to_spare_still_decides(
    told: Told, errors: Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with make(told, errors) as client:
        with monkeypatch.context() as without:
            without.setattr(threading.Thread, "start", refused)
            assert client.decide("checkout", "u").reason == "unknown_experiment"
            assert client.track("u", "buy") is not None
        assert "no thread" in errors.messages
        assert client.wait_until_ready()
    assert [event["event_type"] for event in told.events] == ["buy"]


class Gated(Told):
    """Holds back what it is asked until someone opens."""

    def __init__(self, held: str, opens: str | None = None) -> None:
        super().__init__(DOCUMENT)
        self.held, self.opens = held, opens
        self.reached, self.gate = threading.Event(), threading.Event()

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        if method == self.held:
            self.reached.set()
            self.gate.wait(5)
        elif method == self.opens:
            self.gate.set()
        return super().send(method, url, body, headers, timeout)


def test_a_flush_does_not_wait_for_another_longer_than_it_may(errors: Errors) -> None:
    gated = Gated("POST")
    with make(gated, errors) as client:
        assert client.wait_until_ready()
        client.track("u", "e")
        other = threading.Thread(target=client.flush)
        other.start()
        assert gated.reached.wait(5)
        assert not client.flush(0.05)
        gated.gate.set()
        other.join()
    assert len(gated.events) == 1


def test_closing_sends_while_the_server_thinks_about_a_snapshot(errors: Errors) -> None:
    gated = Gated("GET", opens="POST")
    client = make(gated, errors)
    client.track("u", "e")
    assert gated.reached.wait(5)
    client.close()
    assert len(gated.events) == 1


def test_an_answer_byte_by_byte_has_an_end() -> None:
    """Each byte comes in time, the whole does not."""

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n")
                for _ in range(100):
                    connection.sendall(b" ")
                    time.sleep(0.02)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(OSError, match=r"in time|timed out"):
            UrllibTransport().send("GET", url, None, {}, 0.2)
        thread.join()


class Written(Told):
    """Writes the events it gets into a file, whichever process they are from."""

    def __init__(self, path: Path) -> None:
        super().__init__(DOCUMENT)
        self.path = path

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        if body is not None:
            with self.path.open("ab") as file:
                file.write(body + b"\n")
        return super().send(method, url, body, headers, timeout)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_of_a_pool_send_what_waits_when_they_end(tmp_path: Path) -> None:
    """They are forked, and end without what is registered with atexit."""
    path = tmp_path / "events"
    with Client(URL, transport=Written(path), refresh_seconds=NEVER, flush_seconds=NEVER) as client:
        assert client.wait_until_ready()
        client.track("parent", "buy")
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=client.track, args=(f"worker-{n}", "buy")) for n in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        sent = [event for line in path.read_text().splitlines() for event in json.loads(line)["events"]]
        assert sorted(event["user_id"] for event in sent) == ["worker-0", "worker-1"]
        assert client.waiting == 1
