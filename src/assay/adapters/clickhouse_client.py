"""Connections to ClickHouse that are made when they are first needed, and errors in words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from assay.errors import InvalidInput, Unavailable

_PORT, _SECURE_PORT = 8123, 8443
_CONNECT_SECONDS, _QUICK_SECONDS, _GRACE_SECONDS, _STATEMENT_SECONDS = 3, 5, 10, 3_600
_NOT_LET_IN = (192, 193, 194, 516)
_TOO_LONG = (159, 160)
_NOT_THERE = (60, 81)
"""ClickHouse's codes for users and passwords, for time, and for tables and databases."""
_SETTINGS = {
    # Some servers are told to look for repeats within a partition only, or to answer an insert before it is done.
    "do_not_merge_across_partitions_select_final": 0,
    "async_insert": 0,
}
_ACCEPTED = "clickhouse://user:password@host:8123/database, with clickhouses:// or ?secure=1 for TLS"
Answer = TypeVar("Answer")
# What it logs at every failure is in the error that is raised; handlers of the application's own still get it.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())


class ClickhouseClient:
    """Queries and inserts, from any thread. url: clickhouse://user:password@host:port/database; clickhouses://: by TLS.

    on_connect: statements that every use relies on, run once. query_seconds: what takes longer is broken off.
    """

    def __init__(self, url: str, *, query_seconds: float, on_connect: Sequence[str] = ()) -> None:
        self._where, self._database = _taken_apart(url)
        self._name = f"ClickHouse at {self._where['host']}:{self._where['port']}"
        self._query_seconds = query_seconds
        self._patience = round(query_seconds) + _GRACE_SECONDS
        self._on_connect = tuple(on_connect)
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()

    def rows(self, query: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The answer to a question, in time. Raises Unavailable."""
        return self._asked(query, values, self._patience)

    def quick_rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a question that needs no work, within a few seconds. Raises Unavailable."""
        return self._asked(query, None, _QUICK_SECONDS)

    def all_rows(self, query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The answer to a question, however long it takes. Raises Unavailable."""
        return self._answered(lambda client: _rows_of(client.query(query, parameters=values)), _STATEMENT_SECONDS)

    def run(self, statement: str, values: dict[str, Any] | None = None) -> None:
        """A statement without an answer, however long it takes. Raises Unavailable."""
        self._answered(lambda client: client.command(statement, parameters=values), _STATEMENT_SECONDS)

    def insert(self, table: str, columns: dict[str, list[Any]], *, token: str) -> None:
        """Rows, column by column. token: the same for the same rows, so that a repeat is known. Raises Unavailable."""
        if next(iter(columns.values())):
            self._answered(
                lambda client: client.insert(
                    table,
                    list(columns.values()),
                    column_names=list(columns),
                    column_oriented=True,
                    settings={"insert_deduplication_token": token},
                ),
                self._patience,
            )

    def close(self) -> None:
        """Let the connections go."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _asked(self, query: str, values: dict[str, Any] | None, patience: int) -> list[tuple[Any, ...]]:
        settings = {"max_execution_time": max(1, round(self._query_seconds))}
        return self._answered(
            lambda client: _rows_of(client.query(query, parameters=values, settings=settings)), patience
        )

    def _answered(self, ask: Callable[[Any], Answer], patience: int) -> Answer:
        try:
            return ask(self._connected(patience))
        except (ClickHouseError, OSError) as error:
            if getattr(error, "code", None) in _NOT_THERE:
                # A server that came back empty: the next use makes everything anew.
                self.close()
            raise self._in_words(error) from error

    def _connected(self, patience: int) -> Any:
        """The client that waits so many seconds for the next byte. A server that hangs is found out quickly."""
        with self._lock:
            if not self._clients:
                self._clients[_QUICK_SECONDS] = self._prepared()
            if patience not in self._clients:
                self._clients[patience] = self._connect(patience, self._database)
            return self._clients[patience]

    def _prepared(self) -> Any:
        client = self._connect(_QUICK_SECONDS, None)
        # Whoever may not make databases may use one that is there.
        found = client.query("SELECT 1 FROM system.databases WHERE name = {name:String}", {"name": self._database})
        if not found.result_rows:
            client.command(f"CREATE DATABASE IF NOT EXISTS `{self._database}`")
        client.database = self._database
        for statement in self._on_connect:
            client.command(statement)
        return client

    def _connect(self, patience: int, database: str | None) -> Any:
        return clickhouse_connect.get_client(
            **self._where,
            database=database,
            settings=_SETTINGS,
            autogenerate_session_id=False,
            connect_timeout=_CONNECT_SECONDS,
            send_receive_timeout=patience,
        )

    def _in_words(self, error: Exception) -> Unavailable:
        code = getattr(error, "code", None)
        if code in _TOO_LONG:
            hint = "allow more time with QUERY_TIMEOUT_SECONDS, or look at a sample with SAMPLE_ABOVE_UNITS"
            return Unavailable(f"the query took longer than {self._query_seconds:g} s", hint=hint)
        if code in _NOT_LET_IN:
            return Unavailable(f"{self._name} refuses the user or the password", hint="look at WAREHOUSE_URL")
        if code is not None:
            return Unavailable(f"{self._name} reports an error: {_said(str(error))}")
        return Unavailable(f"{self._name} does not answer: {_cause(error)}")


def _taken_apart(url: str) -> tuple[dict[str, Any], str]:
    """What a connection needs, and the database. Raises InvalidInput without the password."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    secure = options.pop("secure", "1" if parts.scheme == "clickhouses" else "0")
    database = unquote(parts.path.strip("/")) or "default"
    if not parts.hostname or options or secure not in ("0", "1") or set("/`\\") & set(database):
        given = "".join(f"?{name}=…" for name in options) or "…"
        raise InvalidInput("WAREHOUSE_URL", f"{parts.scheme}://{given}", _ACCEPTED)
    where = {
        "host": parts.hostname,
        "port": _port(parts) or (_SECURE_PORT if secure == "1" else _PORT),
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "secure": secure == "1",
    }
    return where, database


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        # Not shown: with a password that was not escaped, part of it stands where the port should.
        accepted = f"{_ACCEPTED}, the port a whole number up to 65535"
        raise InvalidInput("WAREHOUSE_URL", f"{parts.scheme}://…", accepted) from None


def _rows_of(answer: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = answer.result_rows
    return rows


def _said(text: str) -> str:
    """What the server itself says."""
    words = text.partition("DB::Exception: ")[2] or text
    return words.partition("\n")[0].partition(". Stack trace")[0].partition(" (for url")[0][:300]


def _cause(error: BaseException) -> str:
    """What lies at the bottom of an error of the network."""
    while deeper := error.__cause__ or error.__context__:
        error = deeper
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words)[:300]
