"""`assay forget`: remove all that is kept of a unit."""

from __future__ import annotations

import getpass
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from assay.cli.source import DATA, folder_of
from assay.errors import Unavailable

_SECONDS = 3_600.0
"""All events may have to be written anew."""


@click.command()
@click.argument("unit")
@DATA
@click.option("--url", help="Ask the server at this address.")
@click.option("--actor", help="Who does it, for the audit log. Default: your name on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def forget(unit: str, data: Path | None, url: str | None, actor: str | None, as_json: bool) -> None:
    """Remove every event and exposure of UNIT for good, from the files' bytes too.

    A running server does it for its own data folder; without one the folder is opened here. Doing it again does no
    harm. The audit log keeps that it was done, under a digest of the unit.
    """
    who = actor or _name()
    document = _by_server(url, unit, who) if url else _here(data, unit, who)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    click.echo(
        f"removed {document['rows_removed']:,} events and exposures; in the audit log as {document['audited_as']}"
    )
    if not document["complete"]:
        click.echo("Events on their way may still come in: repeat this in a minute.")
    if document["still_named_in"]:
        click.echo("Still named, for you to change:")
        for place in document["still_named_in"]:
            click.echo(f"  {place}")


def _name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"


def _by_server(url: str, unit: str, actor: str) -> dict[str, Any]:
    from assay.app.definitions import ask_server

    path = f"/api/v1/units/{quote(unit, safe='')}"
    return ask_server(url, "DELETE", path, headers={"X-Actor": quote(actor, safe=" @.")}, seconds=_SECONDS)


def _here(data: Path | None, unit: str, actor: str) -> dict[str, Any]:
    """Here, if nobody has the folder open; else by the server that has."""
    from assay.app.running import announced
    from assay.app.server import build
    from assay.app.settings import Settings

    settings = Settings.from_environment()
    folder = data or settings.data
    if not settings.database_url:
        folder = folder_of(data)
    try:
        app = build(replace(settings, data=folder))
    except Unavailable as in_use:
        url = announced(folder)
        if url is None:
            hint = "give --url with the address of the server that has it open, or stop what has"
            raise Unavailable(
                f"the data folder {folder} is in use, and no server has said where it answers", hint=hint
            ) from in_use
        return _by_server(url, unit, actor)
    try:
        forgotten = app.services.forgetting.forget(unit, actor=actor)
    finally:
        app.close()
    return {
        "rows_removed": forgotten.rows,
        "audited_as": forgotten.audited_as,
        "still_named_in": list(forgotten.named_in),
        "complete": forgotten.complete,
    }
