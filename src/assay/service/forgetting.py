"""Removing everything that is kept of one unit, with a line in the audit log that does not name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from assay.errors import InvalidInput
from assay.model.document import to_document
from assay.ports import AuditLog, Clock, Definitions, StickyStore, Warehouse
from assay.service.assign import Assigning
from assay.service.loading import Loading
from assay.service.privacy import StoredUnits

_NAME_DIGITS = 16
_MAX_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was removed. audited_as: the name of the line in the audit log. rows: events and exposures.

    named_in: experiments whose definition names the unit, which people must change. complete: what waited in the inbox
    is gone, too; otherwise it may come in yet, and asking again a minute later removes it.
    """

    audited_as: str
    rows: int
    named_in: tuple[str, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Asks every part that keeps something of units. loads: this process is the one that empties the inbox."""

    definitions: Definitions
    warehouse: Warehouse
    sticky: StickyStore
    loading: Loading
    assigning: Assigning
    audit: AuditLog
    stored_units: StoredUnits
    clock: Clock
    loads: bool

    def forget(self, unit: str, *, actor: str) -> Forgotten:
        """Remove a unit, named by the id that it comes with. Once more does no harm. Raises Unavailable when a part
        does not answer: then ask again."""
        if not 0 < len(unit) <= _MAX_CHARACTERS:
            raise InvalidInput("user_id", unit, f"text of 1 to {_MAX_CHARACTERS:,} characters")
        if self.loads:
            self.loading.load_all()
        stored = self.stored_units.of(unit)
        rows = self.warehouse.forget(stored)
        self.sticky.forget(unit)
        self.assigning.forget(unit)
        name = f"unit:{sha256(unit.encode(errors='surrogatepass')).hexdigest()[:_NAME_DIGITS]}"
        named = tuple(item.key for item in self.definitions.all() if unit in _texts(to_document(item)))
        details = {"rows": rows, "named_in": list(named)}
        self.audit.write(name, action="forget", actor=actor, at=self.clock(), details=details)
        return Forgotten(audited_as=name, rows=rows, named_in=named, complete=self.loads)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
