"""Someone's own tables in every engine agree with plain loops over the same events."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.adapters.own_engines import open_engine
from assay.adapters.own_tables import OwnTables
from assay.errors import InvalidInput, Unavailable
from assay.model.sources import read_sources
from tests.contract.own_data import TYPES, rows, sources
from tests.contract.test_warehouse import REQUESTS, assert_same

KINDS = {
    "duckdb": {"text": "VARCHAR", "time": "TIMESTAMPTZ", "number": "DOUBLE", "whole": "BIGINT"},
    "postgres": {"text": "TEXT", "time": "TIMESTAMPTZ", "number": "DOUBLE PRECISION", "whole": "BIGINT"},
    "clickhouse": {
        "text": "Nullable(String)",
        "time": "Nullable(DateTime64(6, 'UTC'))",
        "number": "Nullable(Float64)",
        "whole": "Nullable(Int64)",
    },
}
Filled = Callable[[dict[str, list[tuple[Any, ...]]]], OwnTables]


def create(engine: str, table: str) -> str:
    quote = "`" if engine == "clickhouse" else '"'
    columns = ", ".join(f"{quote}{name}{quote} {KINDS[engine][kind]}" for name, kind in TYPES[table].items())
    ending = " ENGINE = MergeTree ORDER BY tuple()" if engine == "clickhouse" else ""
    return f"CREATE TABLE {table} ({columns}){ending}"


def in_duckdb(folder: Path, tables: dict[str, list[tuple[Any, ...]]]) -> str:
    path = folder / "own.duckdb"
    with duckdb.connect(str(path)) as connection:
        for table, found in tables.items():
            connection.execute(create("duckdb", table))
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(TYPES[table]))})", found)
    return f"duckdb://{path}"


def in_postgres(url: str, tables: dict[str, list[tuple[Any, ...]]]) -> str:
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table, found in tables.items():
            cursor.execute(create("postgres", table))
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(TYPES[table]))})", found)
    return url


def in_clickhouse(url: str, tables: dict[str, list[tuple[Any, ...]]]) -> str:
    import clickhouse_connect

    server, _, database = url.rpartition("/")
    client = clickhouse_connect.get_client(dsn=server)
    client.command(f"CREATE DATABASE {database}")
    client.database = database
    for table, found in tables.items():
        client.command(create("clickhouse", table))
        client.insert(table, found, column_names=list(TYPES[table]))
    client.close()
    return url


@pytest.fixture(params=["duckdb", "postgres", "clickhouse"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    opened: list[OwnTables] = []

    def fill(tables: dict[str, list[tuple[Any, ...]]]) -> OwnTables:
        if request.param == "duckdb":
            url = in_duckdb(tmp_path, tables)
        elif request.param == "postgres":
            url = in_postgres(request.getfixturevalue("postgres").create(), tables)
        else:
            url = in_clickhouse(request.getfixturevalue("clickhouse").create(), tables)
        opened.append(OwnTables(open_engine(url, 30.0), sources(url)))
        return opened[-1]

    yield fill
    for house in opened:
        house.close()


def assert_agrees(own: OwnTables, oracle: MemoryWarehouse) -> None:
    found, expected = own.moments(REQUESTS), oracle.moments(REQUESTS)
    for request in REQUESTS:
        left, right = found[request.experiment], expected[request.experiment]
        assert (left.units, left.quality) == (right.units, right.quality)
        assert left.first_exposure_at == right.first_exposure_at
        for metric, variant in itertools.product(request.metrics, request.variants):
            assert_same(left.metrics[metric.key][variant], right.metrics[metric.key][variant])
        for name, variant in itertools.product(request.value_counts, request.variants):
            assert left.value_counts[name][variant].counts == right.value_counts[name][variant].counts
    assert own.exposures() == oracle.exposures()


@pytest.mark.parametrize("seed", [21, 22])
def test_own_tables_agree_with_plain_loops(filled: Filled, seed: int) -> None:
    tables, oracle = rows(seed)
    own = filled(tables)
    own.check()
    assert_agrees(own, oracle)
    asked: dict[str, Any] = {"kept_under": ["one"], "unit": None, "limit": 20, "offset": 3}
    found = [replace(item, context={}) for item in oracle.exposure_log(**asked)]
    assert own.exposure_log(**asked) == found
    assert own.exposure_log(kept_under=[], unit=None, limit=5, offset=0) == []


def test_what_cannot_be_read_is_said(filled: Filled) -> None:
    tables, _ = rows(23, n_units=3)
    own = filled({name: found for name, found in tables.items() if name != "orders"})
    with pytest.raises(Unavailable, match="orders"):
        own.moments(REQUESTS)
    # Nothing can be written by this way in.
    with pytest.raises(Unavailable):
        own._engine.rows("CREATE TABLE mine (a INTEGER)")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "exposures"),
        ({"tables": 1}, "tables"),
        ({"exposures": {"table": "x"}}, "events"),
        ({"exposures": {"table": "x"}, "events": [{}]}, "exposures.unit"),
        (
            {"exposures": {"table": "x", "unit": "u", "at": "t", "experiment": "e", "variant": "v", "colour": "c"}},
            "exposures.colour",
        ),
        (
            {
                "exposures": {"table": "x", "unit": "u", "at": "t", "experiment": "e", "variant": "v"},
                "events": [{"table": "y", "unit": "u", "at": "t"}],
            },
            "events[0].type",
        ),
        (
            {
                "exposures": {"unit": "u", "at": "t", "experiment": "e", "variant": "v"},
                "events": [{"table": "y", "unit": "u", "at": "t", "type": "buy"}],
            },
            "exposures.table",
        ),
        (
            {
                "exposures": {"table": "x", "unit": "u", "at": "t", "experiment": "e", "variant": "v", "time": "days"},
                "events": [{"table": "y", "unit": "u", "at": "t", "type": "buy"}],
            },
            "exposures.time",
        ),
    ],
)
def test_a_description_that_is_wrong_names_its_place(document: dict[str, Any], field: str) -> None:
    if "exposures" in document and "events" not in document and field.startswith("exposures"):
        document = {**document, "events": [{"table": "y", "unit": "u", "at": "t", "type": "buy"}]}
    with pytest.raises(InvalidInput) as caught:
        read_sources(document)
    assert caught.value.field == field


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(InvalidInput, match="duckdb"):
        open_engine("mysql://host/x", 1.0)
