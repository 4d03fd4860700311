"""Taking events: each is checked on its own, the good ones go to the inbox together, the others are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.model.event import Refusal
from assay.ports import Clock, Telemetry
from assay.service.eventcheck import CheckedAt, lines_of, plain_line
from assay.service.eventform import EventIn, EventRefused, decode_event, too_deep
from assay.service.eventlines import EventLine, encode_line, encode_lines
from assay.service.eventread import Event
from assay.service.intake import Intake
from assay.service.snapshots import Snapshots


@dataclass(slots=True)
class Checked:
    """What became of the events of one request, by their place in it. stored: the lines to store."""

    stored: bytes = b""
    accepted: dict[int, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def event_ids(self) -> list[str]:
        """Of the accepted events, in their order."""
        return list(self.accepted.values())

    @property
    def lines(self) -> list[bytes]:
        """What is stored, line by line."""
        return self.stored.split(b"\n") if self.stored else []

    def take(self) -> bytes:
        """The lines to store, once: they are not held here any longer."""
        stored, self.stored = self.stored, b""
        return stored

    def refuse(self, index: int, error: EventRefused | RecursionError) -> None:
        """Name what is wrong with an event."""
        refused = error if isinstance(error, EventRefused) else too_deep()
        self.refusals.append(
            Refusal(index=index, code=refused.code, field=refused.field, given=refused.given, accepted=refused.accepted)
        )


@dataclass(frozen=True, slots=True)
class Tracking:
    """Accepts events durably."""

    snapshots: Snapshots
    intake: Intake
    telemetry: Telemetry
    clock: Clock

    async def keep(self, checked: Checked) -> None:
        """Wait until the accepted events are on disk; raises Unavailable if they cannot be."""
        if checked.stored:
            await self.intake.store(checked.take())
        self.telemetry.events_accepted(len(checked.accepted))
        if checked.refusals:
            self.telemetry.events_refused(len(checked.refusals))

    def check(self, events: Sequence[Event]) -> Checked:
        """Sort good events from bad; no I/O."""
        checked, checked_at = Checked(), CheckedAt.moment(self.snapshots.current, self.clock())
        lines: list[EventLine] = []
        # Of each line the place of its event.
        places: list[int] = []
        for place, event in enumerate(events):
            try:
                known = event if isinstance(event, EventIn) else decode_event(event)
                line = plain_line(known, checked_at)
                if line is not None:
                    lines.append(line)
                    places.append(place)
                    checked.accepted[place] = known.event_id or ""
                else:
                    several, event_id = lines_of(known, checked_at)
                    lines += several
                    places += (place,) * len(several)
                    checked.accepted[place] = event_id
            except (EventRefused, RecursionError) as error:
                checked.refuse(place, error)
        try:
            checked.stored = encode_lines(lines)
        except RecursionError:
            _encode_singly(checked, lines, places)
        return checked


def _encode_singly(checked: Checked, lines: Sequence[EventLine], places: Sequence[int]) -> None:
    """Leave out the events that are nested too deep to be written."""
    encoded = []
    for line, place in zip(lines, places, strict=True):
        try:
            encoded.append(encode_line(line))
        except RecursionError as error:
            if checked.accepted.pop(place, None) is not None:
                checked.refuse(place, error)
    checked.stored = b"\n".join(encoded)
    checked.refusals.sort(key=lambda refusal: refusal.index)
