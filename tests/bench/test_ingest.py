"""The benchmark of taking events runs, checks its answers, and ends as every benchmark does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.eventload import Events, body_of

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_last_line_is_one_json_object() -> None:
    # The benchmark ends with an error when any answer does not acknowledge every event.
    command = [sys.executable, str(ROOT / "bench" / "ingest.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["bench"] == "ingest"
    assert set(last["ratios"]) == {
        "rate_single_vs_bare_fsync",
        "rate_batch_vs_bare_fsync",
        "rate_loader_vs_intake",
        "rate_batch_vs_sink",
    }
    assert all(ratio > 0 for ratio in last["ratios"].values())
    assert {"single_events_per_s", "single_p95_ms", "batch_events_per_s"} <= set(last["figures"])


@pytest.mark.parametrize(
    ("batch", "body", "accepted"),
    [
        (1, b'{"event_id":"e","accepted_at":"t"}', True),
        (1, b'{"accepted":1}', False),
        (100, b'{"accepted":100,"event_ids":[]}', True),
        (100, b'{"accepted":99,"event_ids":[]}', False),
    ],
)
def test_only_the_right_acknowledgement_is_accepted(batch: int, body: bytes, accepted: bool) -> None:
    head = b"HTTP/1.1 202 Accepted\r\n\r\n"
    load = Events(0, 1.0, batch)
    assert load.accepts(head + body, len(head)) is accepted
    assert not load.accepts(head.replace(b"202", b"503") + body, len(head))


def test_every_event_has_an_id_of_its_own() -> None:
    load = Events(7, 1.0, 100)
    requests = [load.next_request().partition(b"\r\n\r\n")[2] for _ in range(2)]
    events = [event for body in requests for event in json.loads(body)]
    assert len({event["event_id"] for event in events}) == 200
    assert sum("experiments" in event for event in events) == 50
    assert len(json.loads(body_of(100))) == 100
