"""Assay: an experimentation platform you run yourself.

`assay.analyze(data, unit=…, variant=…, control=…, metrics=[…])` reads a finished experiment from a dataframe or file.
Importing this package imports nothing heavy; names are loaded when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.version import __version__

if TYPE_CHECKING:
    from assay.notebook import analyze

__all__ = ["__version__", "analyze"]


def __getattr__(name: str) -> Any:
    if name == "analyze":
        from assay.notebook import analyze

        return analyze
    raise AttributeError(f"module 'assay' has no attribute {name!r}")
