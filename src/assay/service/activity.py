"""What happens: counts of events by time, and summaries of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.errors import InvalidInput
from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.experiment import data_key
from assay.ports import Clock, Warehouse
from assay.service.reading import Reading

MAX_COUNTS = 10_000
_DEFAULT_SPANS = {Grain.MINUTE: timedelta(hours=2), Grain.HOUR: timedelta(days=2), Grain.DAY: timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Watching:
    """Reads the warehouse; what was just sent is in it once the loader has come round."""

    warehouse: Warehouse
    reading: Reading
    clock: Clock

    def counts(
        self,
        grain: Grain,
        since: datetime | None,
        until: datetime | None,
        *,
        type: str | None = None,
        experiment: str | None = None,
    ) -> list[Activity]:
        """Events by minute, hour or day, type and experiment, in order of time."""
        asked = self._asked(since, until, _DEFAULT_SPANS[grain], type, experiment)
        n_counts = (asked.until - asked.since) // timedelta(microseconds=grain.microseconds)
        if n_counts > MAX_COUNTS:
            raise InvalidInput("grain", grain.value, f"a longer one: this span has {n_counts:,}, above {MAX_COUNTS:,}")
        return self.warehouse.activity(asked, grain)

    def summary(
        self,
        since: datetime | None,
        until: datetime | None,
        *,
        type: str | None = None,
        experiment: str | None = None,
        field: str | None = None,
        quantiles: Sequence[float] = (),
        approximate: bool = False,
    ) -> EventsSummary:
        """Events, units, and the mean and quantiles of a field; approximate: quicker, with the error stated."""
        for quantile in quantiles:
            if not 0 < quantile < 1:
                raise InvalidInput("quantiles", quantile, "numbers above 0 and below 1")
        if quantiles and field is None:
            raise InvalidInput("field", None, "the field whose quantiles are asked for")
        asked = self._asked(since, until, _DEFAULT_SPANS[Grain.DAY], type, experiment)
        return self.warehouse.summary(asked, field, tuple(quantiles), approximate=approximate)

    def _asked(
        self,
        since: datetime | None,
        until: datetime | None,
        span: timedelta,
        type: str | None,
        experiment: str | None,
    ) -> EventsAsked:
        end = until or self.clock() + timedelta(minutes=1)
        begin = since or end - span
        for name, moment in (("since", begin), ("until", end)):
            if moment.tzinfo is None:
                raise InvalidInput(name, moment.isoformat(), "a time with its zone, like 2026-02-05T10:30:00Z")
        if begin >= end:
            raise InvalidInput("since", begin.isoformat(), f"a time before until, {end.isoformat()}")
        key = None
        if experiment is not None:
            key = data_key(experiment, self.reading.experiment(experiment).version)
        return EventsAsked(since=begin, until=end, type=type, experiment=key)
