"""Results over time in SQL (SQLite or PostgreSQL)."""

from __future__ import annotations

import json

from sqlalchemy import Engine, func, insert, select

from assay.adapters.sql_schema import RESULTS
from assay.model.document import format_time, from_document, to_document
from assay.model.result import ExperimentResult


class SqlResults:
    """The Results port."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, result: ExperimentResult) -> None:
        row = {
            "experiment": result.experiment,
            "at": format_time(result.at),
            "document": json.dumps(to_document(result)),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(RESULTS).values(**row))

    def latest(self, key: str) -> ExperimentResult | None:
        newest = select(RESULTS.c.document).where(RESULTS.c.experiment == key).order_by(RESULTS.c.id.desc()).limit(1)
        with self._engine.connect() as connection:
            text = connection.scalar(newest)
        return _result(text) if text is not None else None

    def series(self, key: str, *, limit: int = 200) -> list[ExperimentResult]:
        """Every k-th result counted back from the newest, and always the first."""
        numbered = (
            select(
                RESULTS.c.id,
                RESULTS.c.document,
                func.row_number().over(order_by=RESULTS.c.id).label("place"),
                func.count().over().label("total"),
            )
            .where(RESULTS.c.experiment == key)
            .subquery()
        )
        with self._engine.connect() as connection:
            total = connection.scalar(select(func.count()).select_from(RESULTS).where(RESULTS.c.experiment == key)) or 0
            step = max(1, -(-total // limit))
            kept = (numbered.c.place == 1) | ((numbered.c.total - numbered.c.place) % step == 0)
            chosen = select(numbered.c.document).where(kept).order_by(numbered.c.id)
            return [_result(text) for text in connection.scalars(chosen)]


def _result(text: str) -> ExperimentResult:
    return from_document(ExperimentResult, json.loads(text))
