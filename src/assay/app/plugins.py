"""Plug-ins that are installed beside Assay, found by their entry points."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

import structlog

from assay.assignment.plugins import GROUP, Randomizer
from assay.model.table import Snippet
from assay.stats.registry import NamedTest, plugged

TESTS = "assay.tests"
"""The entry point group of statistical tests."""
SNIPPETS = {"filters": "assay.filters", "transforms": "assay.transformers", "aggregations": "assay.aggregators"}
"""What a snippet is for → its entry point group."""

_log = structlog.get_logger("assay.plugins")


def installed_randomizers() -> Mapping[str, Randomizer]:
    """Randomisers by the name of their entry point. One that cannot be loaded is logged and left out."""
    found: dict[str, Randomizer] = {}
    for point in entry_points(group=GROUP):
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
    for point in entry_points(group=TESTS):
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
    for point in entry_points(group=group):
        try:
            loaded = point.load()
            found[point.name] = Snippet(point.name, loaded.sql, str(getattr(loaded, "title", "")))
        except Exception:
            _log.exception("snippet cannot be used", purpose=purpose, name=point.name)
    return found
