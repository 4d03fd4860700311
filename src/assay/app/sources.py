"""Someone's own tables: the file that describes them, opened."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path

from assay.adapters.own_engines import open_engine
from assay.adapters.own_tables import OwnTables
from assay.adapters.printed_sql import described_questions
from assay.app.settings import Settings
from assay.errors import InvalidInput, NotFound
from assay.model.experiment import Experiment
from assay.model.sources import Sources, read_sources
from assay.service.analyse import request_of


def sources_of(path: Path) -> Sources:
    """The tables that a TOML file describes; SOURCES_URL, where set, is where they are."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFound("file of sources", str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("ASSAY_SOURCES", str(path), f"a file in TOML ({error})") from None
    sources = read_sources(document)
    return replace(sources, url=os.environ.get("SOURCES_URL", sources.url))


def open_sources(settings: Settings) -> OwnTables | None:
    """The tables that analysis reads instead of the warehouse, if any are described."""
    if not settings.sources:
        return None
    sources = sources_of(Path(settings.sources))
    return OwnTables(open_engine(sources.url, settings.query_seconds), sources)


def sql_of(experiment: Experiment, dialect: str, sources: Sources | None) -> list[tuple[str, str]]:
    """What is asked for an experiment's results: for each query what it asks, and its text."""
    return described_questions([request_of(experiment)], dialect, sources)
