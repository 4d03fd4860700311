"""`assay serve`: the server, the worker and the dashboard in one process."""

from __future__ import annotations

import gc
import logging
import socket
from dataclasses import replace
from pathlib import Path

import click

from assay.app.settings import Role, Settings


@click.command()
@click.option("--host", help="Address to listen on.  [API_HOST, default 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on.  [API_PORT, default 8000]")
@click.option(
    "--role",
    type=click.Choice([item.value for item in Role]),
    help="What this process does.  [ASSAY_ROLE, default all]",
)
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [ASSAY_DATA, default ./assay-data]")
def serve(host: str | None, port: int | None, role: str | None, data: Path | None) -> None:
    """Serve the API, the dashboard and the periodic work.

    Other roles share one system: an edge assigns and takes events, control has definitions, results and the
    dashboard, a worker loads events and analyses. Of each there may be several; `assay doctor` tells what they use.
    """
    settings = Settings.from_environment()
    run(
        replace(
            settings,
            host=settings.host if host is None else host,
            port=settings.port if port is None else port,
            role=settings.role if role is None else Role(role),
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
    from assay.http.asgi import Doors, build_server
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
    loop = Loop(
        app.services,
        settings.refresh_seconds,
        works=settings.role in (Role.ALL, Role.WORKER),
        shared=bool(settings.kafka or settings.sources),
        analyse_every=settings.analyse_every,
        # The same after a restart: what was killed takes its lease up again at once.
        holder=f"{socket.gethostname()}:{settings.data.resolve()}:{settings.port}"[-100:],
    )

    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    address = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"

    def start() -> None:
        announce(settings.data, address)
        loop.start()

    def stop() -> None:
        withdraw(settings.data)
        loop.stop()
        app.close()

    doors = {Role.EDGE: Doors.EDGE, Role.CONTROL: Doors.CONTROL, Role.WORKER: Doors.OPERATIONS}
    has_pages = settings.role in (Role.ALL, Role.CONTROL)
    pages = dashboard_router(app.services.reading, app.services.explaining.explain, clock=app.services.clock)
    server = build_server(
        app.services,
        pages if has_pages else None,
        start=start,
        stop=stop,
        cors_origins=settings.cors_origins,
        doors=doors.get(settings.role, Doors.ALL),
    )
    structlog.get_logger("assay").info(
        "serving", role=settings.role.value, url=f"http://{settings.host}:{settings.port}/", data=str(settings.data)
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
