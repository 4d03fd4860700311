"""What is kept of one unit, removed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from assay.http.experiments import ANYBODY, Actor
from assay.service.services import Services


def units_router(services: Services) -> APIRouter:
    """Routes under /api/v1/units."""
    router = APIRouter(prefix="/api/v1/units", tags=["units"])

    @router.delete("/{unit:path}", summary="Remove all that is kept of a unit, for good")
    def forget(unit: str, actor: Actor = ANYBODY) -> dict[str, Any]:
        forgotten = services.forgetting.forget(unit, actor=actor)
        return {
            "rows_removed": forgotten.rows,
            "audited_as": forgotten.audited_as,
            "still_named_in": list(forgotten.named_in),
            "complete": forgotten.complete,
        }

    return router
