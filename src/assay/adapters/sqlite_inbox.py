"""The inbox in SQLite: one writer thread, every waiting request in one commit, each commit on disk before its answer.

Positions are SQLite row ids that are never used twice, so they grow in commit order across processes.
"""

from __future__ import annotations

import contextlib
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
_EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"
_MAX_GROUP = 2_000
_BUSY_SECONDS = 10.0
_Waiting = tuple[bytes, Future[None]]


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
            done.set_exception(Unavailable("the inbox is closed", hint="the server is shutting down"))
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
        with self._reader_lock, self._reader:
            self._reader.execute("DELETE FROM inbox WHERE position <= ?", (through,))

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
            raise Unavailable("the inbox is closed", hint="the server is shutting down")

    def close(self) -> None:
        """Write what waits, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._writer.join()
            self._reader.close()

    def _write_groups(self) -> None:
        connection = _connect(self._path)
        open_for_more = True
        while open_for_more:
            first = self._queue.get()
            if first is None:
                break
            group = [first]
            while len(group) < _MAX_GROUP and not self._queue.empty():
                waiting = self._queue.get()
                if waiting is None:
                    open_for_more = False
                    break
                group.append(waiting)
            _commit(connection, group)
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_SCHEMA)
    connection.commit()
    return connection


def _commit(connection: sqlite3.Connection, group: list[_Waiting]) -> None:
    """All of the group on disk in one transaction, or none of it and every waiter told."""
    try:
        with connection:
            connection.executemany("INSERT INTO inbox (lines) VALUES (?)", [(lines,) for lines, _ in group])
    except sqlite3.Error as error:
        with contextlib.suppress(sqlite3.Error):
            connection.rollback()
        failure = Unavailable(f"events could not be written to disk: {error}", hint="nothing of this request was kept")
        for _, done in group:
            _settle(done, failure)
    else:
        for _, done in group:
            _settle(done, None)


def _settle(done: Future[None], failure: Unavailable | None) -> None:
    """Answer one waiter; one that gave up meanwhile must not harm the others."""
    if not done.set_running_or_notify_cancel():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
