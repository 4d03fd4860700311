"""The demo replays a real experiment and finds what its archive says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli.replay import load_archive


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


def test_the_archive_names_its_source_and_licence() -> None:
    archive = load_archive()
    assert "Upworthy Research Archive" in archive.source
    assert "CC BY 4.0" in archive.licence
    assert sum(arm.variant == "control" for arm in archive.arms) == 1
