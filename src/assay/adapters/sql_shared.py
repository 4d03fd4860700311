"""Layers, holdouts and segments in SQL (SQLite or PostgreSQL), with the definitions' audit log."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from assay.adapters.sql_audit import changes_of, write_change
from assay.adapters.sql_schema import SHARED
from assay.errors import Conflict, NotFound
from assay.model.document import from_document, to_document
from assay.ports import Change, Item


class SqlShared:
    """The Shared port."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, kind: type[Item], key: str) -> Item | None:
        with self._engine.connect() as connection:
            document = _document(connection, _name(kind), key)
        return from_document(kind, document) if document is not None else None

    def all(self, kind: type[Item]) -> list[Item]:
        by_key = select(SHARED.c.document).where(SHARED.c.kind == _name(kind)).order_by(SHARED.c.key)
        with self._engine.connect() as connection:
            return [from_document(kind, json.loads(text)) for text in connection.scalars(by_key)]

    def save(self, item: Item, *, action: str, actor: str, at: datetime) -> Item:
        saved = dataclasses.replace(item, revision=item.revision + 1)
        kind, document = _name(type(item)), to_document(saved)
        row = {"revision": saved.revision, "document": json.dumps(document)}
        with self._engine.begin() as connection:
            before = _document(connection, kind, saved.key)
            if item.revision == 0:
                try:
                    connection.execute(insert(SHARED).values(kind=kind, key=saved.key, **row))
                except IntegrityError:
                    raise Conflict(f"there is a {kind} '{saved.key}' already", hint="choose another id") from None
            else:
                mine = _is(kind, saved.key) & (SHARED.c.revision == item.revision)
                if connection.execute(update(SHARED).where(mine).values(**row)).rowcount != 1:
                    raise Conflict(
                        f"{kind} '{saved.key}' was changed by someone else meanwhile",
                        hint="read it again and repeat the change",
                    )
            write_change(connection, f"{kind}:{saved.key}", action, actor, at, before, document)
        return saved

    def delete(self, kind: type[Item], key: str, *, actor: str, at: datetime) -> None:
        name = _name(kind)
        with self._engine.begin() as connection:
            before = _document(connection, name, key)
            if before is None:
                raise NotFound(name, key)
            connection.execute(delete(SHARED).where(_is(name, key)))
            write_change(connection, f"{name}:{key}", "delete", actor, at, before, None)

    def changes(self, kind: type[Item], key: str) -> list[Change]:
        with self._engine.connect() as connection:
            return changes_of(connection, f"{_name(kind)}:{key}")


def _name(kind: type[Any]) -> str:
    return kind.__name__.lower()


def _is(kind: str, key: str) -> Any:
    return (SHARED.c.kind == kind) & (SHARED.c.key == key)


def _document(connection: Connection, kind: str, key: str) -> Any:
    text = connection.scalar(select(SHARED.c.document).where(_is(kind, key)))
    return json.loads(text) if text is not None else None
