"""`assay forget`: everything that is kept of a unit, removed."""

from __future__ import annotations

import getpass
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from assay.app.settings import Settings
from assay.errors import FileInUse


@click.command()
@click.argument("unit")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [ASSAY_DATA, default ./assay-data]")
@click.option("--url", help="Ask the server at this address. Needed while it runs on DuckDB, which it alone may open.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget(unit: str, data: Path | None, url: str | None, yes: bool) -> None:
    """Remove all events, exposures and remembered variants of UNIT, and write that it was done to the audit log.

    It cannot be undone. Results of experiments change accordingly with their next analysis.
    """
    if not yes:
        click.confirm(f"Remove everything that is kept of {unit!r}?", abort=True)
    found = _at(url, unit) if url else _in(data, unit)
    click.echo(f"removed {found['removed_rows']:,} events and exposures; in the audit log as {found['audited_as']}")
    for key in found["named_in_experiments"]:
        click.echo(f"still named in the definition of experiment {key}: change it there")
    if not found["complete"]:
        click.echo("events on their way may still come in: repeat this in a minute")


def _at(url: str, unit: str) -> dict[str, Any]:
    from assay.app.definitions import ask_server

    return ask_server(url, "DELETE", f"/api/v1/users/{quote(unit, safe='')}")


def _in(data: Path | None, unit: str) -> dict[str, Any]:
    from assay.app.server import build
    from assay.cli.source import folder_of

    settings = Settings.from_environment()
    if not settings.database_url:
        settings = replace(settings, data=folder_of(data))
    try:
        app = build(settings)
    except FileInUse as error:
        click.echo(f"Error: {error.message}\nA server runs on this folder: ask it with --url", err=True)
        sys.exit(2)
    try:
        found = app.services.forgetting.forget(unit, actor=getpass.getuser())
    finally:
        app.close()
    return {
        "removed_rows": found.rows,
        "audited_as": found.audited_as,
        "named_in_experiments": found.named_in,
        "complete": found.complete,
    }
