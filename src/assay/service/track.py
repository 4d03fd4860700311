"""Taking events: each is checked on its own, the good ones go to the inbox together, the others are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from assay.model.event import EventProblem, Refusal
from assay.ports import Clock, Telemetry
from assay.service.eventcheck import CheckedAt, lines_of, plain_line
from assay.service.eventform import EventIn, EventRefused, decode_event, too_deep
from assay.service.eventlines import EventLine, encode_line, encode_lines
from assay.service.eventread import Event
from assay.service.filtering import NOBODY, Filtering, Sender
from assay.service.intake import Intake
from assay.service.policy import Policy
from assay.service.privacy import StoredUnits
from assay.service.snapshots import Snapshots
from assay.service.unitrates import UnitRates

_NO_MORE: list[EventLine] = []


@dataclass(slots=True)
class Checked:
    """What became of the events of one request, by their place in it. stored: the lines to store.

    filtered: how many were acknowledged without being stored, by reason.
    """

    stored: bytes = b""
    accepted: dict[int, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    filtered: Counter[str] = field(default_factory=Counter)

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
    """Accepts events durably. seconds: a clock for rates, which only grows."""

    snapshots: Snapshots
    intake: Intake
    telemetry: Telemetry
    clock: Clock
    policy: Policy = Policy()
    seconds: Callable[[], float] = monotonic

    async def keep(self, checked: Checked) -> None:
        """Wait until the accepted events are on disk; raises Unavailable if they cannot be."""
        if checked.stored:
            await self.intake.store(checked.take(), len(checked.accepted))
        self.telemetry.events_accepted(len(checked.accepted))
        if checked.refusals:
            for code, count in Counter(refusal.code.value for refusal in checked.refusals).items():
                self.telemetry.events_refused(code, count)
        for reason, count in checked.filtered.items():
            self.telemetry.events_filtered(reason, count)

    def check(self, events: Sequence[Event], sender: Sender = NOBODY) -> Checked:
        """Sort good events from bad; no I/O. Raises Unavailable when there is no room for any."""
        self.intake.check_room()
        checked = Checked()
        lines: list[EventLine] = []
        # Of each line the place of its event.
        places: list[int] = []
        self._sort(events, sender, checked, lines, places)
        try:
            checked.stored = encode_lines(lines)
        except RecursionError:
            _encode_singly(checked, lines, places)
        return checked

    def _sort(
        self, events: Sequence[Event], sender: Sender, checked: Checked, lines: list[EventLine], places: list[int]
    ) -> None:
        checked_at, now = CheckedAt.moment(self.snapshots.current, self.clock()), self.seconds()
        filtering, rates, stored_units = self.policy.filtering, self.policy.rates, self.policy.stored_units
        of_all = filtering and filtering.of_sender(sender)
        for place, event in enumerate(events):
            try:
                known = event if isinstance(event, EventIn) else decode_event(event)
                reason = of_all or (filtering and _filtered(filtering, known))
                if stored_units.key:
                    _hide(known, stored_units)
                line, more, event_id = plain_line(known, checked_at), _NO_MORE, known.event_id or ""
                if line is None:
                    (line, *more), event_id = lines_of(known, checked_at)
                if reason:
                    checked.filtered[reason] += 1
                    continue
                if rates is not None and not rates.take(line.unit, now):
                    raise _too_often(line.unit, rates)
            except (EventRefused, RecursionError) as error:
                checked.refuse(place, error)
                continue
            lines.append(line)
            places.append(place)
            if more:
                lines += more
                places += [place] * len(more)
            checked.accepted[place] = event_id


def _filtered(filtering: Filtering, event: EventIn) -> str | None:
    if not filtering.looks_at_units and "user_agent" not in event.properties:
        return None
    return filtering.of_unit((event.user_id, event.consistency_key), event.properties)


def _hide(event: EventIn, stored_units: StoredUnits) -> None:
    event.user_id = stored_units.of(event.user_id)
    if event.consistency_key is not None:
        event.consistency_key = stored_units.of(event.consistency_key)
    event.properties = dict(stored_units.in_properties(event.properties))


def _too_often(unit: str, rates: UnitRates) -> EventRefused:
    accepted = f"at most {rates.per_second:g} events per second of one unit"
    return EventRefused(EventProblem.RATE_LIMITED, "user_id", unit, accepted)


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
