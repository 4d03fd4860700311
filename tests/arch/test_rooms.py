"""Who may import what. ARCHITECTURE.md shows the table; this holds it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "assay"

PURE = {"errors", "wording", "model"}
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "version": set(),
    "wording": set(),
    "model": {"errors"},
    "assignment": {"model", "errors"},
    "stats": {"model", "errors"},
    "decisions": {"stats", *PURE},
    "charts": PURE,
    "metadata": {"model", "errors"},
    "queries": {"assignment", "model", "errors"},
    "ports": {"model", "errors"},
    "service": {"ports", "assignment", "stats", "decisions", "metadata", *PURE},
    "adapters": {"ports", "queries", "model", "errors"},
    "app": {"service", "adapters", "ports", "assignment", "stats", "model", "errors"},
    "http": {"service", "assignment", "ports", "version", *PURE},
    "dashboard": {"service", "assignment", "charts", "ports", "version", *PURE},
    "worker": {"service", *PURE},
    "cli": {"app", "http", "dashboard", "worker", "notebook", "service", "assignment", "version", *PURE},
    "sdk": {"assignment", "model", "errors"},
    "openfeature": {"sdk", "assignment", "model"},
    "notebook": {"app", "service", "charts", *PURE},
    "__init__": {"version", "notebook"},
    "__main__": {"cli"},
}
"""Room → rooms it may import from. A door that needs wiring (cli, notebook) asks `app` for it."""

STANDARD_ONLY = {"sdk", "errors", "version", "wording", "model", "assignment", "charts", "metadata", "ports"}
THIRD_PARTY: dict[str, set[str]] = {
    "stats": {"numpy", "scipy"},
    "decisions": set(),
    "queries": {"sqlglot"},
    "openfeature": {"openfeature"},
    "service": {"jsonschema", "msgspec", "referencing", "structlog"},
}
"""Rooms with few libraries: nothing in them can reach a disk or a network."""


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imports_of(source: str) -> list[str]:
    """Every module a source text imports, at top level or inside functions, as dotted names."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" if node.module == "assay" else node.module for alias in node.names]
    return found


def breaches(room: str, name: str, source: str) -> list[str]:
    """What a file imports against the table."""
    found = []
    for module in imports_of(source):
        top, *rest = module.split(".")
        if top == "assay":
            target = rest[0] if rest else "__init__"
            sibling = room == "adapters" and target == "adapters" and not is_shared_base(name, module)
            if (target != room and target not in ROOMS[room]) or sibling:
                found.append(f"{name} ({room}) imports {module}")
        elif top not in sys.stdlib_module_names:
            allowed = set() if room in STANDARD_ONLY else THIRD_PARTY.get(room)
            if allowed is not None and top not in allowed:
                found.append(f"{name} ({room}) imports the library {top}")
    return found


def is_shared_base(name: str, module: str) -> bool:
    """What siblings share: the SQL adapters and their migrations one schema and audit log; those of DuckDB how files
    are read, the quick way through Parquet, and what is kept of units; those of
    ClickHouse its client and tables."""
    if module.startswith("assay.adapters.duckdb_") and module.endswith(("_activity", "_files", "_kept", "_units")):
        return name.startswith("adapters/duckdb_")
    if module.startswith("assay.adapters.clickhouse_"):
        return name.startswith("adapters/clickhouse_")
    if module == "assay.adapters.own_tables":
        return name == "adapters/own_engines.py"
    shared = ("assay.adapters.sql_schema", "assay.adapters.sql_audit")
    return module in shared and (name.startswith("adapters/sql_") or "migrations" in name)


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_import_is_in_the_table(path: Path) -> None:
    assert breaches(room_of(path), str(path.relative_to(SOURCE)), path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("assignment", "import numpy"),
        ("assignment", "from assay.service.track import Tracking"),
        ("stats", "from assay.adapters import memory"),
        ("stats", "def f():\n    import duckdb"),
        ("service", "import sqlalchemy"),
        ("service", "from assay.queries.moments import metric_moments"),
        ("adapters", "from assay.adapters.memory import MemoryInbox"),
        ("http", "from assay.adapters.memory import MemoryInbox"),
        ("dashboard", "from assay.stats.planning.power import power_mean"),
        ("model", "from assay import wording"),
    ],
)
def test_a_planted_breach_is_found(room: str, source: str) -> None:
    assert breaches(room, "planted.py", source) != []


def test_no_room_is_missing_from_the_table() -> None:
    assert {room_of(path) for path in FILES} <= set(ROOMS)


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for room in ROOMS:
        if not room.startswith("__") and room != "version":
            assert f"`{room}" in page or f" {room}" in page, room


def test_files_stay_small() -> None:
    """The ports may be longer: all of them are to be seen in one place."""
    sizes = {str(path.relative_to(SOURCE)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in sizes.items() if n > (400 if name == "ports/__init__.py" else 350)} == {}
