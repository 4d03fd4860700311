"""Decide in this process: `python examples/sdk.py http://127.0.0.1:8000 EXPERIMENT`, beside a running server.

The definitions are fetched once and then looked for in the background; a decision asks nobody. What units met is sent
in the background, too, and at the end. With the server gone the last definitions, kept in a file, go on deciding.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from assay.sdk import Client


def main(url: str, experiment: str) -> None:
    """Give a thousand visitors their variant; one in ten of them buys."""
    cache = Path(tempfile.gettempdir()) / "assay-example-snapshot.json"
    with Client(url, cache=cache) as client:
        if not client.wait_until_ready():
            raise SystemExit(f"no definitions from {url}")
        seen: Counter[str] = Counter()
        for number in range(1_000):
            visitor = f"visitor-{number}"
            decision = client.decide(experiment, visitor, {"country": "US"})
            seen[f"{decision.variant or '–'} ({decision.reason})"] += 1
            if decision.variant is not None and number % 10 == 0:
                client.track(visitor, "buy", {"revenue": 20.0})
        for outcome, count in seen.most_common():
            print(f"{count:>6}  {outcome}")
        client.flush(timeout=30)
        print(f"{client.waiting} events still wait")
    print(f"{client.dropped} events were lost")


if __name__ == "__main__":
    main(*sys.argv[1:3])
