"""Schemas and the loss of a database, on SQLite and PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text

import assay.adapters.sql_schema as schema
from assay.adapters.sql_audit import write_change
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_leases import SqlLeases
from assay.errors import Unavailable
from assay.model.experiment import Experiment, Variant
from tests.engines.postgres import PostgresServer, postgres_server

NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)
KINDS = ["sqlite", "postgres"]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Addresses of empty databases, as many as are wanted."""
    kind = request.node.callspec.params["kind"]

    def made() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield (
                request.getfixturevalue("postgres").create("template0")
                if kind == "postgres"
                else f"sqlite:///{tmp_path / f'{number}.sqlite'}"
            )

    return made()


def experiment(key: str = "e") -> Experiment:
    variants = (Variant(key="a", weight=500_000, control=True), Variant(key="b", weight=500_000))
    return Experiment(key=key, name=key, variants=variants, metrics=())


def shape(engine: Engine) -> dict[str, object]:
    """Everything about the tables but their order."""
    found = inspect(engine)
    tables = {}
    for name in found.get_table_names():
        if name != "alembic_version":
            columns = {c["name"]: (str(c["type"]), c["nullable"]) for c in found.get_columns(name)}
            indexes = sorted((i["name"], tuple(i["column_names"]), i["unique"]) for i in found.get_indexes(name))
            tables[name] = (columns, indexes, found.get_pk_constraint(name)["constrained_columns"])
    return tables


def alembic(engine: Engine, action: str, target: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, action)(config, target)


@pytest.mark.parametrize("kind", KINDS)
def test_migrated_is_fresh(kind: str, urls: Iterator[str]) -> None:
    migrated = schema.open_database(next(urls))
    address = next(urls)
    fresh = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    schema.METADATA.create_all(fresh)
    assert shape(migrated) == shape(fresh)
    assert set(shape(migrated)) == set(schema.METADATA.tables)
    alembic(migrated, "downgrade", "base")
    assert shape(migrated) == {}
    alembic(migrated, "upgrade", "head")
    assert shape(migrated) == shape(fresh)
    for engine in (migrated, fresh):
        engine.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_old_code_on_a_new_schema(kind: str, urls: Iterator[str]) -> None:
    address = next(urls)
    engine = schema.open_database(address)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE experiments ADD COLUMN colour VARCHAR(20) DEFAULT 'blue' NOT NULL"))
        connection.execute(text("CREATE TABLE inventions (name VARCHAR(20))"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    again = schema.open_database(address)
    definitions = SqlDefinitions(again)
    saved = definitions.save(experiment(), action="create", actor="ann", at=NOW)
    assert definitions.get("e") == saved
    assert [change.action for change in definitions.changes("e")] == ["create"]
    assert SqlLeases(again).hold("x", "me", seconds=1, now=NOW)
    again.dispose()


@pytest.mark.parametrize("kind", KINDS)
def test_processes_that_start_together_migrate_once(kind: str, urls: Iterator[str]) -> None:
    program = "import sys; from assay.adapters.sql_schema import open_database; open_database(sys.argv[1]).dispose()"
    address = next(urls)
    started = [
        subprocess.Popen([sys.executable, "-c", program, address], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said


def test_versions_are_seen_in_their_order(postgres: PostgresServer) -> None:
    """Numbers are handed out before they are committed: a change must not become visible behind one with a higher
    number, or a snapshot would miss it."""
    engine = schema.open_database(postgres.create("template0"))
    definitions, done = SqlDefinitions(engine), threading.Event()

    def save() -> None:
        definitions.save(experiment("second"), action="create", actor="bob", at=NOW)
        done.set()

    with engine.begin() as connection:
        write_change(connection, "first", "create", "ann", NOW, None, {})
        other = threading.Thread(target=save)
        other.start()
        assert not done.wait(0.5), "the second change did not wait for the first"
        assert definitions.version() == 0
    assert done.wait(10)
    other.join()
    assert definitions.version() == 2
    engine.dispose()


def test_a_database_that_is_gone_and_back(tmp_path: Path) -> None:
    with postgres_server(tmp_path / "pg") as server:
        address = server.create()
        engine = schema.open_database(address)
        definitions = SqlDefinitions(engine)
        definitions.save(experiment(), action="create", actor="ann", at=NOW)
        server.kill()
        for action in (definitions.version, definitions.all, lambda: schema.open_database(address)):
            with pytest.raises(Unavailable, match="the database does not answer"):
                action()
        later = schema.open_database(address, must_answer=False)
        with pytest.raises(Unavailable):
            SqlDefinitions(later).version()
        server.restart()
        assert [item.key for item in definitions.all()] == ["e"]
        assert SqlDefinitions(later).version() == 1
        for item in (engine, later):
            item.dispose()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("postgresql://ann@127.0.0.1:9/x", "refused"),
        ("sqlite:////nowhere/at/all/x.sqlite", "unable to open"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(address: str, why: str) -> None:
    with pytest.raises(Unavailable, match=why):
        schema.open_database(address)


def test_a_database_that_does_not_exist(postgres: PostgresServer) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        schema.open_database(postgres.url("nothing"))
