"""Each test of generated SQL runs in every engine that starts here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.queries.assignment import databases
from tests.queries.assignment.databases import Database


@pytest.fixture(scope="session", params=["duckdb", "clickhouse", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "postgres":
        yield from databases.postgres(tmp_path_factory.mktemp("postgres"))
    else:
        yield from getattr(databases, request.param)()
