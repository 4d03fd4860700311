"""A disk that is full: nothing acknowledged is lost, and when there is room again everything goes on by itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.errors import Unavailable
from assay.ports import InboxBatch
from assay.service.eventlines import EventLine, encode_line, event_key
from assay.service.loading import Loading

MEGABYTE = 1024 * 1024
START = 1_770_000_000_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 70 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=70m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def lines(first: int, n_lines: int) -> bytes:
    return b"\n".join(
        encode_line(
            EventLine(
                event_key(f"u{i}", f"e{i}", "buy", i, ""),
                f"u{i}",
                "buy",
                "",
                None,
                START + i,
                {"revenue": 1.0},
                {"page": os.urandom(150).hex()},
            )
        )
        for i in range(first, first + n_lines)
    )


@pytest.mark.slow
def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 30 * MEGABYTE)
    inbox, warehouse = SqliteInbox(small_disk / "inbox.sqlite"), DuckdbWarehouse(small_disk / "w.duckdb")
    loading = Loading(inbox, warehouse)
    acknowledged, failures, refused_loads = 0, 0, 0
    for turn in range(400):
        try:
            inbox.append(lines(acknowledged, 500)).result(timeout=30)
            acknowledged += 500
        except Unavailable:
            failures += 1
        if turn % 3 == 0:
            try:
                loading.load_all()
            except Unavailable:
                refused_loads += 1
        if failures == 5:
            break
    assert failures == 5, "the disk never was full"
    assert acknowledged > 0
    ballast.unlink()
    for _ in range(5):
        loading.load_all()
        inbox.append(lines(acknowledged, 100)).result(timeout=30)
        acknowledged += 100
    loading.load_all()
    assert warehouse.drop_before(datetime(2100, 1, 1, tzinfo=timezone.utc)) == acknowledged
    warehouse.close()
    inbox.close()
    again = DuckdbWarehouse(small_disk / "w.duckdb")
    assert again.position() > 0
    assert again.load(InboxBatch((lines(0, 1),), again.position() + 1)) == 1
    again.close()
