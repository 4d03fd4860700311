"""A connection to ClickHouse that is made when it is first needed, and errors in words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from assay.errors import InvalidInput, Unavailable

_PORT, _SECURE_PORT = 8123, 8443
_CONNECT_SECONDS, _GRACE_SECONDS = 3, 10
_TIMEOUT_CODE = "code: 159"
Answer = TypeVar("Answer")


class ClickhouseClient:
    """Queries and inserts, from any thread. url: clickhouse://user:password@host:port/database; clickhouses://: by TLS.

    on_connect: statements that every use relies on, run once. query_seconds: what takes longer is broken off.
    """

    def __init__(self, url: str, *, query_seconds: float, on_connect: Sequence[str] = ()) -> None:
        parts = urlsplit(url)
        if not parts.hostname:
            raise InvalidInput("WAREHOUSE_URL", f"{parts.scheme}://…", "clickhouse://user:password@host:8123/database")
        secure = parts.scheme == "clickhouses"
        self.database = unquote(parts.path.strip("/")) or "default"
        self._where: dict[str, Any] = {
            "host": parts.hostname,
            "port": parts.port or (_SECURE_PORT if secure else _PORT),
            "username": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
            "secure": secure,
        }
        self._query_seconds = query_seconds
        self._on_connect = tuple(on_connect)
        self._client: Any = None
        self._lock = threading.Lock()

    def rows(self, query: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The answer to a question, in time. Raises Unavailable."""

        def ask(client: Any) -> list[tuple[Any, ...]]:
            settings = {"max_execution_time": max(1, round(self._query_seconds))}
            found: list[tuple[Any, ...]] = client.query(query, parameters=values, settings=settings).result_rows
            return found

        return self._answered(ask)

    def run(self, statement: str, values: dict[str, Any] | None = None) -> None:
        """A statement without an answer, however long it takes. Raises Unavailable."""
        self._answered(lambda client: client.command(statement, parameters=values))

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
                )
            )

    def close(self) -> None:
        """Let the connections go."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _answered(self, ask: Callable[[Any], Answer]) -> Answer:
        try:
            return ask(self._connected())
        except (ClickHouseError, OSError) as error:
            text = str(error)
            if _TIMEOUT_CODE in text.lower():
                hint = "allow more time with QUERY_TIMEOUT_SECONDS, or look at a sample with SAMPLE_ABOVE_UNITS"
                raise Unavailable(f"the query took longer than {self._query_seconds:g} s", hint=hint) from error
            raise Unavailable(f"ClickHouse does not answer: {_first_sentence(text)}") from error

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                client = clickhouse_connect.get_client(
                    **self._where,
                    autogenerate_session_id=False,
                    connect_timeout=_CONNECT_SECONDS,
                    send_receive_timeout=round(self._query_seconds) + _GRACE_SECONDS,
                )
                client.command(f"CREATE DATABASE IF NOT EXISTS `{self.database}`")
                client.database = self.database
                for statement in self._on_connect:
                    client.command(statement)
                self._client = client
            return self._client


def _first_sentence(text: str) -> str:
    return text.partition("\n")[0].partition(". Stack trace")[0][:300]
