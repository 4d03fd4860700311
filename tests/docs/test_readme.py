"""The README does what it says: its commands and code are run, its tables are true."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assay.app.settings import Settings
from tests.faults.test_kill import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
SHELL = [text for language, text in BLOCKS if language == "sh"]
PYTHON = [text for language, text in BLOCKS if language == "python"]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "assay", "serve", "--port", str(port), "--data", str(tmp_path / "data")]
    process = subprocess.Popen(command, env=os.environ | {"LOG_LEVEL": "ERROR", "ASSAY_REFRESH_SECONDS": "0.1"})
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/ready").status_code == 200:
                break
        time.sleep(0.05)
    yield url
    process.terminate()
    process.wait(timeout=20)


def run(script: str, **environment: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(text: str) -> list[dict[str, object]]:
    """The JSON documents that curl printed one after the other."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while position < len(text.rstrip()):
        document, end = decoder.raw_decode(text, position)
        found.append(document)
        position = end
    return found


def test_the_two_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^make (\w+)", SHELL[0], flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
    for target in ("demo", "test", "lint", "types", "bench", "help", "serve"):
        assert re.search(rf"^{target}:.*##", makefile, flags=re.MULTILINE)


@pytest.mark.slow
def test_the_five_requests_work_as_printed(url: str) -> None:
    requests = [text for text in SHELL if "curl" in text]
    assert len(requests) == 2
    script = "\n".join(requests).replace("http://127.0.0.1:8000", url)
    created, started, assigned, tracked, results = documents(run(script))
    assert created["experiment_id"] == "checkout-button"
    assert started["status"] == "running"
    (assignment,) = assigned["assignments"]  # type: ignore[misc]
    assert assignment["reason"] == "assigned"
    assert tracked["event_id"]
    assert results["total_users_exposed"] == 1


def test_the_analysis_works_as_printed() -> None:
    (command,) = [text for text in SHELL if text.startswith("assay analyze")]
    shown = run(command, COLUMNS="120")
    assert "Ship headline_c" in shown
    assert "2.59 %" in shown


def test_the_notebook_works_as_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    notebook, tests = PYTHON
    names: dict[str, object] = {}
    exec(compile(notebook, "README.md", "exec"), names)
    assert "headline_c" in repr(names["result"])
    exec(compile(tests, "README.md", "exec"), {})
    p_values = [float(line) for line in capsys.readouterr().out.split()]
    assert len(p_values) == 3
    assert all(0.001 < p < 0.01 for p in p_values)


def test_every_setting_is_documented() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|", README, flags=re.MULTILINE))
    documented = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", Settings.__doc__ or ""))
    assert set(rows) == documented
    default = Settings.from_environment(rows)
    assert dataclasses.asdict(default) == dataclasses.asdict(Settings())


def test_every_command_and_file_it_names_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for name in re.findall(r"`(src/[^`]+|examples/[^`]+|spec/)`", README):
        assert (ROOT / name).exists(), name


def test_the_example_table_follows_from_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    from expand_headlines import text  # type: ignore[import-not-found]

    assert gzip.decompress((ROOT / "examples" / "headlines.csv.gz").read_bytes()).decode() == text()
