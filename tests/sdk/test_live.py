"""The SDK against a real server: the same decisions, every exposure once, and a server that comes and goes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from assay.sdk import Answer, Client, UrllibTransport
from tests.faults.test_kill import free_port
from tests.http.conftest import LiveServer, app, live

__all__ = ["app", "live"]
ROOT = Path(__file__).parents[2]
BODY = {
    "id": "checkout",
    "name": "checkout",
    "variants": [{"id": "control", "config": {"colour": "blue"}}, {"id": "green", "config": {"colour": "green"}}],
    "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
    "audience": {"attribute": "country", "op": "in", "value": ["US", "CA"]},
    "traffic_allocation": 0.8,
}


def start(url: str, **changes: Any) -> None:
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as http:
        key = {**BODY, **changes}["id"]
        http.post("/experiments", json={**BODY, **changes}).raise_for_status()
        http.post(f"/experiments/{key}/start").raise_for_status()


def until(met: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def results(url: str, key: str = "checkout") -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/api/v1/experiments/{key}/results", trust_env=False).json()
    return found


@pytest.fixture
def started(live: LiveServer) -> str:
    start(live.url)
    return live.url


def test_the_same_decisions_as_the_server(started: str) -> None:
    with Client(started) as client:
        assert client.wait_until_ready()
        for number in range(200):
            context = {"country": ["US", "CA", "DE"][number % 3]}
            asked = {"user_id": f"u{number}", "context": context, "experiments": ["checkout"], "log_exposure": False}
            answer = httpx.post(f"{started}/api/v1/experiments/assign", json=asked, trust_env=False).json()
            own = client.decide("checkout", f"u{number}", context, log_exposure=False)
            (told,) = answer["assignments"]
            assert (told["variant_id"], told["reason"], told["config"]) == (own.variant, own.reason.value, own.config)


class Doubled(UrllibTransport):
    """Sends every batch twice, and says the first time that there was no answer."""

    def __init__(self) -> None:
        self.sent: set[bytes] = set()

    def send(self, method: str, url: str, body: bytes | None, *rest: Any) -> Answer:
        answer = super().send(method, url, body, *rest)
        if body is not None and body not in self.sent:
            self.sent.add(body)
            raise OSError("the answer was lost")
        return answer


def test_exposures_and_events_count_once_though_sent_twice(started: str) -> None:
    told: list[str] = []
    with Client(started, transport=Doubled(), on_error=lambda message, _: told.append(message)) as client:
        assert client.wait_until_ready()
        units = [f"u{number}" for number in range(150)]
        inside = [unit for unit in units if client.variant("checkout", unit, {"country": "US"}) is not None]
        for unit in inside[:20]:
            client.track(unit, "buy", {"revenue": 2.0})
        for _ in range(10):
            client.flush()
    assert client.waiting == 0
    assert any("no answer" in message for message in told)
    until(lambda: results(started).get("total_users_exposed") == len(inside))
    until(
        lambda: (
            sum(arm["metrics"]["bought"]["value"] * arm["users_exposed"] for arm in results(started)["variants"]) > 19.9
        )
    )
    bought = sum(arm["metrics"]["bought"]["value"] * arm["users_exposed"] for arm in results(started)["variants"])
    assert bought == pytest.approx(20)


def test_changes_reach_a_running_client(started: str) -> None:
    with Client(started, refresh_seconds=0.1) as client:
        assert client.wait_until_ready()
        start(started, id="second", audience={"and": []}, traffic_allocation=1)
        until(lambda: client.variant("second", "u") is not None)
        httpx.post(f"{started}/api/v1/experiments/second/pause", trust_env=False).raise_for_status()
        until(lambda: client.decide("second", "u").reason == "not_running")


@contextlib.contextmanager
def serving(port: int, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "assay", "serve", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(command, env=os.environ | {"LOG_LEVEL": "ERROR", "ASSAY_REFRESH_SECONDS": "0.1"})
    with contextlib.suppress(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False)
    try:
        yield process
    finally:
        process.kill()
        process.wait(20)


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/ready", trust_env=False).status_code == 200
    return False


@pytest.mark.slow
def test_a_server_that_is_killed_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    url, cache = f"http://127.0.0.1:{port}", tmp_path / "snapshot.json"
    quiet: Callable[[str, BaseException | None], None] = lambda message, error: None  # noqa: E731
    with serving(port, tmp_path / "data"):
        until(lambda: answers(url))
        start(url, traffic_allocation=1)
        with Client(url, cache=cache, on_error=quiet) as client:
            assert client.wait_until_ready()
            before = client.variant("checkout", "first", {"country": "US"})
    with Client(url, cache=cache, refresh_seconds=0.1, flush_seconds=0.1, timeout=2, on_error=quiet) as client:
        assert client.variant("checkout", "first", {"country": "US"}) == before
        for number in range(30):
            assert client.variant("checkout", f"u{number}", {"country": "US"}) is not None
        until(lambda: client.is_stale)
        assert client.waiting == 31
        with serving(port, tmp_path / "data"):
            until(lambda: answers(url))
            until(lambda: client.waiting == 0)
            assert not client.is_stale or client.refresh()
            until(lambda: results(url).get("total_users_exposed") == 31)


@pytest.mark.slow
def test_what_waits_is_sent_when_the_process_ends(started: str) -> None:
    code = f"""
        from assay.sdk import Client
        client = Client({started!r}, flush_seconds=3_600)
        assert client.wait_until_ready()
        assert any([client.variant("checkout", f"ann{{i}}", {{"country": "US"}}) for i in range(50)])
        print(client.waiting)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 1
    until(lambda: results(started).get("total_users_exposed", 0) == int(done.stdout))


def test_the_example(started: str) -> None:
    command = [sys.executable, str(ROOT / "examples" / "sdk.py"), started, "checkout"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "(assigned)" in done.stdout
    assert "(not_in_traffic)" in done.stdout
    assert done.stdout.endswith("0 events still wait\n0 events were lost\n")
    until(lambda: 700 < results(started).get("total_users_exposed", 0) < 900)
