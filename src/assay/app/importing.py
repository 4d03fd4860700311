"""The wiring of imports: a source to the inbox of a data folder, or to a server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from assay.adapters.duckdb_history import DuckdbHistory
from assay.adapters.file_bookmarks import FileBookmarks
from assay.adapters.holiday_calendar import HolidayCalendar
from assay.adapters.http_sink import HttpSink
from assay.adapters.inbox_sink import InboxSink
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.sql_shared import SqlShared
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.app.plugins import installed_randomizers, installed_tests
from assay.app.server import utc_now
from assay.errors import InvalidInput
from assay.model.history import HistoryMapping
from assay.ports import Definitions
from assay.ports.history import Bookmarks, History, HistorySink
from assay.service.editing import Editing
from assay.service.entrance import Entrance
from assay.service.importing import Observing
from assay.service.lifecycle import Lifecycle
from assay.service.snapshots import Snapshots

_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"


@dataclass(frozen=True, slots=True)
class Source:
    """A history, and what tells it from others: None where its rows need not come in the same order again."""

    history: History
    identity: str | None


@contextmanager
def open_source(file: Path | None, address: str | None, table: str | None) -> Iterator[Source]:
    """A file, or the table at an address: a path of a SQLite or DuckDB file, or a database's URL."""
    with tempfile.TemporaryDirectory(prefix="assay-import-") as spool:
        if file is not None:
            source = Source(DuckdbHistory(file), _identity(file, ""))
        elif address is not None and table is not None:
            source = _table(address, table, Path(spool) / "rows.csv")
        else:
            raise InvalidInput("--table", table, "the name of a table, together with --from; or a file instead of both")
        try:
            yield source
        finally:
            source.history.close()


def _table(address: str, table: str, spool: Path) -> Source:
    from assay.adapters.sql_spool import spool_table

    path = Path(address)
    begins = b""
    if path.is_file():
        with path.open("rb") as file:
            begins = file.read(16)
    if begins[8:12] == _DUCKDB:
        return Source(DuckdbHistory(path, table), _identity(path, table))
    spool_table(f"sqlite:///{path}" if begins == _SQLITE else address, table, spool)
    return Source(DuckdbHistory(spool), None)


def _identity(path: Path, table: str) -> str:
    status = os.stat(path)
    return repr((str(path.resolve()), table, status.st_size, status.st_mtime_ns))


def bookmark_name(source: Source, mapping: HistoryMapping) -> str | None:
    """What an import of this source by this mapping is called."""
    if source.identity is None:
        return None
    return sha256(repr((source.identity, mapping)).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Target:
    """Where rows go. definitions, observing: of a data folder; None of a server, which checks names itself."""

    sink: HistorySink
    bookmarks: Bookmarks
    definitions: Definitions | None
    observing: Observing | None
    close: Callable[[], None]


def open_folder(data: Path) -> Target:
    """A data folder beside its server, or without one."""
    data.mkdir(parents=True, exist_ok=True)
    engine = open_database(f"sqlite:///{data / 'assay.sqlite'}")
    definitions, telemetry, plugins = SqlDefinitions(engine), PrometheusTelemetry(), installed_randomizers()
    entrance = Entrance(definitions, SqlShared(engine), HolidayCalendar(), plugins)
    editing = Editing(definitions, entrance, telemetry, utc_now, installed_tests())
    lifecycle = Lifecycle(
        definitions, SqlResults(engine), entrance, Snapshots(definitions, plugins), telemetry, utc_now
    )
    sink = InboxSink(SqliteInbox(data / "inbox.sqlite"))

    def close() -> None:
        sink.close()
        engine.dispose()

    observing = Observing(definitions, editing, lifecycle)
    return Target(sink, FileBookmarks(data / "imports"), definitions, observing, close)


def open_server(url: str, data: Path) -> Target:
    """A server by its public API. Bookmarks are kept in the data folder of this machine."""
    sink = HttpSink(url)
    name = sha256(url.encode()).hexdigest()[:12]
    return Target(sink, FileBookmarks(data / "imports" / name), None, None, sink.close)
