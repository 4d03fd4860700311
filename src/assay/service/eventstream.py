"""Events line by line, as many as come: checked and written in groups while the rest is still on its way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass, field, replace

from assay.model.event import EventProblem, Refusal
from assay.service.eventform import MAX_EVENT_BYTES
from assay.service.eventread import read_lines
from assay.service.filtering import Sender
from assay.service.track import Checked, Tracking

MAX_SHOWN = 1_000
_GROUP_LINES = 1_000
_GROUPS_ON_THE_WAY = 4
_Line = tuple[int, bytes]


@dataclass(slots=True)
class Taken:
    """What became of the lines so far: of the first `lines` lines, all that are accepted are on disk.

    refusals: the first MAX_SHOWN of the refused, `index` being the number of the line, from 1.
    """

    lines: int = 0
    accepted: int = 0
    refused: int = 0
    filtered: int = 0
    refusals: list[Refusal] = field(default_factory=list)


class EventStream:
    """Takes one stream. `taken` is right at any time, also after a failure."""

    def __init__(self, tracking: Tracking, sender: Sender) -> None:
        self.taken = Taken()
        self._tracking = tracking
        self._sender = sender
        self._on_the_way: deque[tuple[int, Checked, asyncio.Task[None]]] = deque()

    async def take(self, pieces: AsyncIterable[bytes]) -> None:
        """All lines of the pieces; raises Unavailable when a group could not be written, and what `pieces` raises.

        What was on its way to the disk then is waited for, too.
        """
        lines = Lines()
        try:
            async for piece in pieces:
                for group in lines.groups(piece):
                    await self._take(group, lines)
            for group in lines.groups(b"\n"):
                await self._take(group, lines)
            while self._on_the_way:
                await self._settle()
        except BaseException:
            await asyncio.gather(*(task for *_, task in self._on_the_way), return_exceptions=True)
            with contextlib.suppress(Exception):
                while self._on_the_way:
                    await self._settle()
            raise

    async def _take(self, group: list[_Line], lines: Lines) -> None:
        """Check a group and send it on its way; waits for the oldest one when there are many."""
        numbers = [number for number, _ in group]
        checked = self._tracking.check(read_lines([line for _, line in group]), self._sender)
        refusals = [replace(item, index=numbers[item.index]) for item in checked.refusals] + lines.too_long
        checked.refusals, lines.too_long = sorted(refusals, key=lambda item: item.index), []
        task = asyncio.ensure_future(self._tracking.keep(checked))
        self._on_the_way.append((lines.number, checked, task))
        # Others have their turn, however long the stream is.
        await asyncio.sleep(0)
        if len(self._on_the_way) > _GROUPS_ON_THE_WAY:
            await self._settle()

    async def _settle(self) -> None:
        number, checked, task = self._on_the_way[0]
        await task
        self._on_the_way.popleft()
        taken = self.taken
        taken.lines = number
        taken.accepted += len(checked.accepted)
        taken.filtered += checked.filtered.total()
        taken.refused += len(checked.refusals)
        taken.refusals += checked.refusals[: MAX_SHOWN - len(taken.refusals)]


class Lines:
    """Lines put together from pieces, without blanks around them; those that are empty are left out.

    number: of the last line seen, from 1. too_long: lines beyond the limit, of which no more is kept than their number.
    """

    def __init__(self) -> None:
        self.number = 0
        self.too_long: list[Refusal] = []
        self._rest = b""
        self._skips = False

    def groups(self, piece: bytes) -> Iterator[list[_Line]]:
        """The lines that end in `piece`, in groups of bounded size."""
        *ended, rest = piece.split(b"\n")
        group: list[_Line] = []
        for line in ended:
            self.number += 1
            whole = (self._rest + line).strip()
            self._rest = b""
            if self._skips or len(whole) > MAX_EVENT_BYTES:
                self._skips = False
                self.too_long.append(_too_long(self.number))
            elif whole:
                group.append((self.number, whole))
            if len(group) >= _GROUP_LINES:
                yield group
                group = []
        if group or self.too_long:
            yield group
        self._rest += rest
        if len(self._rest) > MAX_EVENT_BYTES:
            self._rest, self._skips = b"", True


def _too_long(number: int) -> Refusal:
    return Refusal(
        index=number,
        code=EventProblem.TOO_LARGE,
        field="event",
        given=f"a line of more than {MAX_EVENT_BYTES:,} bytes",
        accepted=f"at most {MAX_EVENT_BYTES:,} bytes",
    )
