"""Experiments that are answered together: those whose metrics are made of few different columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from assay.model.measurement import MomentsRequest
from assay.queries.moments.features import Column, Shape, TooEarly, too_early

MAX_COLUMNS = 48
"""More columns per unit than this are not worth one pass less: each is looked at for every event."""


def columns_of(request: MomentsRequest) -> frozenset[Column]:
    """All that must be known of a unit for one experiment."""
    if not request.metrics:
        return frozenset()
    found: set[Column] = {feature for metric in request.metrics for feature in Shape.of(metric).features()}
    return frozenset(found | {too_early(request.metrics)})


def ordered(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Columns in an order of their own, so that the same questions have the same text."""
    return tuple(sorted(columns, key=lambda column: column.key))


@dataclass(slots=True)
class Chunk:
    """Experiments, and the columns that answer for all of them, by the name each has in the SQL."""

    places: dict[Column, str]
    requests: list[MomentsRequest] = field(default_factory=list)

    @classmethod
    def of(cls, columns: Iterable[Column], requests: Sequence[MomentsRequest]) -> Chunk:
        """A chunk with names of its own."""
        return cls({column: f"f{i}" for i, column in enumerate(ordered(columns))}, list(requests))

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is known of a unit."""
        return tuple(self.places)

    def place(self, column: Column) -> str:
        """The name of a column."""
        return self.places[column]

    @property
    def shapes(self) -> list[Shape]:
        """The different metrics, each once."""
        return list(dict.fromkeys(Shape.of(metric) for request in self.requests for metric in request.metrics))

    @property
    def early(self) -> list[TooEarly]:
        """The different counts of events that came too early, as far as they are known."""
        found = dict.fromkeys(too_early(request.metrics) for request in self.requests if request.metrics)
        return [item for item in found if item in self.places]


def chunks_of(requests: Sequence[MomentsRequest]) -> list[Chunk]:
    """The requests in as few chunks as their columns allow."""
    found: list[tuple[set[Column], list[MomentsRequest]]] = []
    by_columns = sorted(requests, key=lambda item: [column.key for column in ordered(columns_of(item))])
    for request in by_columns:
        wanted = columns_of(request)
        fitting = next((item for item in found if len(item[0] | wanted) <= MAX_COLUMNS), None)
        if fitting is None:
            fitting = (set(), [])
            found.append(fitting)
        fitting[0].update(wanted)
        fitting[1].append(request)
    return [Chunk.of(columns, members) for columns, members in found]
