"""Events as they happen: counts by time, and summaries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from assay.errors import InvalidInput
from assay.model.activity import Grain
from assay.model.document import format_time
from assay.service.services import Services

Since = Annotated[datetime | None, Query(description="events from this time on, with its zone")]
Until = Annotated[datetime | None, Query(description="events before this time, with its zone; default: now")]
Type = Annotated[str | None, Query(alias="event_type", description="only events of this type")]
Only = Annotated[str | None, Query(alias="experiment_id", description="only events that name this experiment")]
Field = Annotated[str | None, Query(description="the number to summarise, a name in metrics")]
Quantiles = Annotated[str, Query(description="shares, separated by commas, like 0.5,0.95")]
Quick = Annotated[bool, Query(description="HyperLogLog and t-digest instead of exact counting; errors are stated")]


def activity_router(services: Services) -> APIRouter:
    """GET /api/v1/events/counts and /api/v1/events/summary."""
    router = APIRouter(prefix="/api/v1/events", tags=["events"])
    watching = services.activity

    @router.get("/counts", summary="How many events came when, by type and experiment")
    def counts(
        grain: Grain = Grain.HOUR, since: Since = None, until: Until = None, kind: Type = None, only: Only = None
    ) -> dict[str, Any]:
        found = watching.counts(grain, since, until, type=kind, experiment=only)
        return {
            "grain": grain.value,
            "counts": [
                {
                    "at": format_time(item.at),
                    "event_type": item.type,
                    "experiment": item.experiment or None,
                    "events": item.n_events,
                }
                for item in found
            ],
        }

    @router.get("/summary", summary="Events, units, and the mean and quantiles of a field")
    def summary(
        since: Since = None,
        until: Until = None,
        kind: Type = None,
        only: Only = None,
        field: Field = None,
        quantiles: Quantiles = "",
        approximate: Quick = False,
    ) -> dict[str, Any]:
        found = watching.summary(
            since,
            until,
            type=kind,
            experiment=only,
            field=field,
            quantiles=_shares(quantiles),
            approximate=approximate,
        )
        return {
            "events": found.n_events,
            "users": found.n_units,
            "values": found.n_values,
            "mean": found.mean,
            "quantiles": {f"{share:g}": value for share, value in found.quantiles.items()},
            "approximate": approximate,
            "users_standard_error": found.units_error,
            "quantile_rank_error": found.rank_error,
        }

    return router


def _shares(text: str) -> list[float]:
    try:
        return [float(item) for item in text.split(",") if item.strip()]
    except ValueError:
        raise InvalidInput("quantiles", text, "numbers above 0 and below 1, separated by commas") from None
