"""Plug-ins that are installed beside Assay, found by their entry points."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path

import structlog

from assay.assignment.plugins import GROUP, Randomizer
from assay.model.table import Snippet
from assay.stats.registry import NamedTest, plugged

TESTS = "assay.tests"
"""The entry point group of statistical tests."""
SNIPPETS = {"filters": "assay.filters", "transforms": "assay.transformers", "aggregations": "assay.aggregators"}
"""What a snippet is for → its entry point group."""

_log = structlog.get_logger("assay.plugins")


def _points(group: str) -> EntryPoints:
    """The entry points of a group. Finding them reads every installed package's metadata, so they are kept until a
    folder of the path changes."""
    folders = [Path(name or ".") for name in sys.path]
    stamps = tuple((str(folder), folder.stat().st_mtime_ns) for folder in folders if folder.is_dir())
    return _points_at(group, stamps)


@lru_cache(maxsize=32)
def _points_at(group: str, stamps: tuple[tuple[str, int], ...]) -> EntryPoints:
    return entry_points(group=group)


def installed_randomizers() -> Mapping[str, Randomizer]:
    """Randomisers by the name of their entry point. One that cannot be loaded is logged and left out."""
    found: dict[str, Randomizer] = {}
    for point in _points(GROUP):
        try:
            loaded = point.load()
            randomizer = loaded() if isinstance(loaded, type) else loaded
            if not all(callable(getattr(randomizer, name, None)) for name in ("choose", "probabilities")):
                raise TypeError("it has no choose and probabilities")
            found[point.name] = randomizer
        except Exception:
            _log.exception("randomiser cannot be loaded", name=point.name)
    return found


def installed_tests() -> Mapping[str, NamedTest]:
    """Statistical tests by the name of their entry point. One that cannot be used is logged and left out."""
    found: dict[str, NamedTest] = {}
    for point in _points(TESTS):
        try:
            loaded = point.load()
            found[point.name] = plugged(point.name, loaded() if isinstance(loaded, type) else loaded)
        except Exception:
            _log.exception("test cannot be loaded", name=point.name)
    return found


def installed_snippets() -> Mapping[str, Mapping[str, Snippet]]:
    """SQL snippets by what they are for and the name of their entry point: an object with `sql` and `title`."""
    return {purpose: _snippets(purpose, group) for purpose, group in SNIPPETS.items()}


def _snippets(purpose: str, group: str) -> dict[str, Snippet]:
    found: dict[str, Snippet] = {}
    for point in _points(group):
        try:
            loaded = point.load()
            found[point.name] = Snippet(point.name, loaded.sql, str(getattr(loaded, "title", "")))
        except Exception:
            _log.exception("snippet cannot be used", purpose=purpose, name=point.name)
    return found
