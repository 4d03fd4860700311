"""SQL snippets for tables: those that come with Assay, those installed beside it, and what may stand in one."""

from __future__ import annotations

from collections.abc import Mapping

from assay.errors import InvalidInput
from assay.model.table import Snippet

BUILT_IN: Mapping[str, Mapping[str, Snippet]] = {
    "filters": {},
    "transforms": {
        "log1p": Snippet("log1p", "ln(1 + value)", "log of 1 + value"),
        "sqrt": Snippet("sqrt", "sqrt(value)", "square root"),
        "is_positive": Snippet("is_positive", "CASE WHEN value > 0 THEN 1.0 ELSE 0.0 END", "above 0"),
    },
    "aggregations": {
        "min": Snippet("min", "min(value)", "smallest"),
        "max": Snippet("max", "max(value)", "largest"),
        "median": Snippet("median", "quantile_cont(value, 0.5)", "median of the rows"),
        "p90": Snippet("p90", "quantile_cont(value, 0.9)", "90th percentile of the rows"),
        "distinct": Snippet("distinct", "count(DISTINCT value)", "different values"),
    },
}


def snippet(purpose: str, name: str, installed: Mapping[str, Mapping[str, Snippet]]) -> Snippet:
    """A snippet by its name. purpose: filters, transforms or aggregations. Raises InvalidInput for an unknown one."""
    known = {**BUILT_IN[purpose], **installed.get(purpose, {})}
    if name not in known:
        raise InvalidInput(purpose, name, ", ".join(sorted(known)) or "nothing: none is installed")
    return known[name]
