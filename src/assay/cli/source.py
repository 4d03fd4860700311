"""Where a command reads definitions from: a data folder, or a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.errors import AssayError, InvalidInput

if TYPE_CHECKING:
    from assay.model.experiment import Experiment

DATA = click.option("--data", type=click.Path(path_type=Path), help="Data folder. Default: ASSAY_DATA or ./assay-data.")
URL = click.option("--url", help="Ask the server at this address instead of reading the data folder.")


def folder_of(data: Path | None) -> Path:
    """The data folder; raises InvalidInput when no server has run there."""
    from assay.app.settings import Settings

    folder = data or Settings.from_environment().data
    if not (folder / "assay.sqlite").exists():
        raise InvalidInput("--data", str(folder), "the data folder of a server that has run, or --url")
    return folder


def ask_server(url: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """A server's answer; raises AssayError with its own words when it refuses, or when there is none."""
    import httpx

    try:
        answer = httpx.request(method, f"{url.rstrip('/')}{path}", json=body, timeout=30)
        document: dict[str, Any] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise AssayError(f"no answer from {url} ({error})", hint="is the server running there?") from None
    if answer.is_error:
        raise AssayError(str(document.get("detail", answer.text)))
    return document


def started_experiments(data: Path | None, url: str | None) -> Sequence[Experiment]:
    """Every experiment that ever started, as evaluators know it."""
    from assay.app.definitions import read_started
    from assay.app.definitions import started_in_document as from_document

    return from_document(ask_server(url, "GET", "/api/v1/snapshot")) if url else read_started(folder_of(data))
