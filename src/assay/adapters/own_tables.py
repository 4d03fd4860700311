"""Someone's own tables, read where they are: the Measurements port over any engine that answers a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from assay.errors import Unavailable
from assay.model.event import FirstExposure, moment_of
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.sources import Sources
from assay.queries.moments import DIALECTS, answers_of, questions_of
from assay.queries.moments.sources import layout_of

Rows = Sequence[Sequence[Any]]


class Engine(Protocol):
    """A connection that reads. dialect: its SQL."""

    dialect: str

    def rows(self, query: str) -> Rows:
        """The answer; raises Unavailable when there is none, or not in time."""
        ...

    def close(self) -> None: ...


class OwnTables:
    """The Measurements port."""

    def __init__(self, engine: Engine, sources: Sources) -> None:
        self._engine = engine
        self._dialect = DIALECTS[engine.dialect]
        self.layout = layout_of(sources, self._dialect)

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        answered = [(question, self._engine.rows(question.sql)) for question in questions_of(requests, self.layout)]
        return answers_of(requests, answered)

    def exposures(self) -> dict[str, int]:
        query = (
            "SELECT e.experiment, COUNT(DISTINCT e.unit) AS n_units FROM "
            f"{self.layout.exposures} AS e GROUP BY e.experiment"
        )
        return {str(key): int(n_units) for key, n_units in self._engine.rows(query)}

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        if kept_under is not None and not kept_under:
            return []
        text = self._dialect.text
        conditions = [f"e.unit = {text(unit)}"] if unit is not None else []
        if kept_under is not None:
            conditions.append(f"e.experiment IN ({', '.join(map(text, kept_under))})")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        query = (
            "SELECT e.experiment, e.unit, e.variant, MIN(e.first_at) AS met_at FROM "
            f"{self.layout.exposures} AS e{where} GROUP BY e.experiment, e.unit, e.variant "
            f"ORDER BY met_at DESC, e.experiment, e.unit, e.variant LIMIT {limit} OFFSET {offset}"
        )
        return [
            FirstExposure(str(key), str(who), str(variant), moment_of(int(at)), {})
            for key, who, variant, at in self._engine.rows(query)
        ]

    def check(self) -> None:
        self._engine.rows("SELECT 1")

    def close(self) -> None:
        self._engine.close()


def answered(ask: Callable[[], Rows], failures: tuple[type[BaseException], ...], name: str) -> Rows:
    """An engine's answer, its failures in words."""
    try:
        return ask()
    except failures as error:
        raise Unavailable(f"{name} does not answer: {str(error).strip().splitlines()[0][:300]}") from error
