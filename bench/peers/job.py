"""The job every peer does: even splits for units in three countries, nothing for the others.

No peer needs a network: each is given its configuration in memory, and sends no events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Attributes = dict[str, Any]
One = Callable[[str, Attributes], str | None]
"""The variant of a unit in the first experiment."""
Five = Callable[[str, Attributes], Sequence[str | None]]
"""The variants of a unit in all five, in the order of KEYS."""

KEY, SALT = "checkout-button", "1"
KEYS = (KEY, *(f"{KEY}-{i}" for i in range(2, 6)))
"""Five experiments with the same audience and splits that do not depend on each other."""
COUNTRIES = ("US", "CA", "GB")
VARIANTS = ("control", "treatment")


@dataclass(frozen=True, slots=True)
class Peer:
    """The ways a peer can do each job, by name: the fastest of them is measured."""

    one: Mapping[str, One]
    five: Mapping[str, Five]
