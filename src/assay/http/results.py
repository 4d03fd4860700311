"""Results over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from assay.errors import NotFound
from assay.http.views import results_view
from assay.model.document import format_time, to_document
from assay.service.services import Services


def results_router(services: Services) -> APIRouter:
    """Routes under /api/v1/experiments/{id} that read results."""
    router = APIRouter(prefix="/api/v1/experiments", tags=["results"])
    reading = services.reading

    @router.get("/{experiment_id}/results", summary="The newest results, with the recommendation in words")
    def results(experiment_id: str) -> dict[str, Any]:
        experiment = reading.experiment(experiment_id)
        return results_view(experiment, reading.latest(experiment_id), services.clock())

    @router.get("/{experiment_id}/results/series", summary="Results over time, oldest first")
    def series(experiment_id: str, limit: int = 200) -> dict[str, Any]:
        reading.experiment(experiment_id)
        return {"results": [to_document(item) for item in reading.series(experiment_id, limit=max(2, limit))]}

    @router.websocket("/{experiment_id}/stream")
    async def stream(socket: WebSocket, experiment_id: str) -> None:
        """One message per new result: the time, the units and the recommendation."""
        loop, fresh = asyncio.get_running_loop(), asyncio.Event()
        # Before accepting: whoever is told that the connection stands misses nothing from then on.
        end = services.notices.subscribe(experiment_id, lambda: _wake(loop, fresh))
        await socket.accept()
        try:
            reading.experiment(experiment_id)
        except NotFound as error:
            end()
            await socket.close(code=4404, reason=error.message[:120])
            return
        listener = asyncio.create_task(_until_closed(socket))
        try:
            while not listener.done():
                waiter = asyncio.create_task(fresh.wait())
                await asyncio.wait({waiter, listener}, return_when=asyncio.FIRST_COMPLETED)
                waiter.cancel()
                if fresh.is_set():
                    fresh.clear()
                    await socket.send_json(await asyncio.to_thread(_summary, services, experiment_id))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            end()
            listener.cancel()

    return router


def _wake(loop: asyncio.AbstractEventLoop, fresh: asyncio.Event) -> None:
    # A server that is shutting down has closed its loop already.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(fresh.set)


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_text()


def _summary(services: Services, key: str) -> dict[str, Any]:
    result = services.reading.latest(key)
    if result is None:
        return {"experiment_id": key}
    return {
        "experiment_id": key,
        "at": format_time(result.at),
        "status": result.status.value,
        "n_units": result.n_units,
        "recommendation": to_document(result.recommendation),
    }
