"""How vectors call assay.stats: each module here has CALLS, from a vector's `function` to a callable of its inputs.

A callable takes the vector's inputs as keywords and returns the numbers found, by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

Found = dict[str, Any]


def all_calls() -> dict[str, Callable[..., Found]]:
    """Every call of every module in this folder; a name used twice is an error."""
    calls: dict[str, Callable[..., Found]] = {}
    for item in pkgutil.iter_modules(__path__):
        for name, call in importlib.import_module(f"{__name__}.{item.name}").CALLS.items():
            assert name not in calls, f"two calls are named {name}"
            calls[name] = call
    return calls
