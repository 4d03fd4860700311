"""The SQL that turns exposures and events into moments, for all asked experiments in one pass over the events.

`questions_of` says what to ask an engine, `answers_of` reads what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.metric import Metric
from assay.queries.moments.answers import Answers, Rows
from assay.queries.moments.chunks import Chunk, chunks_of
from assay.queries.moments.dialects import DIALECTS, Dialect
from assay.queries.moments.features import Shape
from assay.queries.moments.layout import EMBEDDED, Layout
from assay.queries.moments.statements import (
    centres_sql,
    counts_sql,
    crossed_sql,
    exposed_sql,
    per_unit_sql,
    sums_sql,
    ticks_sql,
    units_sql,
    valued_sql,
)

__all__ = ["DIALECTS", "EMBEDDED", "Dialect", "Layout", "Question", "answers_of", "questions_of"]


@dataclass(frozen=True, slots=True)
class Question:
    """One query. chunk: the experiments whose moments it asks for, or of whose first metric it asks the value counts
    (counts); without a chunk it asks for units."""

    sql: str
    chunk: Chunk | None = None
    counts: bool = False


def questions_of(requests: Sequence[MomentsRequest], layout: Layout) -> list[Question]:
    """What to ask for these experiments: their units, their moments, and where wanted their value counts."""
    if not requests:
        return []
    exposed = exposed_sql(requests, layout)
    questions = [Question(_with({"exposed": exposed}, units_sql(), layout))]
    measured = [request for request in requests if request.metrics]
    questions += [
        Question(_with(_relations(chunk, layout) | summing(chunk), sums_sql(chunk), layout), chunk)
        for chunk in chunks_of(measured)
    ]
    for chunk in counted_chunks(requests):
        questions.append(Question(_with(_relations(chunk, layout), counts_sql(chunk), layout), chunk, counts=True))
    return questions


def answers_of(
    requests: Sequence[MomentsRequest], answered: Sequence[tuple[Question, Rows]]
) -> dict[str, ExperimentMoments]:
    """Moments by experiment, from the rows of each question."""
    answers = Answers()
    for question, rows in answered:
        if question.chunk is None:
            answers.add_units(rows)
        elif question.counts:
            answers.add_counts(question.chunk.shapes[0], rows)
        else:
            answers.add_sums(question.chunk, rows)
    return {request.experiment: answers.of(request) for request in requests}


def counted_chunks(requests: Sequence[MomentsRequest]) -> list[Chunk]:
    """One chunk per metric whose value counts are wanted, with all experiments that want it."""
    by_shape: dict[Shape, list[MomentsRequest]] = {}
    for request in requests:
        for metric in request.metrics:
            if metric.key in request.value_counts:
                by_shape.setdefault(Shape.of(metric), []).append(_alone(request, metric))
    return [Chunk.of(frozenset(shape.features()), members) for shape, members in by_shape.items()]


def _alone(request: MomentsRequest, metric: Metric) -> MomentsRequest:
    return replace(request, metrics=(metric,), value_counts=(metric.key,))


def summing(chunk: Chunk) -> dict[str, str]:
    """The relations between valued and the moments."""
    return {"centres": centres_sql(chunk), "crossed": crossed_sql(chunk)}


def _relations(chunk: Chunk, layout: Layout) -> dict[str, str]:
    return {
        "exposed": exposed_sql(chunk.requests, layout),
        "ticks": ticks_sql(chunk, layout),
        "per_unit": per_unit_sql(chunk, layout),
        "valued": valued_sql(chunk, layout),
    }


def _with(relations: dict[str, str], query: str, layout: Layout) -> str:
    parts = ",\n".join(f"{name} AS (\n{text}\n)" for name, text in relations.items())
    return f"WITH {parts}\n{query}{layout.dialect.ending}"
