"""What every Inbox adapter must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from assay.ports import Inbox


def test_nothing_to_read_at_first(inbox: Inbox) -> None:
    assert inbox.read(0, max_events=10) is None


def test_accepted_lines_come_back_in_order(inbox: Inbox) -> None:
    inbox.append(b'{"a":1}\n{"a":2}').result()
    inbox.append(b'{"a":3}').result()
    batch = inbox.read(0, max_events=100)
    assert batch is not None
    assert batch.lines == (b'{"a":1}', b'{"a":2}', b'{"a":3}')
    assert inbox.read(batch.position, max_events=100) is None


def test_reading_goes_on_where_it_stopped(inbox: Inbox) -> None:
    for i in range(10):
        inbox.append(b"%d" % i).result()
    seen: list[bytes] = []
    position = 0
    while batch := inbox.read(position, max_events=3):
        assert batch.position > position
        position = batch.position
        seen.extend(batch.lines)
    assert seen == [b"%d" % i for i in range(10)]


def test_trimmed_positions_are_never_used_again(inbox: Inbox) -> None:
    inbox.append(b"old").result()
    first = inbox.read(0, max_events=1)
    assert first is not None
    inbox.trim(first.position)
    assert inbox.read(0, max_events=1) is None
    inbox.append(b"new").result()
    second = inbox.read(first.position, max_events=1)
    assert second is not None
    assert second.lines == (b"new",)
    assert second.position > first.position


def test_many_writers_lose_nothing(inbox: Inbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda i: inbox.append(b"%d" % i), range(500)))
    for future in futures:
        future.result(timeout=10)
    seen: list[bytes] = []
    position = 0
    while batch := inbox.read(position, max_events=64):
        position = batch.position
        seen.extend(batch.lines)
    assert sorted(map(int, seen)) == list(range(500))


def test_trimming_beside_writers_loses_nothing(inbox: Inbox) -> None:
    seen: list[bytes] = []
    position = 0
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(lambda i=i: inbox.append(b"%d" % i).result()) for i in range(300)]  # type: ignore[misc]
        while not all(future.done() for future in futures) or inbox.read(position, max_events=1):
            if batch := inbox.read(position, max_events=50):
                position = batch.position
                seen.extend(batch.lines)
                inbox.trim(position)
    assert sorted(map(int, seen)) == list(range(300))
    assert inbox.read(0, max_events=1) is None
