"""`assay demo`: a server, a real experiment replayed through its public API, and the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

_START_SECONDS = 60.0


@click.command()
@click.option(
    "--once", is_flag=True, help="Use a free port and a throw-away folder, print the verdict as JSON, and end."
)
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on (default 8000, or the next free one).")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder (default ./assay-data).")
def demo(once: bool, port: int | None, data: Path | None) -> None:
    """Replay a real headline test through the public HTTP API, and print its verdict."""
    # A demo that is told to end takes its server along, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        folder = data or (Path(stack.enter_context(tempfile.TemporaryDirectory())) if once else Path("assay-data"))
        chosen = port or (free_port(0) if once else free_port(8000))
        url = f"http://127.0.0.1:{chosen}"
        server = stack.enter_context(serving(chosen, folder))
        verdict = asyncio.run(replay(url, quiet=once))
        if once:
            click.echo(json.dumps(verdict, ensure_ascii=False))
            return
        _keep_serving(server, verdict)


async def replay(url: str, *, quiet: bool) -> dict[str, Any]:
    """Replay on the server at `url`, progress on the terminal; returns the verdict as a document."""
    import httpx
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from assay.cli.replay import Replay, load_archive

    archive = load_archive()
    console = Console(stderr=quiet)
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        experiment = Replay(client, archive)
        key = await experiment.create_and_start()
        console.print(f"Experiment [bold]{key}[/bold] is running. Watch it in the browser:")
        console.print(f"{url}/experiments/{key}\n", soft_wrap=True)
        columns = (
            TextColumn("Replaying {task.total:,} real impressions"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("replay", total=archive.impressions)
            n_visitors = await experiment.run(lambda n: bar.advance(task, n))
        results = await experiment.stop_and_conclude()
    return _verdict(results, url, n_visitors, time.monotonic() - began)


def _verdict(results: dict[str, Any], url: str, n_visitors: int, seconds: float) -> dict[str, Any]:
    recommendation = results["recommendation"]
    return {
        "verdict": recommendation["reasoning"],
        "action": recommendation["action"],
        "winner": recommendation["winning_variant"],
        "experiment_id": results["experiment_id"],
        "units": results["total_users_exposed"],
        "visitors": n_visitors,
        "variants": [
            {
                "variant": variant["variant_id"],
                "units": variant["users_exposed"],
                "clicks": variant["metrics"]["click_rate"]["count"],
                "p_value_adjusted": variant["metrics"]["click_rate"].get("vs_control", {}).get("p_value_adjusted"),
            }
            for variant in results["variants"]
        ],
        "validity": results["validity"],
        "page": f"{url}/experiments/{results['experiment_id']}",
        "seconds": round(seconds, 1),
    }


def _keep_serving(server: subprocess.Popen[bytes], verdict: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    console.print(f"\n[bold green]Verdict[/bold green]  {verdict['verdict']}")
    console.print(f"[bold]Results[/bold]  {verdict['page']}", soft_wrap=True)
    console.print("\nAssay keeps serving. Press Ctrl-C to end.")
    with contextlib.suppress(KeyboardInterrupt):
        server.wait()


@contextlib.contextmanager
def serving(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server of its own process, ready to answer; it ends with the context."""
    command = [sys.executable, "-m", "assay", "serve", "--port", str(port), "--data", str(folder)]
    environment = os.environ | {"LOG_LEVEL": "WARNING", "ASSAY_REFRESH_SECONDS": "0.5", "API_HOST": "127.0.0.1"}
    server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", server)
        yield server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    import httpx

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise click.ClickException(f"the server ended with code {server.returncode} before it was ready")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/ready").status_code == 200:
                return
        time.sleep(0.1)
    raise click.ClickException(f"the server was not ready within {_START_SECONDS:.0f} s")


def free_port(wanted: int) -> int:
    """`wanted`, or the next port that is free; 0 takes any."""
    for port in range(wanted, wanted + 100) if wanted else (0,):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise click.ClickException(f"no free port from {wanted} to {wanted + 99}")
