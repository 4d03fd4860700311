"""What another process does: asked here, it says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from assay.errors import Unavailable
from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import FirstExposure
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.ports import InboxBatch


class WarehouseElsewhere:
    """The Warehouse port of a process that has none."""

    def __init__(self, why: str) -> None:
        self._why = why

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        self._refuse()

    def exposures(self) -> dict[str, int]:
        self._refuse()

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        self._refuse()

    def position(self, partition: int = 0) -> int:
        self._refuse()

    def load(self, batch: InboxBatch) -> int:
        self._refuse()

    def forget(self, unit: str) -> int:
        self._refuse()

    def drop_before(self, moment: datetime) -> int:
        self._refuse()

    def activity(self, asked: EventsAsked, grain: Grain) -> list[Activity]:
        self._refuse()

    def summary(
        self, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
    ) -> EventsSummary:
        self._refuse()

    def check(self) -> None:
        """Nothing is expected of it."""

    def close(self) -> None:
        """Nothing to close."""

    def _refuse(self) -> NoReturn:
        raise Unavailable(self._why, hint="ask a server with the role 'all', or keep events in ClickHouse")
