"""The table of what simulations measured, from the lines they write: `make sim-full`.

Usage: make_simulation_table.py LINES.jsonl OUTPUT.md
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HEAD = """# What simulations measured

Every line is a claim of `tests/sim`: many experiments are replayed with a fixed seed, and the share in which something
happens is counted. "At most": an error that is kept; for numbers valid at every look "wrong" means ever, at any look.
"At least": something that is there and is found. "Exceeds": a wrong formula, or a method where it is known to fail,
which the simulation must be able to catch.

The bound is exact and binomial: a method whose true rate is the nominal one goes beyond it with probability one in a
million. This page was made with up to {most:,} replications a claim; `make sim-full` makes it anew with more, and
`make test` runs the same claims.
"""
KINDS = {"at most": "at most", "at least": "at least", "exceeds": "exceeds"}


def page(rows: Iterable[Mapping[str, Any]]) -> str:
    """The whole page, the same for the same lines in any order."""
    areas: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    seen = set()
    for row in rows:
        key = json.dumps(row, sort_keys=True)
        if key not in seen:
            seen.add(key)
            areas[area_of(row)].append(row)
    most = max((row["replications"] for of_area in areas.values() for row in of_area), default=0)
    parts = [HEAD.format(most=most)]
    for area in sorted(areas):
        parts.append(
            f"\n## {area}\n\n| claim | | nominal | measured | bound | replications |\n|---|---|---:|---:|---:|---:|"
        )
        ordered = sorted(areas[area], key=lambda row: (row["claim"], row["kind"], row["measured"]))
        parts += [line_of(row) for row in ordered]
    return "\n".join(parts) + "\n"


def area_of(row: Mapping[str, Any]) -> str:
    """The test file, in words."""
    name = Path(str(row["test"]).split("::")[0]).stem
    return name.removeprefix("test_").replace("_", " ")


def line_of(row: Mapping[str, Any]) -> str:
    """One row of the table."""
    numbers = " | ".join(f"{100 * row[name]:.3g} %" for name in ("nominal", "measured", "bound"))
    claim = str(row["claim"]).replace("|", "\\|")
    return f"| {claim} | {KINDS[row['kind']]} | {numbers} | {row['replications']:,} |"


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    target.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
