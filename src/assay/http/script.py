"""The evaluator and client for pages, as one JavaScript module at /assay.js."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response

from assay.http.etags import etag_of, matches

PATH = "/assay.js"
SOURCE = Path(__file__).parent / "static" / "assay.js"
_MAX_AGE_SECONDS = 300
"""How long pages use a module without asking whether there is another."""


def script_router() -> APIRouter:
    """GET /assay.js."""
    content = SOURCE.read_bytes()
    headers = {
        "ETag": etag_of(content),
        "Cache-Control": f"public, max-age={_MAX_AGE_SECONDS}",
        "X-Content-Type-Options": "nosniff",
    }
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def script(if_none_match: Annotated[str, Header()] = "") -> Response:
        if matches(headers["ETag"], if_none_match):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/javascript", headers=headers)

    return router
