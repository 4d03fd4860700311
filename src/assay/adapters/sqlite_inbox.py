"""The inbox in SQLite: one writer thread, all that waits in one row and one commit, on disk before any answer.

Positions are SQLite row ids that are never used twice, so they grow in commit order across processes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

from assay.errors import Unavailable
from assay.ports import InboxBatch

_SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    lines BLOB NOT NULL
)
"""
_READ = "SELECT position, lines FROM inbox WHERE position > ? ORDER BY position"
_INSERT = "INSERT INTO inbox (lines) VALUES (?)"
_TRIM = "DELETE FROM inbox WHERE position <= ?"
_MAX_GROUP_BYTES = 4 * 1024 * 1024
_PAGE_BYTES = 16 * 1024
_EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"
_BUSY_SECONDS = 10.0
_Waiting = tuple[bytes | int, Future[None]]
"""Lines to write, or the position through which to trim; and who waits for it."""


class SqliteInbox:
    """The Inbox port. Several processes may append; each has its own writer thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._reader = _connect(path)
        self._reader_lock = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_groups, name="inbox-writer", daemon=True)
        self._writer.start()

    def append(self, lines: bytes) -> Future[None]:
        done: Future[None] = Future()
        if self._closed:
            done.set_exception(_closed())
        else:
            self._queue.put((lines, done))
        return done

    def partitions(self) -> Sequence[int]:
        return (0,)

    def read(self, after: int, *, max_events: int, partition: int = 0) -> InboxBatch | None:
        lines: list[bytes] = []
        position = after
        with self._reader_lock:
            rows = self._reader.execute(_READ, (after,))
            for row_position, blob in rows:
                position = row_position
                lines.extend(blob.split(b"\n"))
                if len(lines) >= max_events:
                    break
            rows.close()
        return InboxBatch(tuple(lines), position, partition) if position > after else None

    def trim(self, through: int, *, partition: int = 0) -> None:
        done: Future[None] = Future()
        if self._closed:
            done.set_exception(_closed())
        else:
            self._queue.put((through, done))
        done.result()

    def erase_removed(self) -> None:
        try:
            with self._reader_lock:
                # Old pages are in the log as well as in the file: both are emptied, the file then written anew.
                for statement in (_EMPTY_LOG, "VACUUM", _EMPTY_LOG):
                    row = self._reader.execute(statement).fetchone()
                    if statement == _EMPTY_LOG and row[0]:
                        raise Unavailable("the inbox is being read by another process", hint="try again")
        except sqlite3.Error as error:
            raise Unavailable(f"the inbox cannot be written anew: {error}", hint="try again") from error

    def check(self) -> None:
        if self._closed or not self._writer.is_alive():
            raise _closed()

    def close(self) -> None:
        """Write what waits, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._writer.join()
            self._reader.close()

    def _write_groups(self) -> None:
        connection = _connect(self._path)
        connection.isolation_level = None
        while (first := self._queue.get()) is not None:
            group, n_bytes = [first], _size(first)
            while n_bytes < _MAX_GROUP_BYTES and not self._queue.empty():
                waiting = self._queue.get()
                if waiting is None:
                    self._queue.put(None)
                    break
                group.append(waiting)
                n_bytes += _size(waiting)
            _write(connection, group)
        connection.close()
        # Whoever came between the last look and the end.
        while not self._queue.empty():
            if (late := self._queue.get()) is not None:
                _settle(late[1], _closed())


def _closed() -> Unavailable:
    return Unavailable("the inbox is closed", hint="the server is shutting down")


def _size(waiting: _Waiting) -> int:
    return len(waiting[0]) if isinstance(waiting[0], bytes) else 0


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    # Groups are many kilobytes: larger pages halve the work. A file that exists keeps the size it has.
    connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_SCHEMA)
    connection.commit()
    return connection


def _write(connection: sqlite3.Connection, group: list[_Waiting]) -> None:
    """All lines of the group on disk in one transaction, or none of them and every waiter told; then what is trimmed.

    Both here, because two connections that write would wait for each other.
    """
    lines = [(blob, done) for blob, done in group if isinstance(blob, bytes)]
    # One statement is its own transaction, and this thread asks for the interpreter's lock once.
    if lines:
        _run(connection, _INSERT, b"\n".join(blob for blob, _ in lines), [done for _, done in lines])
    for through, done in group:
        if isinstance(through, int):
            _run(connection, _TRIM, through, [done])


def _run(connection: sqlite3.Connection, statement: str, value: bytes | int, waiters: list[Future[None]]) -> None:
    failure = None
    try:
        connection.execute(statement, (value,))
    except sqlite3.Error as error:
        failure = Unavailable(f"events could not be written to disk: {error}", hint="nothing of this request was kept")
    for done in waiters:
        _settle(done, failure)


def _settle(done: Future[None], failure: Unavailable | None) -> None:
    """Answer one waiter; one that gave up meanwhile must not harm the others."""
    if not done.set_running_or_notify_cancel():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
