"""What is taken of whom: the settings that events and exposures share."""

from __future__ import annotations

from dataclasses import dataclass

from assay.service.filtering import Filtering
from assay.service.privacy import StoredUnits
from assay.service.unitrates import UnitRates


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is taken of whom, and how its unit is stored. rates: of one unit; None: any."""

    filtering: Filtering | None = None
    rates: UnitRates | None = None
    stored_units: StoredUnits = StoredUnits()
