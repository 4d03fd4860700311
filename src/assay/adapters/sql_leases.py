"""Leases in SQL (SQLite or PostgreSQL)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from assay.adapters.sql_schema import LEASES
from assay.model.event import microseconds


class SqlLeases:
    """The Leases port. One statement decides: a row is taken over only where the lease has run out or is one's own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def hold(self, name: str, holder: str, *, seconds: float, now: datetime) -> bool:
        at = microseconds(now)
        until = at + round(seconds * 1e6)
        free = (LEASES.c.name == name) & ((LEASES.c.holder == holder) | (LEASES.c.until <= at))
        with self._engine.begin() as connection:
            if connection.execute(update(LEASES).where(free).values(holder=holder, until=until)).rowcount == 1:
                return True
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(LEASES).values(name=name, holder=holder, until=until))
        except IntegrityError:
            return False
        return True

    def release(self, name: str, holder: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(LEASES).where((LEASES.c.name == name) & (LEASES.c.holder == holder)))
