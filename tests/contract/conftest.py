"""Every adapter of every port, ready to use; each suite runs on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from assay.adapters.clickhouse_warehouse import ClickhouseWarehouse
from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.kafka_inbox import KafkaInbox
from assay.adapters.memory import (
    MemoryAuditLog,
    MemoryDefinitions,
    MemoryInbox,
    MemoryLeases,
    MemoryNotices,
    MemoryResults,
    MemoryShared,
    MemoryStickyStore,
)
from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.adapters.redis_notices import RedisNotices
from assay.adapters.redis_sticky import RedisStickyStore
from assay.adapters.sql_audit import SqlAuditLog
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_leases import SqlLeases
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.sql_shared import SqlShared
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.ports import AuditLog, Definitions, Inbox, Leases, Notices, Results, Shared, StickyStore, Warehouse
from tests.engines.clickhouse import ClickhouseServer, clickhouse_server
from tests.engines.kafka import KafkaBroker, kafka_broker
from tests.engines.postgres import PostgresServer, postgres_server
from tests.engines.redis import RedisServer, redis_server

DATABASES = ["memory", "sqlite", "postgres"]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        open_database(server.url("template1")).dispose()
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated database of the kind that the test was asked for."""
    kind = request.node.callspec.params[next(n for n in KEPT if n in request.node.callspec.params)]
    url = f"sqlite:///{tmp_path / 'assay.sqlite'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres").create()
    engine = open_database(url)
    yield engine
    engine.dispose()


KEPT = ("definitions", "shared", "results", "leases", "audit")
"""The fixtures whose adapters need a database."""


@pytest.fixture(params=DATABASES)
def audit(request: pytest.FixtureRequest) -> AuditLog:
    if request.param == "memory":
        return MemoryAuditLog()
    return SqlAuditLog(request.getfixturevalue("database"))


@pytest.fixture(params=DATABASES)
def definitions(request: pytest.FixtureRequest) -> Definitions:
    if request.param == "memory":
        return MemoryDefinitions()
    return SqlDefinitions(request.getfixturevalue("database"))


@pytest.fixture(params=DATABASES)
def shared(request: pytest.FixtureRequest) -> Shared:
    if request.param == "memory":
        return MemoryShared()
    return SqlShared(request.getfixturevalue("database"))


@pytest.fixture(params=DATABASES)
def results(request: pytest.FixtureRequest) -> Results:
    if request.param == "memory":
        return MemoryResults()
    return SqlResults(request.getfixturevalue("database"))


@pytest.fixture(params=DATABASES)
def leases(request: pytest.FixtureRequest) -> Leases:
    if request.param == "memory":
        return MemoryLeases()
    return SqlLeases(request.getfixturevalue("database"))


@pytest.fixture(params=["memory", "redis"])
def sticky(request: pytest.FixtureRequest) -> Iterator[StickyStore]:
    store: StickyStore = MemoryStickyStore()
    if request.param == "redis":
        store = RedisStickyStore(request.getfixturevalue("redis").url)
        store._client.flushall()
    yield store
    store.close()


@pytest.fixture(params=["memory", "redis"])
def notices(request: pytest.FixtureRequest) -> Iterator[Notices]:
    if request.param == "memory":
        yield MemoryNotices()
        return
    told = RedisNotices(request.getfixturevalue("redis").url)
    assert told.listening.wait(10)
    yield told
    told.close()


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaBroker]:
    with kafka_broker() as broker:
        yield broker


@pytest.fixture(params=["memory", "sqlite", "kafka"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inbox]:
    box: Inbox = MemoryInbox()
    if request.param == "sqlite":
        box = SqliteInbox(tmp_path / "inbox.sqlite")
    elif request.param == "kafka":
        broker = request.getfixturevalue("kafka")
        topic = broker.topic()
        box = KafkaInbox(broker.servers, topic=topic, group=topic, partitions=None)
    yield box
    box.close()


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickhouseServer]:
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


Opened = Callable[[], Warehouse]


@pytest.fixture(params=["memory", "duckdb", "clickhouse"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """What opens an empty warehouse of one kind, and another one at each call."""
    houses: list[Warehouse] = []

    def fresh() -> Warehouse:
        if request.param == "clickhouse":
            url = request.getfixturevalue("clickhouse").create()
            houses.append(ClickhouseWarehouse(url))
        elif request.param == "duckdb":
            houses.append(DuckdbWarehouse(tmp_path / f"{len(houses)}.duckdb"))
        else:
            houses.append(MemoryWarehouse())
        return houses[-1]

    yield fresh
    for house in houses:
        house.close()


@pytest.fixture
def warehouse(opened: Opened) -> Warehouse:
    return opened()
