"""Loading comes to an end while events come in, and leaves none behind for good."""

from __future__ import annotations

from datetime import datetime, timezone

from assay.adapters.memory import MemoryInbox
from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.model.event import microseconds
from assay.ports import InboxBatch
from assay.service.eventlines import EventLine, encode_line, event_key
from assay.service.loading import Loading

NOW = microseconds(datetime(2026, 2, 5, 12, tzinfo=timezone.utc))


def line(i: int) -> bytes:
    return encode_line(EventLine(event_key("u", str(i), "buy", NOW, ""), "u", "buy", "", None, NOW, {}, {}))


class BusyInbox(MemoryInbox):
    """After each reading there is one more event."""

    n_appended = 0

    def read(self, after: int, *, max_events: int, partition: int = 0) -> InboxBatch | None:
        batch = super().read(after, max_events=max_events, partition=partition)
        self.append(line(self.n_appended))
        self.n_appended += 1
        return batch


def test_a_round_ends_while_events_come_in() -> None:
    inbox, warehouse = BusyInbox(), MemoryWarehouse()
    loading = Loading(inbox, warehouse)
    assert [loading.load_all() for _ in range(4)] == [0, 1, 1, 1]


def test_what_waits_is_loaded_however_much_it_is() -> None:
    inbox, warehouse = MemoryInbox(), MemoryWarehouse()
    for begin in range(0, 450_000, 50_000):
        inbox.append(b"\n".join(line(i) for i in range(begin, begin + 50_000)))
    assert Loading(inbox, warehouse).load_all() == 450_000
