"""What a server with these settings would use, and whether each part answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from assay.adapters.sql_definitions import SqlDefinitions
from assay.app.parts import open_engine, open_inbox, open_sticky, open_warehouse
from assay.app.settings import Role, Settings
from assay.errors import AssayError, FileInUse


@dataclass(frozen=True, slots=True)
class Finding:
    """One part. used: where it is, without passwords. problem: '' if it answers. milliseconds: to open and to ask."""

    part: str
    setting: str
    used: str
    problem: str
    hint: str
    milliseconds: float


def examine(settings: Settings) -> Iterator[Finding]:
    """Open every part, ask it, and close it again; one after the other, so that each can be told at once."""
    folder = "in the data folder"
    for part, setting, used, ask in (
        ("definitions", "DATABASE_URL", settings.database_url or f"SQLite {folder}", _ask_database),
        ("inbox", "KAFKA_BOOTSTRAP_SERVERS", settings.kafka or f"SQLite {folder}", _ask_inbox),
        ("warehouse", "WAREHOUSE_URL", settings.warehouse_url or f"DuckDB {folder}", _ask_warehouse),
        ("sticky store, notices", "REDIS_URL", settings.redis_url or "memory", _ask_sticky),
    ):
        yield _found(part, setting, used, settings, ask)


def _found(part: str, setting: str, used: str, settings: Settings, ask: Callable[[Settings], Any]) -> Finding:
    began, problem, hint = time.perf_counter(), "", ""
    try:
        ask(settings)
    except FileInUse:
        used = f"{used}, which a running server holds"
    except AssayError as error:
        problem, hint = error.message, error.hint
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    return Finding(part, setting, without_password(used), problem, hint, (time.perf_counter() - began) * 1e3)


def _ask_database(settings: Settings) -> None:
    settings.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings)
    try:
        SqlDefinitions(engine).version()
    finally:
        engine.dispose()


def _ask_inbox(settings: Settings) -> None:
    # As an edge: a loader would take partitions away from those that are at work.
    inbox = open_inbox(replace(settings, role=Role.EDGE))
    try:
        inbox.check()
    finally:
        inbox.close()


def _ask_warehouse(settings: Settings) -> None:
    warehouse = open_warehouse(settings)
    try:
        warehouse.check()
    finally:
        warehouse.close()


def _ask_sticky(settings: Settings) -> None:
    sticky = open_sticky(settings)
    try:
        sticky.check()
    finally:
        sticky.close()


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    head, at, tail = url.rpartition("@")
    scheme, separator, user = head.partition("://")
    return f"{scheme}{separator}{user.partition(':')[0]}@{tail}" if at else url
