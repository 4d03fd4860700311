"""Health, readiness and Prometheus metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from assay.service.services import Services
from assay.version import __version__


def health_router(services: Services) -> APIRouter:
    """Routes for operators."""
    router = APIRouter(tags=["operations"])

    @router.get("/health", summary="The process is alive")
    def health() -> dict[str, Any]:
        return {"status": "ok", "version": __version__}

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
