"""Results over time in SQL (SQLite or PostgreSQL)."""

from __future__ import annotations

import json

from sqlalchemy import Engine, func, insert, select, update

from assay.adapters.sql_schema import RESULTS
from assay.model.document import format_time, from_document, parse_time, to_document
from assay.model.result import ExperimentResult


class SqlResults:
    """The Results port."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, result: ExperimentResult, *, spacing_seconds: float = 0.0) -> None:
        values = {"at": format_time(result.at), "document": json.dumps(to_document(result))}
        mine = RESULTS.c.experiment == result.experiment
        newest_two = select(RESULTS.c.id, RESULTS.c.at).where(mine).order_by(RESULTS.c.id.desc()).limit(2)
        with self._engine.begin() as connection:
            newest = connection.execute(newest_two).all()
            if len(newest) == 2 and _seconds_between(newest[1].at, newest[0].at) < spacing_seconds:
                connection.execute(update(RESULTS).where(RESULTS.c.id == newest[0].id).values(**values))
            else:
                connection.execute(insert(RESULTS).values(experiment=result.experiment, **values))

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


def _seconds_between(earlier: str, later: str) -> float:
    return (parse_time(later, "at") - parse_time(earlier, "at")).total_seconds()
