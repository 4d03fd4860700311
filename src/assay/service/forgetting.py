"""Forgetting a unit: removed wherever it is kept, and from the files' bytes; what cannot be removed is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from assay.errors import InvalidInput
from assay.model.document import to_document
from assay.model.shared import Holdout, Layer, Segment
from assay.ports import AuditLog, Change, Clock, Definitions, Erasing, Shared, StickyStore, Warehouse
from assay.service.analyse import Analysing
from assay.service.assign import Assigning
from assay.service.loading import Loading
from assay.service.privacy import StoredUnits

MAX_UNIT_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of a unit. rows: events and exposures removed. audited_as: the name of its line in the audit log.

    named_in: places that still name the unit, for people to change; they may be many in the log of one definition.
    complete: what waited in the inbox is gone, too; otherwise asking again a minute later removes it.
    """

    rows: int
    audited_as: str
    named_in: tuple[str, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Removes all that is kept of a unit. erasing: the stores whose files must be written anew afterwards.

    loads: this process empties the inbox; otherwise what waits there may come in afterwards.
    """

    loading: Loading
    analysing: Analysing
    warehouse: Warehouse
    assigning: Assigning
    definitions: Definitions
    shared: Shared
    audit: AuditLog
    clock: Clock
    erasing: Sequence[Erasing] = ()
    sticky: StickyStore | None = None
    stored_units: StoredUnits = StoredUnits()
    loads: bool = True

    def forget(self, unit: str, *, actor: str) -> Forgotten:
        """Doing it again removes nothing more, and finishes what a failure left undone. Raises InvalidInput for what
        is no unit, Unavailable when a store does not answer."""
        if not 0 < len(unit) <= MAX_UNIT_CHARACTERS:
            raise InvalidInput("unit", unit, f"text of 1 to {MAX_UNIT_CHARACTERS:,} characters")
        self.assigning.forget(unit)
        # As in the periodic work: who gathers is asked before loading.
        gathering = self.analysing.gathering()
        loaded = self.loading.load_all() if self.loads else 0
        stored = self.stored_units.of(unit)
        rows = self.warehouse.forget(stored)
        if self.sticky is not None:
            self.sticky.forget(stored)
        for store in self.erasing:
            store.erase_removed()
        name = audit_name(unit)
        line = Change(
            experiment=name, action="forget", actor=actor, at=self.clock(), before=None, after={"rows_removed": rows}
        )
        self.audit.write(line)
        if gathering and (loaded or rows):
            self.analysing.analyse(gathering)
        return Forgotten(rows, name, tuple(self._named_in(unit)), complete=self.loads)

    def _named_in(self, unit: str) -> Iterator[str]:
        for experiment in self.definitions.all():
            yield from _places(f"experiment {experiment.key}", to_document(experiment), unit)
        items: list[Layer | Holdout | Segment] = [
            *self.shared.all(Layer),
            *self.shared.all(Holdout),
            *self.shared.all(Segment),
        ]
        for item in items:
            yield from _places(f"{type(item).__name__.lower()} {item.key}", to_document(item), unit)
        for name in self.audit.naming(unit):
            yield f"audit log of {name}"


def audit_name(unit: str) -> str:
    """What the audit log calls a unit: a digest, because the log stays."""
    return f"unit:{sha256(unit.encode(errors='surrogatepass')).hexdigest()[:16]}"


def _places(thing: str, document: Any, unit: str) -> Iterable[str]:
    """Where in a definition the unit stands, as 'experiment checkout: forced'."""
    fields = document.items() if isinstance(document, dict) else ()
    return (f"{thing}: {field}" for field, value in fields if _holds(value, unit))


def _holds(value: Any, unit: str) -> bool:
    if isinstance(value, dict):
        return unit in value or any(_holds(item, unit) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_holds(item, unit) for item in value)
    return bool(value == unit) and isinstance(value, str)
