"""Who met which variant when: the log of first exposures."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.model.event import FirstExposure
from assay.model.experiment import data_key
from assay.ports import Measurements
from assay.service.privacy import StoredUnits
from assay.service.reading import Reading

MAX_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class ExposureLog:
    """Reads the log. What was just met is in it once the loader has come round. Units are asked for by the ids that
    they come with, and named by those that are stored."""

    warehouse: Measurements
    reading: Reading
    stored_units: StoredUnits = StoredUnits()

    def of_experiment(self, key: str, unit: str | None, limit: int, offset: int) -> list[FirstExposure]:
        """All versions of an experiment, the latest first; raises NotFound."""
        latest = self.reading.experiment(key).version
        keys = [data_key(key, version) for version in range(1, latest + 1)]
        return self._read(keys, unit, limit, offset)

    def of_unit(self, unit: str, limit: int, offset: int) -> list[FirstExposure]:
        """All that a unit met, the latest first."""
        return self._read(None, unit, limit, offset)

    def _read(self, keys: list[str] | None, unit: str | None, limit: int, offset: int) -> list[FirstExposure]:
        if not 1 <= limit <= MAX_ROWS:
            raise InvalidInput("limit", limit, f"1 to {MAX_ROWS:,}")
        if offset < 0:
            raise InvalidInput("offset", offset, "0 or more")
        stored = None if unit is None else self.stored_units.of(unit)
        return self.warehouse.exposure_log(kept_under=keys, unit=stored, limit=limit, offset=offset)
