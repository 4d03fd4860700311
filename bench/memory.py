"""The memory that a compiled snapshot takes, measured in a process that holds nothing else.

Run: python bench/memory.py KIND N traced|resident; it prints megabytes.
"""

from __future__ import annotations

import gc
import os
import sys
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.running import KINDS


def resident() -> int:
    """Bytes of this process in memory, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def traced() -> int:
    """Bytes that Python's allocators hold, now."""
    return tracemalloc.get_traced_memory()[0]


def main() -> None:
    """Compile a snapshot from definitions that are made as they are needed and dropped after, and keep it."""
    from assay.assignment.snapshot import compile_snapshot

    kind, n, how = KINDS[sys.argv[1]], int(sys.argv[2]), sys.argv[3]
    compile_snapshot(kind(10), 1)  # What is imported late is imported now.
    size = resident
    if how == "traced":
        tracemalloc.start()
        size = traced
    gc.collect()
    before = size()
    snapshot = compile_snapshot(kind(n), 1)
    gc.collect()
    after = size()
    if len(snapshot.running) != n:
        raise SystemExit(f"{len(snapshot.running)} of {n} experiments are running")
    print((after - before) / 1e6)


if __name__ == "__main__":
    main()
