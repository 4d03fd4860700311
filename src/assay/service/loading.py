"""From the inbox to the warehouse, each event exactly once."""

from __future__ import annotations

from dataclasses import dataclass

from assay.ports import Inbox, Warehouse

_BATCH_EVENTS = 200_000
_WORTH_GOING_ON_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Loading:
    """Moves what the inbox holds. The warehouse keeps its own position in the same transaction as the events, so a
    crash anywhere is mended by asking it where it stands."""

    inbox: Inbox
    warehouse: Warehouse

    def load_all(self) -> int:
        """Load everything that waits; returns the number of new events.

        A few that come in meanwhile are left for the next time: whoever runs after them, one small batch after the
        other, never comes to an end while events come in.
        """
        return sum(self._load_partition(partition) for partition in self.inbox.partitions())

    def _load_partition(self, partition: int) -> int:
        added = 0
        position = self.warehouse.position(partition)
        while batch := self.inbox.read(position, max_events=_BATCH_EVENTS, partition=partition):
            added += self.warehouse.load(batch)
            position = batch.position
            self.inbox.trim(position, partition=partition)
            if len(batch.lines) < _WORTH_GOING_ON_EVENTS:
                break
        return added
