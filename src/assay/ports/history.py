"""The I/O of imports: rows collected elsewhere, where they go, and how far they came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from assay.model.history import HistoryBatch, HistoryMapping, HistoryRules, Reached, RefusedRow, Survey


class History(Protocol):
    """Rows collected elsewhere, always in the same order."""

    def columns(self) -> dict[str, str]:
        """Names and types, in their order."""
        ...

    def first_rows(self, count: int) -> list[tuple[Any, ...]]: ...

    def survey(self, mapping: HistoryMapping, rules: HistoryRules) -> Survey:
        """Read everything once."""
        ...

    def batches(self, mapping: HistoryMapping, rules: HistoryRules, after: int) -> Iterator[HistoryBatch]:
        """The rows after number `after`, each checked on its own. Ids are those of `mapping.id`; without it, equal
        for rows with the same content that are the same occurrence of it, in whichever source."""
        ...

    def close(self) -> None: ...


class HistorySink(Protocol):
    """Where imported rows go."""

    def send(self, batch: HistoryBatch) -> Sequence[RefusedRow]:
        """Store a batch durably; returns the rows that were refused there. Raises Unavailable."""
        ...

    def close(self) -> None: ...


class Bookmarks(Protocol):
    """How far unfinished imports came. Losing one counts nothing twice: only time is lost."""

    def recall(self, name: str) -> Reached | None: ...
    def keep(self, name: str, reached: Reached) -> None: ...
    def drop(self, name: str) -> None: ...
