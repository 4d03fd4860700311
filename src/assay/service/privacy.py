"""Ids of units as they are stored: as they came, or so that nobody without the key can tell whose they are."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_HEX_DIGITS = 32
_USER_ID = "user_id"
"""The property under which the server keeps the id of a unit that is drawn by another."""


@dataclass(frozen=True, slots=True)
class StoredUnits:
    """What stands for a unit in everything that is stored. Assignment still draws by the id that came, so that
    variants are the same with and without a key.

    key: of HMAC-SHA256, of whose result the first 32 hex digits are kept; empty: ids are stored as they came.
    """

    key: bytes = field(default=b"", repr=False)

    def of(self, unit: str) -> str:
        """A unit's id as it is stored. A unit without an id stays without."""
        if not self.key or not unit:
            return unit
        return hmac.digest(self.key, unit.encode(errors="surrogatepass"), "sha256").hex()[:_HEX_DIGITS]

    def in_properties(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """The properties of an event, or the context of an exposure, as they are stored."""
        user_id = properties.get(_USER_ID) if self.key else None
        return {**properties, _USER_ID: self.of(user_id)} if isinstance(user_id, str) else properties
