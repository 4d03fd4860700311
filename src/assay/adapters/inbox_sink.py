"""Imported rows into an inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.model.history import HistoryBatch, RefusedRow
from assay.ports import Inbox


@dataclass(frozen=True, slots=True)
class InboxSink:
    """The HistorySink port."""

    inbox: Inbox

    def send(self, batch: HistoryBatch) -> Sequence[RefusedRow]:
        self.inbox.append("\n".join(batch.texts).encode()).result()
        return ()

    def close(self) -> None:
        self.inbox.close()
