"""The append-only audit log in SQL, written in the transaction of the change itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, insert, or_, select, text
from sqlalchemy.engine import Connection

from assay.adapters.sql_schema import AUDIT
from assay.model.document import format_time, parse_time
from assay.ports import Change

_WRITE_LOCK = 4_155_342


def changes_of(connection: Connection, name: str) -> list[Change]:
    """The changes of one thing, oldest first."""
    oldest_first = select(AUDIT).where(AUDIT.c.experiment == name).order_by(AUDIT.c.id)
    return [
        Change(
            experiment=row.experiment,
            action=row.action,
            actor=row.actor,
            at=parse_time(row.at, "at"),
            before=json.loads(row.before) if row.before else None,
            after=json.loads(row.after) if row.after else None,
        )
        for row in connection.execute(oldest_first)
    ]


def write_change(
    connection: Connection,
    name: str,
    action: str,
    actor: str,
    at: datetime,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """One line of the log."""
    if connection.dialect.name == "postgresql":
        # Ids become visible in their order: who has seen one has seen all before it.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})"))
    connection.execute(
        insert(AUDIT).values(
            experiment=name,
            action=action,
            actor=actor,
            at=format_time(at),
            before=json.dumps(before) if before is not None else None,
            after=json.dumps(after) if after is not None else None,
        )
    )


class SqlAuditLog:
    """The AuditLog port."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, change: Change) -> None:
        with self._engine.begin() as connection:
            write_change(
                connection, change.experiment, change.action, change.actor, change.at, change.before, change.after
            )

    def changes(self, name: str) -> list[Change]:
        with self._engine.connect() as connection:
            return changes_of(connection, name)

    def naming(self, text: str) -> list[str]:
        # As json.dumps writes it: the whole string with its quotes.
        quoted = json.dumps(text)
        holds = or_(*(column.contains(quoted, autoescape=True) for column in (AUDIT.c.before, AUDIT.c.after)))
        with self._engine.connect() as connection:
            return sorted(connection.scalars(select(AUDIT.c.experiment).where(holds).distinct()))
