"""Settings to adapters: one function per port, each the embedded part unless a setting names another.

Clients of other systems are imported only where they are used: `pip install assay` works without them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Engine

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.elsewhere import WarehouseElsewhere
from assay.adapters.memory import MemoryNotices, MemoryStickyStore
from assay.adapters.snapshot_file import SnapshotFile
from assay.adapters.sql_leases import SqlLeases
from assay.adapters.sql_schema import open_database
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.app.settings import Role, Settings
from assay.app.sources import open_sources
from assay.errors import AssayError
from assay.ports import Erasing, Inbox, LastDefinitions, Leases, Measurements, Notices, StickyStore, Warehouse

Made = TypeVar("Made")
LOADS = (Role.ALL, Role.WORKER)
"""The roles that empty the inbox."""


@dataclass(slots=True)
class Parts:
    """The adapters of one process. measured: what analysis reads. closing: what to call in the end, in order."""

    engine: Engine
    inbox: Inbox
    warehouse: Warehouse
    measured: Measurements
    sticky: StickyStore
    notices: Notices
    leases: Leases
    last: LastDefinitions
    closing: list[Callable[[], None]] = field(default_factory=list)

    @property
    def erasing(self) -> list[Erasing]:
        """The stores whose files keep the bytes of what was removed until they are written anew."""
        return [part for part in (self.inbox, self.warehouse) if isinstance(part, (SqliteInbox, DuckdbWarehouse))]


def open_parts(settings: Settings) -> Parts:
    """All parts that the settings name. What was opened is closed again when one cannot be."""
    settings.data.mkdir(parents=True, exist_ok=True)
    closing: list[Callable[[], None]] = []

    def opened(part: Made) -> Made:
        closing.insert(0, getattr(part, "close", lambda: None))
        return part

    try:
        engine = open_engine(settings)
        closing.insert(0, engine.dispose)
        warehouse = opened(open_warehouse(settings))
        own = None if settings.role is Role.EDGE else open_sources(settings)
        return Parts(
            engine=engine,
            warehouse=warehouse,
            measured=warehouse if own is None else opened(own),
            sticky=opened(open_sticky(settings)),
            notices=opened(open_notices(settings)),
            leases=SqlLeases(engine),
            last=SnapshotFile(settings.data / f"definitions-{settings.role}.json"),
            inbox=opened(open_inbox(settings)),
            closing=closing,
        )
    except BaseException:
        for close in closing:
            close()
        raise


def database_url(settings: Settings) -> str:
    """Where definitions, audit log and results are."""
    return settings.database_url or f"sqlite:///{settings.data / 'assay.sqlite'}"


def open_engine(settings: Settings) -> Engine:
    """The database. An edge that starts while it is gone goes on without."""
    return open_database(
        database_url(settings),
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        must_answer=settings.role is not Role.EDGE,
    )


def open_inbox(settings: Settings) -> Inbox:
    """Kafka where it is set, else SQLite."""
    if not settings.kafka:
        return SqliteInbox(settings.data / "inbox.sqlite")
    made: Inbox = client("kafka", "kafka_inbox", "KafkaInbox")(
        settings.kafka,
        topic=settings.kafka_topic,
        group=settings.kafka_group,
        partitions=settings.kafka_partitions,
        loads=settings.role in LOADS,
    )
    return made


def open_warehouse(settings: Settings) -> Warehouse:
    """ClickHouse where it is set, else DuckDB, which one process alone may open."""
    if settings.role is Role.EDGE:
        return WarehouseElsewhere("this process is an edge: it takes events and does not read them")
    if settings.warehouse_url:
        made: Warehouse = client("clickhouse", "clickhouse_warehouse", "ClickhouseWarehouse")(
            settings.warehouse_url, query_seconds=settings.query_seconds
        )
        return made
    if settings.role is Role.CONTROL:
        return WarehouseElsewhere("the worker holds the warehouse's file, and this process is not the worker")
    return DuckdbWarehouse(settings.data / "warehouse.duckdb", query_seconds=settings.query_seconds)


def open_sticky(settings: Settings) -> StickyStore:
    """Redis where it is set, else memory."""
    if not settings.redis_url:
        return MemoryStickyStore()
    made: StickyStore = client("redis", "redis_sticky", "RedisStickyStore")(
        settings.redis_url, max_connections=settings.redis_max_connections
    )
    return made


def open_notices(settings: Settings) -> Notices:
    """Redis where it is set, else within the process."""
    if not settings.redis_url:
        return MemoryNotices()
    made: Notices = client("redis", "redis_notices", "RedisNotices")(settings.redis_url)
    return made


def client(extra: str, module: str, name: str) -> Any:
    """An adapter whose library is an extra; raises AssayError that says how to install it."""
    try:
        return getattr(importlib.import_module(f"assay.adapters.{module}"), name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("assay"):
            raise
        raise AssayError(f"{error.name} is not installed", hint=f"pip install 'assay[{extra}]'") from error
