"""Definitions and their audit log in SQL (SQLite or PostgreSQL), one transaction per change."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from assay.adapters.sql_audit import changes_of, write_change
from assay.adapters.sql_schema import AUDIT, EXPERIMENTS
from assay.errors import Conflict, NotFound
from assay.model.document import format_time, from_document, to_document
from assay.model.experiment import Experiment
from assay.ports import Change


class SqlDefinitions:
    """The Definitions port. The version is the newest audit id: every change writes one line there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.scalar(select(func.coalesce(func.max(AUDIT.c.id), 0))) or 0)

    def get(self, key: str) -> Experiment | None:
        with self._engine.connect() as connection:
            text = connection.scalar(select(EXPERIMENTS.c.document).where(EXPERIMENTS.c.key == key))
        return _experiment(text) if text is not None else None

    def all(self) -> list[Experiment]:
        newest_first = select(EXPERIMENTS.c.document).order_by(EXPERIMENTS.c.created_at.desc(), EXPERIMENTS.c.key)
        with self._engine.connect() as connection:
            return [_experiment(text) for text in connection.scalars(newest_first)]

    def save(self, experiment: Experiment, *, action: str, actor: str, at: datetime) -> Experiment:
        saved = dataclasses.replace(experiment, revision=experiment.revision + 1)
        document = to_document(saved)
        row = {"revision": saved.revision, "stage": saved.stage.value, "document": json.dumps(document)}
        with self._engine.begin() as connection:
            before = _document(connection, saved.key)
            if experiment.revision == 0:
                self._insert(connection, saved, row, at)
            else:
                self._update(connection, experiment, row)
            write_change(connection, saved.key, action, actor, at, before, document)
        return saved

    def delete(self, key: str, *, actor: str, at: datetime) -> None:
        with self._engine.begin() as connection:
            before = _document(connection, key)
            if before is None:
                raise NotFound("experiment", key)
            connection.execute(delete(EXPERIMENTS).where(EXPERIMENTS.c.key == key))
            write_change(connection, key, "delete", actor, at, before, None)

    def changes(self, key: str) -> list[Change]:
        with self._engine.connect() as connection:
            return changes_of(connection, key)

    @staticmethod
    def _insert(connection: Connection, experiment: Experiment, row: dict[str, Any], at: datetime) -> None:
        created_at = format_time(experiment.created_at or at)
        try:
            connection.execute(insert(EXPERIMENTS).values(key=experiment.key, created_at=created_at, **row))
        except IntegrityError:
            raise Conflict(
                f"there is an experiment '{experiment.key}' already", hint="choose another key or name"
            ) from None

    @staticmethod
    def _update(connection: Connection, experiment: Experiment, row: dict[str, Any]) -> None:
        same_revision = (EXPERIMENTS.c.key == experiment.key) & (EXPERIMENTS.c.revision == experiment.revision)
        if connection.execute(update(EXPERIMENTS).where(same_revision).values(**row)).rowcount != 1:
            raise Conflict(
                f"experiment '{experiment.key}' was changed by someone else meanwhile",
                hint="read it again and repeat the change",
            )


def _experiment(text: str) -> Experiment:
    return from_document(Experiment, json.loads(text))


def _document(connection: Connection, key: str) -> Mapping[str, Any] | None:
    text = connection.scalar(select(EXPERIMENTS.c.document).where(EXPERIMENTS.c.key == key))
    return json.loads(text) if text is not None else None
