"""Assay: an experimentation platform you run yourself.

`assay.analyze(data, unit=…, variant=…, control=…, metrics=[…])` reads a finished experiment from a dataframe or file.
`assay.assign(data, experiment, unit=…, source=…)` gives every row of one its variant.
Importing this package imports nothing heavy; names are loaded when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.version import __version__

if TYPE_CHECKING:
    from assay.notebook import analyze, assign

__all__ = ["__version__", "analyze", "assign"]


def __getattr__(name: str) -> Any:
    if name in ("analyze", "assign"):
        from assay import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'assay' has no attribute {name!r}")
