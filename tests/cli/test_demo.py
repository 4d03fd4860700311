"""The demo replays a real experiment and finds what its archive says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from assay.cli.replay import load_archive
from tests.faults.test_kill import free_port


@pytest.mark.slow
def test_once_prints_the_verdict_of_the_archive(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assay", "demo", "--once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout.splitlines()[-1])
    archive = load_archive()
    assert verdict["units"] == archive.impressions == 14_376
    seen = {item["variant"]: (item["units"], item["clicks"]) for item in verdict["variants"]}
    assert seen == {arm.variant: (arm.impressions, arm.clicks) for arm in archive.arms}
    assert (verdict["action"], verdict["winner"]) == ("ship", "headline_c")
    assert verdict["validity"] == "anytime"
    assert "2.59 % against 0.63 %" in verdict["verdict"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_demo_that_is_ended_takes_its_server_along(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "assay", "demo", "--port", str(port)]
    demo = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not answers(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert answers(port)
    demo.terminate()
    demo.wait(timeout=30)
    assert not answers(port)
    assert (tmp_path / "assay-data" / "inbox.sqlite").exists()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_archive_names_its_source_and_licence() -> None:
    archive = load_archive()
    assert "Upworthy Research Archive" in archive.source
    assert "CC BY 4.0" in archive.licence
    assert sum(arm.variant == "control" for arm in archive.arms) == 1
