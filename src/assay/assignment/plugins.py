"""Randomisers of one's own: what a plug-in is given and what it answers.

Register one as an entry point in the group `assay.randomizers`; the experiment names it in its randomization.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

GROUP = "assay.randomizers"


@dataclass(frozen=True, slots=True)
class Draw:
    """One unit to draw a variant for. weights: parts of 1,000,000 by variant. digest: the unit's usual 16 bytes."""

    unit: str
    attributes: Mapping[str, Any]
    now: datetime
    experiment: str
    salt: str
    weights: Mapping[str, int]
    options: Mapping[str, Any]
    digest: bytes


class Randomizer(Protocol):
    """Draws variants: the same for the same draw, or units would change theirs."""

    def choose(self, draw: Draw) -> str | None:
        """The key of one variant, or None for none."""
        ...

    def probabilities(self, draw: Draw) -> Mapping[str, float]:
        """The chance of each variant for this unit, before it was drawn; they sum to 1."""
        ...
