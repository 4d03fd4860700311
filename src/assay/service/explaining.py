"""Why a unit gets what it gets, and the chance it had of each variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.assignment.explain import Explanation, explain
from assay.assignment.plugins import Randomizer
from assay.ports import Clock
from assay.service.assign import Assigning
from assay.service.reading import Reading
from assay.service.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class Explaining:
    """Explains decisions from the snapshot in memory. plugins: the randomisers installed, by name."""

    reading: Reading
    snapshots: Snapshots
    assigning: Assigning
    clock: Clock
    plugins: Mapping[str, Randomizer]

    def explain(self, key: str, unit: str, attributes: Mapping[str, Any]) -> Explanation:
        """Every step of the decision that the unit would get now; raises NotFound."""
        experiment = self.reading.experiment(key)
        known = self.assigning.with_device(attributes)
        return explain(self.snapshots.current, experiment, unit, known, self.clock(), self.plugins)
