"""The table of what simulations measured, from the lines they write: `make sim-full`.

Usage: make_simulation_table.py LINES.jsonl OUTPUT.md
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HEAD = """# What simulations measured

Every line is a claim of `tests/sim`: many experiments are replayed with a fixed seed, and the share in which something
happens is counted. Made by `make sim-full`; `make test` runs the same claims with fewer replications.

* **at most**: an error that is kept. For numbers valid at every look it counts experiments that were ever wrong.
* **at least**: something that is there and is found.
* **exactly**: a rate that is neither exceeded nor undercut.
* **exceeds**: a wrong formula, or a method where it is known to fail. The simulation must be able to catch it.

The bound is exact and binomial: when the true rate is the nominal one, the measured rate goes beyond the bound with a
probability of at most one in a million (for "exactly" on either side). Seeds are fixed: every run measures the same.

{sizes}
"""


def page(rows: Iterable[Mapping[str, Any]]) -> str:
    """The whole page, the same for the same lines in any order."""
    areas: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    seen = set()
    for row in rows:
        key = json.dumps(row, sort_keys=True)
        if key not in seen:
            seen.add(key)
            areas[area_of(row)].append(row)
    parts = [HEAD.format(sizes=sizes_of([row for of_area in areas.values() for row in of_area]))]
    for area in sorted(areas):
        parts.append(
            f"\n## {area}\n\n| claim | | nominal | measured | bound | replications |\n|---|---|---:|---:|---:|---:|"
        )
        ordered = sorted(areas[area], key=lambda row: (row["claim"], row["kind"], row["nominal"], row["measured"]))
        parts += [line_of(row) for row in ordered]
    return "\n".join(parts) + "\n"


def sizes_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """How large the simulations were."""
    counted = Counter(int(row["replications"]) for row in rows)
    if not counted:
        return "There are no claims yet."
    usual = max(counted, key=lambda n: (counted[n], n))
    return (
        f"{len(rows):,} claims, most of them ({counted[usual]:,}) from {usual:,} replications. "
        "Slow ones have fewer; what is counted per finding\ninstead of per experiment can have more."
    )


def area_of(row: Mapping[str, Any]) -> str:
    """The test file, in words."""
    name = Path(str(row["test"]).split("::")[0]).stem
    return name.removeprefix("test_").replace("_", " ")


def line_of(row: Mapping[str, Any]) -> str:
    """One row of the table."""
    claim = str(row["claim"]).replace("|", "\\|")
    bound = row["bound"]
    limits = " to ".join(map(percent, bound)) if isinstance(bound, list) else percent(bound)
    numbers = f"{percent(row['nominal'])} | {percent(row['measured'])} | {limits}"
    return f"| {claim} | {row['kind']} | {numbers} | {row['replications']:,} |"


def percent(share: float) -> str:
    """Three decimals and no zeros behind them: exact for up to 100,000 replications that divide it."""
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + " %"


def main() -> None:
    source, target = map(Path, sys.argv[1:3])
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    target.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
