"""From the inbox to the warehouse, each event exactly once."""

from __future__ import annotations

from dataclasses import dataclass

from assay.ports import Inbox, Warehouse

_BATCH_EVENTS = 50_000


@dataclass(frozen=True, slots=True)
class Loading:
    """Moves what the inbox holds. The warehouse keeps its own position in the same transaction as the events, so a
    crash anywhere is mended by asking it where it stands."""

    inbox: Inbox
    warehouse: Warehouse

    def load_all(self) -> int:
        """Load everything that waits; returns the number of new events."""
        added = 0
        position = self.warehouse.position()
        while batch := self.inbox.read(position, max_events=_BATCH_EVENTS):
            added += self.warehouse.load(batch)
            position = batch.position
            self.inbox.trim(position)
        return added
