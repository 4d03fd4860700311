"""What evaluators in other processes and languages are given: every definition that decides who gets what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from assay.http.etags import matches
from assay.service.services import Services

_DESCRIPTION = """Everything an SDK needs to decide in its own process. Ask again with `If-None-Match`: 304 as long as
nothing changed. The format is described in spec/assignment."""


def snapshot_router(services: Services) -> APIRouter:
    """GET /api/v1/snapshot."""
    router = APIRouter(prefix="/api/v1", tags=["evaluate"])
    answers: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing changed since the tag given"}}

    @router.get(
        "/snapshot",
        summary="All running definitions, for evaluation elsewhere",
        description=_DESCRIPTION,
        responses=answers,
        response_model=dict[str, Any],
    )
    def snapshot(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        tag, content = services.snapshots.portable()
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if if_none_match is not None and matches(tag, if_none_match):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="application/json", headers=headers)

    return router
