"""What every benchmark ends with: a table for people, and one line of JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping


def print_last_line(bench: str, ratios: Mapping[str, float], figures: Mapping[str, float]) -> None:
    """One JSON object. Ratios are ours ÷ theirs: time_vs_… smaller is better, rate_vs_… larger is better."""

    def rounded(values: Mapping[str, float]) -> dict[str, float]:
        return {name: float(f"{value:.4g}") for name, value in values.items()}

    print(json.dumps({"bench": bench, "ratios": rounded(ratios), "figures": rounded(figures)}))
