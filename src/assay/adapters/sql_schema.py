"""The tables of definitions, audit log and results, the same on SQLite and PostgreSQL; changed by migrations only."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from assay.errors import Unavailable

_log = structlog.get_logger("assay.database")
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


LEASES = Table(
    "leases",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("holder", String(100), nullable=False),
    Column("until", BigInteger, nullable=False),
)

_CONNECT_SECONDS = 5
_migrating = threading.Lock()
_MIGRATION_LOCK = 4_155_341


def open_database(url: str, *, pool_size: int = 10, max_overflow: int = 20, must_answer: bool = True) -> Engine:
    """An engine on a migrated database. url: SQLAlchemy form, like sqlite:///path or postgresql://…

    Raises Unavailable when it does not answer; with must_answer False it is left as it is then, and used later.
    """
    address = make_url(url)
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(
            address,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=max_overflow,
            connect_args={"connect_timeout": _CONNECT_SECONDS},
        )
    event.listen(engine, "handle_error", _in_words)
    try:
        # Alembic keeps what it works on in one place for all threads.
        with _migrating, engine.begin() as connection:
            migrate(connection)
    except Unavailable:
        if must_answer:
            raise
    return engine


def _in_words(context: ExceptionContext) -> None:
    """What the driver says when the database is gone, as Unavailable."""
    gone = context.is_disconnect or isinstance(context.sqlalchemy_exception, (OperationalError, InterfaceError))
    if gone or context.connection is None:
        why = str(context.original_exception).strip().partition("\n")[0]
        raise Unavailable(f"the database does not answer: {why}") from context.original_exception


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest migration."""
    # Processes that start together migrate one after the other.
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None and present not in {
        item.revision for item in ScriptDirectory.from_config(config).walk_revisions()
    }:
        # Migrations only ever add: what this code reads and writes is still there.
        _log.warning("the database was migrated by a newer Assay; going on with it as it is", revision=present)
        return
    command.upgrade(config, "head")


def _prepare_sqlite(connection: object, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
