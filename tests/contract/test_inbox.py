"""What every Inbox adapter must do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from assay.errors import Unavailable
from assay.ports import Inbox, InboxBatch


def loaded_by(inbox: Inbox) -> list[int]:
    """The partitions, once they are handed out."""
    deadline = time.monotonic() + 30
    while not (partitions := inbox.partitions()):
        assert time.monotonic() < deadline, "no partition was handed out"
        time.sleep(0.05)
    return list(partitions)


def batches(inbox: Inbox, max_events: int = 100, after: dict[int, int] | None = None) -> Iterator[InboxBatch]:
    """All that waits, partition by partition. after: where to begin, moved on."""
    positions = {} if after is None else after
    for partition in loaded_by(inbox):
        while batch := inbox.read(positions.get(partition, 0), max_events=max_events, partition=partition):
            assert batch.partition == partition
            assert batch.position > positions.get(partition, 0)
            positions[partition] = batch.position
            yield batch


def lines_of(inbox: Inbox, max_events: int = 100, after: dict[int, int] | None = None) -> list[bytes]:
    return [line for batch in batches(inbox, max_events, after) for line in batch.lines]


def test_nothing_to_read_at_first(inbox: Inbox) -> None:
    assert all(inbox.read(0, max_events=10, partition=partition) is None for partition in inbox.partitions())


def test_the_lines_of_one_request_stay_together(inbox: Inbox) -> None:
    inbox.append(b'{"a":1}\n{"a":2}').result(10)
    after: dict[int, int] = {}
    assert lines_of(inbox, after=after) == [b'{"a":1}', b'{"a":2}']
    inbox.append(b'{"a":3}').result(10)
    assert lines_of(inbox, after=after) == [b'{"a":3}']
    assert lines_of(inbox, after=after) == []


def test_what_is_accepted_first_is_read_first(inbox: Inbox) -> None:
    for i in range(10):
        inbox.append(b"%d" % i).result(10)
    for partition in loaded_by(inbox):
        batch = inbox.read(0, max_events=100, partition=partition)
        numbers = [] if batch is None else [int(line) for line in batch.lines]
        assert numbers == sorted(numbers)


def test_reading_goes_on_where_it_stopped(inbox: Inbox) -> None:
    for i in range(40):
        inbox.append(b"%d" % i).result(10)
    assert sorted(map(int, lines_of(inbox, max_events=3))) == list(range(40))


def test_an_old_position_gives_the_same_again(inbox: Inbox) -> None:
    for i in range(20):
        inbox.append(b"%d" % i).result(10)
    first = lines_of(inbox, max_events=4)
    assert lines_of(inbox, max_events=7) == first
    for partition in loaded_by(inbox):
        batch = inbox.read(0, max_events=1, partition=partition)
        if batch is not None:
            again = inbox.read(0, max_events=1, partition=partition)
            assert again == batch


def test_trimmed_positions_are_never_used_again(inbox: Inbox) -> None:
    inbox.append(b"old").result(10)
    after: dict[int, int] = {}
    (old,) = batches(inbox, after=after)
    inbox.trim(old.position, partition=old.partition)
    assert inbox.read(old.position, max_events=1, partition=old.partition) is None
    inbox.append(b"new").result(10)
    (new,) = batches(inbox, after=after)
    assert new.lines == (b"new",)
    assert (new.partition, new.position) > (old.partition, old.position) or new.partition != old.partition


def test_many_writers_lose_nothing(inbox: Inbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda i: inbox.append(b"%d" % i), range(500)))
    for future in futures:
        future.result(timeout=10)
    assert sorted(map(int, lines_of(inbox, max_events=64))) == list(range(500))


def test_a_request_of_many_lines(inbox: Inbox) -> None:
    """More than a message of a broker may hold."""
    lines = [b"%07d" % i + b"x" * 200 for i in range(20_000)]
    inbox.append(b"\n".join(lines)).result(20)
    assert sorted(lines_of(inbox, max_events=5_000)) == lines


def test_it_says_that_it_is_well(inbox: Inbox) -> None:
    inbox.check()


def test_a_closed_inbox_has_written_what_waited_and_refuses(inbox: Inbox) -> None:
    waiting = [inbox.append(b"%d" % i) for i in range(50)]
    inbox.close()
    inbox.close()
    assert all(future.done() for future in waiting)
    for future in waiting:
        future.result(0)
    if type(inbox).__name__ != "MemoryInbox":
        with pytest.raises(Unavailable):
            inbox.append(b"late").result(1)


def test_trimming_beside_writers_loses_nothing(inbox: Inbox) -> None:
    seen: list[bytes] = []
    after: dict[int, int] = {}
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(lambda i=i: inbox.append(b"%d" % i).result(10)) for i in range(300)]  # type: ignore[misc]
        is_over = False
        while not is_over:
            is_over = all(future.done() for future in futures)
            for batch in batches(inbox, max_events=50, after=after):
                seen.extend(batch.lines)
                inbox.trim(batch.position, partition=batch.partition)
    assert sorted(map(int, seen)) == list(range(300))
