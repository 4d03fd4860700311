"""`assay forget`: in a folder that nobody uses, and by the server that uses it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from assay.app.running import announce, announced, withdraw
from assay.app.server import build
from assay.app.settings import Settings
from assay.cli.main import cli
from assay.errors import AssayError, InvalidInput, Unavailable
from tests.faults.test_kill import Victim, victim
from tests.http.test_units import NEEDLE, files_with

__all__ = ["victim"]


def forget(unit: str, *arguments: str) -> str:
    return CliRunner().invoke(cli, ["forget", unit, *arguments], catch_exceptions=False).output


def fill(folder: Path) -> None:
    """Two units' events wait in the inbox of a folder."""
    app = build(Settings(data=folder))
    lines = [
        b'{"key":"%032d","unit":"%b","type":"buy","experiment":"","variant":null,"occurred_at":1,"metrics":{},'
        b'"properties":{}}' % (i, unit)
        for i, unit in enumerate((NEEDLE.encode(), b"bob"))
    ]
    app.inbox.append(b"\n".join(lines)).result()
    app.close()


def test_in_a_folder_of_nobody(tmp_path: Path) -> None:
    fill(tmp_path)
    assert files_with(NEEDLE, tmp_path)
    assert forget(NEEDLE, "--data", str(tmp_path), "--actor", "dpo").startswith("removed 1 events and exposures")
    assert files_with(NEEDLE, tmp_path) == []
    assert json.loads(forget("bob", "--data", str(tmp_path), "--json"))["rows_removed"] == 1
    assert json.loads(forget("bob", "--data", str(tmp_path), "--json"))["rows_removed"] == 0


@pytest.mark.slow
def test_by_the_server_that_has_the_folder_open(victim: Victim) -> None:
    event = {"user_id": NEEDLE, "event_type": "buy"}
    for arguments in (["--data", str(victim.folder)], ["--url", victim.url]):
        httpx.post(f"{victim.url}/api/v1/events", json=event).raise_for_status()
        assert json.loads(forget(NEEDLE, *arguments, "--json"))["rows_removed"] == 1
        assert files_with(NEEDLE, victim.folder) == []
    assert announced(victim.folder) == victim.url


@pytest.mark.slow
def test_a_folder_in_use_whose_server_is_unknown_is_said_to_be(victim: Victim) -> None:
    withdraw(victim.folder)
    with pytest.raises(Unavailable, match=r"in use.*--url"):
        forget(NEEDLE, "--data", str(victim.folder))
    announce(victim.folder, "http://127.0.0.1:9")
    with pytest.raises(AssayError, match="no answer from"):
        forget(NEEDLE, "--data", str(victim.folder))


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--data"):
        forget("ann", "--data", str(tmp_path / "none"))
