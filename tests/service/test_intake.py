"""Waiting for the disk: together, bounded, and each told what became of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from assay.adapters.memory import MemoryInbox
from assay.errors import Unavailable
from assay.service.intake import Intake, Room


class SlowDisk(MemoryInbox):
    """An inbox that writes when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[bytes, Future[None]]] = []

    def append(self, lines: bytes) -> Future[None]:
        done: Future[None] = Future()
        self.asked.append((lines, done))
        return done

    def write(self, failure: Exception | None = None) -> None:
        lines, done = self.asked.pop(0)
        if failure is not None:
            done.set_exception(failure)
        else:
            super().append(lines)
            done.set_result(None)


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_comes_together_is_written_together() -> None:
    disk = SlowDisk()
    intake = Intake(disk)
    waiting = [intake.store(b"%d" % i, 1) for i in range(5)]
    await turn()
    assert [lines for lines, _ in disk.asked] == [b"0\n1\n2\n3\n4"]
    later = intake.store(b"5", 1)
    await turn()
    assert len(disk.asked) == 2
    assert not any(done.done() for done in waiting)
    disk.write()
    await asyncio.gather(*waiting)
    assert not later.done()
    disk.write()
    await later


async def test_much_is_written_before_the_turn_is_over() -> None:
    disk = SlowDisk()
    intake = Intake(disk)
    waiting = [intake.store(b"x" * 100_000, 1) for _ in range(4)]
    assert [len(lines) for lines, _ in disk.asked] == [200_001, 200_001]
    await turn()
    assert len(disk.asked) == 2
    disk.write()
    disk.write()
    await asyncio.gather(*waiting)


async def test_a_failure_is_told_to_all_of_its_group_and_to_no_other() -> None:
    disk = SlowDisk()
    intake = Intake(disk)
    first = [intake.store(b"a", 1), intake.store(b"b", 1)]
    await turn()
    second = intake.store(b"c", 1)
    await turn()
    disk.write(Unavailable("no space left"))
    disk.write()
    for done in first:
        with pytest.raises(Unavailable, match="no space"):
            await done
    await second
    assert intake.waiting() == (0, 0)


async def test_one_that_gave_up_does_not_harm_the_others() -> None:
    disk = SlowDisk()
    intake = Intake(disk)
    gone, stays = intake.store(b"a", 1), intake.store(b"b", 1)
    gone.cancel()
    await turn()
    disk.write()
    await stays


@pytest.mark.parametrize("room", [Room(n_events=10), Room(n_bytes=20)])
async def test_beyond_the_room_it_is_refused_at_once_and_nothing_taken_is_lost(room: Room) -> None:
    disk = SlowDisk()
    intake = Intake(disk, room)
    waiting = [intake.store(b"abcd\n" * 2 + b"abcd", 5) for _ in range(2)]
    assert intake.waiting() == (10, 28)
    with pytest.raises(Unavailable, match="10 events wait"):
        intake.store(b"z", 1)
    with pytest.raises(Unavailable):
        intake.check_room()
    await turn()
    disk.write()
    await asyncio.gather(*waiting)
    assert intake.waiting() == (0, 0)
    done = intake.store(b"z", 1)
    await turn()
    disk.write()
    await done
    batch = disk.read(0, max_events=100)
    assert batch is not None
    assert len(batch.lines) == 7
