"""Connections to someone's own DuckDB, PostgreSQL, ClickHouse and Spark, for reading only. Each client is imported when
it is used: all but DuckDB's are extras."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import duckdb

from assay.adapters.own_tables import Engine, Rows, answered
from assay.errors import InvalidInput, Unavailable


class OwnDuckdb:
    """A DuckDB file, or one in memory for queries over Parquet and CSV files."""

    dialect = "duckdb"

    def __init__(self, path: str, query_seconds: float) -> None:
        self._path, self._query_seconds = path, query_seconds
        self._lock = threading.Lock()

    def rows(self, query: str) -> Rows:
        with self._lock:
            return answered(lambda: self._ask(query), (duckdb.Error, OSError), "DuckDB")

    def _ask(self, query: str) -> Rows:
        # Opened for each question: whoever writes the file is let in between.
        in_memory = self._path in ("", ":memory:")
        with duckdb.connect(self._path or ":memory:", read_only=not in_memory) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            timer = threading.Timer(self._query_seconds, connection.interrupt)
            timer.start()
            try:
                return connection.execute(query).fetchall()
            finally:
                timer.cancel()

    def close(self) -> None:
        """Nothing is held open."""


class OwnPostgres:
    """A PostgreSQL database, in transactions that can only read."""

    dialect = "postgres"

    def __init__(self, url: str, query_seconds: float) -> None:
        import psycopg

        self._psycopg = psycopg
        self._url, self._lock = url, threading.Lock()
        self._options = (
            f"-c default_transaction_read_only=on -c statement_timeout={round(query_seconds * 1000)} -c timezone=UTC"
        )
        self._connection: Any = None

    def rows(self, query: str) -> Rows:
        with self._lock:
            return answered(lambda: self._ask(query), (self._psycopg.Error,), "PostgreSQL")

    def _ask(self, query: str) -> Rows:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._psycopg.connect(
                    self._url, autocommit=True, options=self._options, connect_timeout=5
                )
            found: Rows = self._connection.execute(query).fetchall()
            return found
        except self._psycopg.OperationalError:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class OwnClickhouse:
    """A ClickHouse database."""

    dialect = "clickhouse"

    def __init__(self, url: str, query_seconds: float) -> None:
        import clickhouse_connect
        from clickhouse_connect.driver.exceptions import ClickHouseError

        self._module, self._failures = clickhouse_connect, (ClickHouseError, OSError)
        self._url, self._query_seconds = url, query_seconds
        self._client: Any = None

    def rows(self, query: str) -> Rows:
        return answered(lambda: self._ask(query), self._failures, "ClickHouse")

    def _ask(self, query: str) -> Rows:
        if self._client is None:
            self._client = self._module.get_client(dsn=self._url, autogenerate_session_id=False)
        settings = {"max_execution_time": max(1, round(self._query_seconds)), "readonly": 2}
        found: Rows = self._client.query(query, settings=settings).result_rows
        return found

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class OwnSpark:
    """Spark: a cluster (spark://), Spark Connect (sc://) or one in this process (spark://local)."""

    dialect = "spark"

    def __init__(self, url: str) -> None:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        self._failures = (PySparkException, ConnectionError)
        builder: Any = SparkSession.builder
        if url.startswith("sc://"):
            builder = builder.remote(url)
        else:
            master = url.removeprefix("spark://")
            builder = builder.master(master if master.startswith("local") else url)
        self._session: Any = builder.appName("assay").config("spark.sql.session.timeZone", "UTC").getOrCreate()

    def rows(self, query: str) -> Rows:
        return answered(lambda: [tuple(row) for row in self._session.sql(query).collect()], self._failures, "Spark")

    def close(self) -> None:
        self._session.stop()


def open_engine(url: str, query_seconds: float) -> Engine:
    """The engine that a URL names. Raises InvalidInput for another, Unavailable when its client is not installed."""
    scheme, _, rest = url.partition("://")
    try:
        if scheme == "duckdb":
            path = rest.removeprefix("/") if rest.startswith("//") else rest
            return OwnDuckdb(path if path.startswith("/") or not path else str(Path(path)), query_seconds)
        if scheme in ("postgresql", "postgres"):
            return OwnPostgres(url, query_seconds)
        if scheme in ("clickhouse", "clickhouses"):
            return OwnClickhouse(url, query_seconds)
        if scheme in ("spark", "sc"):
            return OwnSpark(url)
    except ModuleNotFoundError as error:
        raise Unavailable(f"{error.name} is not installed", hint="pip install 'assay[cluster,spark]'") from error
    accepted = "duckdb:///path, postgresql://…, clickhouse://…, spark://… or sc://…"
    raise InvalidInput("url", f"{scheme}://…", accepted)
