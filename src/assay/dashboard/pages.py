"""The pages: the list of experiments and one page per experiment, with a live part."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from assay.dashboard.contexts import ResultsPage, results_page
from assay.dashboard.listing import list_page
from assay.dashboard.templates import render, static_files
from assay.dashboard.why import Explain, why_page
from assay.errors import NotFound
from assay.ports import Clock
from assay.service.reading import Reading

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


def dashboard_router(reading: Reading, explain: Explain, *, clock: Clock) -> APIRouter:
    """Routes of the pages; they read and change nothing. explain: why a unit gets what it gets."""
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse)
    def experiments(request: Request) -> Response:
        listed = [(item, reading.latest(item.key)) for item in reading.experiments()]
        return _page("list.html", page=list_page(listed, clock()), origin=_origin(request))

    @router.get("/experiments/{key}", response_class=HTMLResponse)
    def results(request: Request, key: str) -> Response:
        try:
            return _page("results.html", page=_results(reading, key, clock), origin=_origin(request))
        except NotFound as error:
            return _page("missing.html", status=404, message=error.message)

    @router.get("/experiments/{key}/live", response_class=HTMLResponse)
    def live(request: Request, key: str) -> Response:
        try:
            return _page("live.html", page=_results(reading, key, clock), origin=_origin(request))
        except NotFound as error:
            return HTMLResponse(render("gone.html", message=error.message), status_code=404, headers=_HEADERS)

    @router.get("/experiments/{key}/why", response_class=HTMLResponse)
    def why(key: str, unit: str = "", context: str = "") -> Response:
        try:
            page = why_page(reading.experiment(key), unit, context, explain)
        except NotFound as error:
            return _page("missing.html", status=404, message=error.message)
        return _page("why.html", status=422 if page.problem else 200, page=page)

    @router.get("/static/{name}")
    def static(name: str, v: str = "") -> Response:
        file = static_files().get(name)
        if file is None:
            return _page("missing.html", status=404, message=f"there is no file '{name}'")
        keep = _FOR_GOOD if v == file.version else "no-cache"
        headers = {"Cache-Control": keep, "X-Content-Type-Options": "nosniff"}
        return Response(file.body, media_type=file.media_type, headers=headers)

    return router


def _page(template: str, *, status: int = 200, **context: object) -> HTMLResponse:
    return HTMLResponse(render(template, **context), status_code=status, headers=_HEADERS)


def _results(reading: Reading, key: str, clock: Clock) -> ResultsPage:
    experiment = reading.experiment(key)
    return results_page(experiment, reading.latest(key), reading.series(key), clock())


def _origin(request: Request) -> str:
    """Where this server is reached, for examples to copy."""
    return str(request.base_url).rstrip("/")
