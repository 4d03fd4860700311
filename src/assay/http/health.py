"""Health, readiness and Prometheus metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from assay.service.services import Services
from assay.service.watching import MEANWHILE
from assay.version import __version__


def health_router(services: Services) -> APIRouter:
    """Routes for operators."""
    router = APIRouter(tags=["operations"])

    @router.get("/health", summary="The process is alive, and which of its parts answer")
    def health() -> dict[str, Any]:
        """Always 200 while the process answers: a part that is gone is no reason to start it anew."""
        parts = services.watch.states()
        problems = services.watch.problems
        meanwhile = {name: MEANWHILE[name] for name in problems if name in MEANWHILE}
        more = {"meanwhile": meanwhile} if meanwhile else {}
        return {"status": "degraded" if problems else "ok", "version": __version__, "parts": parts, **more}

    @router.get("/ready", summary="Definitions are loaded and requests can be answered")
    def ready(response: Response) -> dict[str, Any]:
        loaded = services.snapshots.loaded
        response.status_code = 200 if loaded else 503
        snapshot = services.snapshots.current
        failing = services.health.worker_failing
        return {
            "status": "ready" if loaded else "starting",
            "worker": "failing: results are not refreshed; see the log" if failing else "ok",
            "snapshot_version": snapshot.version,
            "running_experiments": len(snapshot.running),
        }

    @router.get("/metrics", summary="Metrics in Prometheus text format", response_class=Response)
    def metrics() -> Response:
        return Response(services.telemetry.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
