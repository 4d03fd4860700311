"""Writes examples/headlines.csv.gz: one row per impression of the headline test that ships with the package.

The archive says how many impressions and clicks each headline had, so the rows follow from those counts.
"""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

from assay.cli.replay import load_archive


def rows() -> list[tuple[str, str, int]]:
    """(visitor, headline, clicked), visitors numbered through."""
    found = []
    for arm in load_archive().arms:
        for i in range(arm.impressions):
            found.append((f"visitor-{len(found):05d}", arm.variant, int(i < arm.clicks)))
    return found


def text() -> str:
    """The table as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("visitor", "headline", "clicked"))
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    target = Path(__file__).with_name("headlines.csv.gz")
    target.write_bytes(gzip.compress(text().encode(), mtime=0))
    print(f"{target}: {len(rows()):,} rows")
