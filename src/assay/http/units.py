"""What is kept of a unit, removed."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from assay.http.experiments import ANYBODY, Actor
from assay.service.services import Services


def units_router(services: Services) -> APIRouter:
    """DELETE /api/v1/users/{id}."""
    router = APIRouter(prefix="/api/v1/users", tags=["privacy"])

    @router.delete("/{user_id:path}", summary="Forget a unit: its events, exposures and remembered variants")
    def forget(user_id: str, actor: Actor = ANYBODY) -> dict[str, Any]:
        """Asking again does no harm. complete: false when events that wait may still come in: then ask again later."""
        found = services.forgetting.forget(user_id, actor=actor)
        return {
            "removed_rows": found.rows,
            "audited_as": found.audited_as,
            "named_in_experiments": list(found.named_in),
            "complete": found.complete,
        }

    return router
