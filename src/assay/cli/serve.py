"""`assay serve`: the server, the worker and the dashboard in one process."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace
from pathlib import Path

import click

from assay.app.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on.  [API_HOST, default 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on.  [API_PORT, default 8000]")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [ASSAY_DATA, default ./assay-data]")
def serve(host: str | None, port: int | None, data: Path | None) -> None:
    """Serve the API, the dashboard and the periodic work."""
    settings = Settings.from_environment()
    run(
        replace(
            settings,
            host=settings.host if host is None else host,
            port=settings.port if port is None else port,
            data=settings.data if data is None else data,
        )
    )


def run(settings: Settings) -> None:
    """Serve until interrupted."""
    import structlog
    import uvicorn

    from assay.app.running import announce, withdraw
    from assay.app.server import build
    from assay.dashboard.pages import dashboard_router
    from assay.http.asgi import build_server
    from assay.worker.loop import Loop

    level = logging.getLevelNamesMapping().get(settings.log_level, logging.INFO)
    # Tracebacks without local variables: those may hold what users sent.
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
    )
    app = build(settings)
    loop = Loop(app.services, settings.refresh_seconds)

    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    address = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"

    def start() -> None:
        announce(settings.data, address)
        loop.start()

    def stop() -> None:
        withdraw(settings.data)
        loop.stop()
        app.close()

    pages = dashboard_router(app.services.reading, app.services.explaining.explain, clock=app.services.clock)
    server = build_server(app.services, pages, start=start, stop=stop, cors_origins=settings.cors_origins)
    structlog.get_logger("assay").info(
        "serving", url=f"http://{settings.host}:{settings.port}/", data=str(settings.data)
    )
    # What is here now stays until the end: collections of garbage need not look at it again and again.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        server,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level.lower() if settings.log_level != "INFO" else "warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
