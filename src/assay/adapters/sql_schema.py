"""The tables of definitions, audit log and results, the same on SQLite and PostgreSQL; changed by migrations only."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import BigInteger, Column, Engine, Index, Integer, MetaData, String, Table, Text, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import ConnectionPoolEntry

METADATA = MetaData()

EXPERIMENTS = Table(
    "experiments",
    METADATA,
    Column("key", String(100), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("stage", String(20), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("document", Text, nullable=False),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("experiment", String(100), nullable=False, index=True),
    Column("action", String(40), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    Column("before", Text),
    Column("after", Text),
    sqlite_autoincrement=True,
)

SHARED = Table(
    "shared",
    METADATA,
    Column("kind", String(20), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("document", Text, nullable=False),
)

RESULTS = Table(
    "results",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("experiment", String(100), nullable=False),
    Column("at", String(32), nullable=False),
    Column("document", Text, nullable=False),
    Index("results_by_experiment", "experiment", "id"),
    sqlite_autoincrement=True,
)


def open_database(url: str) -> Engine:
    """An engine on a migrated database. url: SQLAlchemy form, like sqlite:///path or postgresql://…"""
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    with engine.begin() as connection:
        migrate(connection)
    return engine


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest migration."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(connection: object, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
