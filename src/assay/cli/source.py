"""Where a command reads definitions from: a data folder, or a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import InvalidInput

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


def known_experiments(data: Path | None, url: str | None) -> Sequence[Experiment]:
    """Every experiment that ever started, as evaluators know it."""
    from assay.app.definitions import started_experiments

    return started_experiments(url or folder_of(data))
