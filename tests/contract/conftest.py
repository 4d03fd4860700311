"""Every adapter of every port, ready to use; each suite runs on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.memory import MemoryAuditLog, MemoryDefinitions, MemoryInbox, MemoryResults, MemoryShared
from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.adapters.sql_audit import SqlAuditLog
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.sql_shared import SqlShared
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.ports import AuditLog, Definitions, Inbox, Results, Shared, Warehouse


@pytest.fixture(params=["memory", "sqlite"])
def definitions(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Definitions]:
    if request.param == "memory":
        yield MemoryDefinitions()
        return
    engine = open_database(f"sqlite:///{tmp_path / 'assay.sqlite'}")
    yield SqlDefinitions(engine)
    engine.dispose()


@pytest.fixture(params=["memory", "sqlite"])
def audit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditLog]:
    if request.param == "memory":
        yield MemoryAuditLog()
        return
    engine = open_database(f"sqlite:///{tmp_path / 'assay.sqlite'}")
    yield SqlAuditLog(engine)
    engine.dispose()


@pytest.fixture(params=["memory", "sqlite"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shared]:
    if request.param == "memory":
        yield MemoryShared()
        return
    engine = open_database(f"sqlite:///{tmp_path / 'assay.sqlite'}")
    yield SqlShared(engine)
    engine.dispose()


@pytest.fixture(params=["memory", "sqlite"])
def results(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Results]:
    if request.param == "memory":
        yield MemoryResults()
        return
    engine = open_database(f"sqlite:///{tmp_path / 'assay.sqlite'}")
    yield SqlResults(engine)
    engine.dispose()


@pytest.fixture(params=["memory", "sqlite"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inbox]:
    box: Inbox = MemoryInbox() if request.param == "memory" else SqliteInbox(tmp_path / "inbox.sqlite")
    yield box
    box.close()


@pytest.fixture(params=["memory", "duckdb"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    house: Warehouse = MemoryWarehouse() if request.param == "memory" else DuckdbWarehouse(tmp_path / "w.duckdb")
    yield house
    house.close()
