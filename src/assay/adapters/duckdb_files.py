"""Files and dataframes, readable as one table in a DuckDB in memory."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from assay.errors import InvalidInput, NotFound
from assay.queries.tables import SOURCE
from assay.queries.unit_rows import ROW_NUMBER

FILES_ACCEPTED = "a .csv, .tsv, .parquet, .jsonl, .ndjson or .json file (text may be packed as .gz or .zst)"
EMPTY_TEXTS = ("", "NA", "N/A", "NULL", "null", "NaN", "nan")
"""What counts as no value in CSV and TSV files."""
_PACKED = (".gz", ".zst")


def open_memory(threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database in memory that reads nothing but what it is given. threads: None for one per core."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": str(Path(tempfile.gettempdir()) / "assay-duckdb"),
        "autoinstall_known_extensions": "false",
        "python_enable_replacements": "false",
    }
    if threads is not None:
        config["threads"] = str(threads)
    return duckdb.connect(config=config)


class Connections:
    """Databases in memory kept open between calls, because opening one takes longer than reading a small file.

    Each is used by one call at a time and handed back without its source. A process that was forked opens its own.
    attaching: whether calls make a source readable as SOURCE; false spares the clearing up.
    """

    def __init__(self, threads: int | None = None, *, most: int = 2, attaching: bool = True) -> None:
        self._threads, self._most, self._attaching = threads, most, attaching
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._process = os.getpid()

    @contextmanager
    def borrowed(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One connection for one call."""
        if self._process != os.getpid():
            self._idle, self._process = [], os.getpid()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = open_memory(self._threads)
        try:
            yield connection
            if self._attaching:
                detach(connection)
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < self._most:
            self._idle.append(connection)
        else:
            connection.close()


def detach(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget the table SOURCE."""
    connection.execute(f"DROP VIEW IF EXISTS {SOURCE}")
    connection.unregister(SOURCE)


def attach(
    connection: duckdb.DuckDBPyConnection, source: Any, text_columns: Sequence[str], *, whole: bool = False
) -> None:
    """Make `source` readable as the table SOURCE. whole: types of a text file come from all of it in any case."""
    if isinstance(source, (str, Path)):
        path = Path(source)
        if not path.is_file():
            raise NotFound("file", str(source))
        try:
            _relation(connection, path, text_columns, whole).create_view(SOURCE)
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise InvalidInput("file", path.name, FILES_ACCEPTED, hint=reason_of(error)) from error
        return
    try:
        connection.register(SOURCE, source)
    except (duckdb.Error, ImportError, TypeError, ValueError) as error:
        accepted = "a path, or a pandas, polars or pyarrow table (the last two need pyarrow installed)"
        raise InvalidInput("data", type(source).__name__, accepted, hint=reason_of(error)) from error


def numbered_rows(source: Any) -> str | None:
    """SQL that reads a Parquet file with the number of each row in ROW_NUMBER; None for anything else."""
    if not isinstance(source, (str, Path)) or Path(source).suffix.lower() not in (".parquet", ".pq"):
        return None
    name = glob.escape(str(source)).replace("'", "''")
    return f"read_parquet('{name}', hive_partitioning = false, {ROW_NUMBER} = true)"


def _relation(
    connection: duckdb.DuckDBPyConnection, path: Path, text_columns: Sequence[str], whole: bool
) -> duckdb.DuckDBPyRelation:
    """The file as a relation. Units and variants of text files stay text: '007' and '7' are two units.

    Types of the other columns come from the whole file, so that a late odd value changes a type instead of failing.
    """
    name = glob.escape(str(path))
    kinds = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _PACKED]
    kind = kinds[-1] if kinds else ""
    if kind in (".csv", ".tsv", ".txt"):
        return connection.read_csv(
            name,
            header=True,
            sep="\t" if kind == ".tsv" else None,
            dtype=dict.fromkeys(text_columns, "VARCHAR"),
            na_values=list(EMPTY_TEXTS),
            sample_size=-1 if text_columns or whole else None,
            hive_partitioning=False,
        )
    if kind in (".parquet", ".pq"):
        return connection.read_parquet(name, hive_partitioning=False)
    if kind in (".jsonl", ".ndjson", ".json"):
        return connection.read_json(name, sample_size=-1, hive_partitioning=False)
    raise InvalidInput("file", path.name, FILES_ACCEPTED)


def types_of(connection: duckdb.DuckDBPyConnection, table: str = SOURCE) -> dict[str, str]:
    """The columns of a table and their types. table: SQL that follows FROM."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}


def reason_of(error: Exception) -> str:
    """The first lines of an engine's message, which say what is wrong and where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ". ".join(lines[:3])[:300]
