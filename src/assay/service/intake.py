"""Requests that wait for the disk: what comes in at the same time is written together and answered together."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from dataclasses import dataclass

from assay.errors import Unavailable
from assay.ports import Inbox

_WRITTEN_AT_ONCE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait for the disk before more is turned away."""

    n_events: int = 100_000
    n_bytes: int = 64 * 1024 * 1024


class _Group:
    """Lines of requests of one turn of the event loop, and who waits for them."""

    __slots__ = ("blocks", "loop", "n_bytes", "n_events", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.blocks: list[bytes] = []
        self.n_bytes = self.n_events = 0
        self.waiting: list[asyncio.Future[None]] = []


class Intake:
    """Puts lines into an inbox. Used by the thread of one event loop at a time.

    All requests of a turn of the loop are one `append`, and all of them are told with one call into the loop: for
    small requests, telling costs more than checking.
    """

    def __init__(self, inbox: Inbox, room: Room | None = None) -> None:
        self._inbox = inbox
        self._room = room or Room()
        self._group: _Group | None = None
        self._n_events = self._n_bytes = 0

    def waiting(self) -> tuple[int, int]:
        """Events and bytes that are not on disk yet."""
        return self._n_events, self._n_bytes

    def check_room(self) -> None:
        """Raises Unavailable when so much waits that no more is taken. What is once taken is never dropped."""
        if self._n_events >= self._room.n_events or self._n_bytes >= self._room.n_bytes:
            raise Unavailable(
                f"{self._n_events:,} events wait for the disk; more come in than it takes",
                hint="nothing of this request was kept; send it again later",
            )

    def store(self, lines: bytes, n_events: int) -> asyncio.Future[None]:
        """Done when the lines are on disk; it fails with Unavailable when they are not.

        Raises Unavailable at once when there is no room. The last request taken may go beyond the room.
        """
        self.check_room()
        loop = asyncio.get_running_loop()
        group = self._group
        if group is None or group.loop is not loop:
            group = self._group = _Group(loop)
            loop.call_soon(self._write, group)
        done = loop.create_future()
        group.blocks.append(lines)
        group.waiting.append(done)
        group.n_events += n_events
        group.n_bytes += len(lines)
        self._n_events += n_events
        self._n_bytes += len(lines)
        if group.n_bytes >= _WRITTEN_AT_ONCE_BYTES:
            # The disk works on it while the rest of this turn is checked.
            self._write(group)
        return done

    def _write(self, group: _Group) -> None:
        blocks, group.blocks = group.blocks, []
        if self._group is group:
            self._group = None
        if not blocks:
            return

        def tell(written: Future[None]) -> None:
            # A loop that has ended meanwhile has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                group.loop.call_soon_threadsafe(self._settle, group, written.exception())

        self._inbox.append(b"\n".join(blocks)).add_done_callback(tell)

    def _settle(self, group: _Group, failure: BaseException | None) -> None:
        self._n_events -= group.n_events
        self._n_bytes -= group.n_bytes
        _answer(group.waiting, failure)


def _answer(waiting: list[asyncio.Future[None]], failure: BaseException | None) -> None:
    """Answer all of a group; one that gave up meanwhile must not harm the others."""
    for done in waiting:
        if done.done():
            continue
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)
