"""The log of first exposures: which variant a unit met, when, and what was known of it then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query

from assay.model.document import format_time
from assay.model.event import FirstExposure
from assay.model.experiment import split_data_key
from assay.service.exposures import MAX_ROWS
from assay.service.services import Services

Limit = Annotated[int, Query(description=f"rows of one answer, 1 to {MAX_ROWS:,}")]
Offset = Annotated[int, Query(description="rows to leave out before them")]
Unit = Annotated[str | None, Query(description="only this unit's")]


def exposures_router(services: Services) -> APIRouter:
    """By experiment and by unit, the latest first."""
    router = APIRouter(prefix="/api/v1", tags=["assignment log"])
    log = services.exposures

    @router.get("/experiments/{experiment_id}/exposures", summary="Who met which variant of an experiment, and when")
    def of_experiment(
        experiment_id: str, user_id: Unit = None, limit: Limit = 100, offset: Offset = 0
    ) -> dict[str, Any]:
        return _view(log.of_experiment(experiment_id, user_id, limit, offset))

    @router.get("/users/{user_id:path}/exposures", summary="Every variant that a unit met, and when")
    def of_unit(user_id: str, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
        return _view(log.of_unit(user_id, limit, offset))

    return router


def _view(exposures: Iterable[FirstExposure]) -> dict[str, Any]:
    rows = []
    for item in exposures:
        key, version = split_data_key(item.kept_under)
        rows.append(
            {
                "experiment_id": key,
                "version": version,
                "user_id": item.unit,
                "variant_id": item.variant,
                "first_exposed_at": format_time(item.at),
                "context": dict(item.context),
            }
        )
    return {"exposures": rows}
