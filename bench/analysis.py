"""Moments of 100 running experiments × 5 metrics out of millions of events, beside bare DuckDB and single queries.

The floor joins the same events to the same exposures, adds up the same five numbers per unit and takes means and
variances per variant, in one plain query. Run: `make bench-analysis`, or with --quick for a short look.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.model.measurement import MomentsRequest
from assay.model.metric import Metric, MetricKind
from assay.ports import InboxBatch
from assay.queries.moments import EMBEDDED, questions_of
from assay.service.eventlines import EventLine, encode_line, event_key
from bench.report import print_last_line

N_EXPERIMENTS, PER_UNIT, NEW_EVENTS = 100, 2, 100_000
START = 1_770_000_000_000_000
METRICS = (
    Metric(key="clicks", kind=MetricKind.COUNT, event="click"),
    Metric(key="seconds", kind=MetricKind.SUM, event="click", field="seconds"),
    Metric(key="bought", kind=MetricKind.CONVERSION, event="buy"),
    Metric(key="revenue", kind=MetricKind.SUM, event="buy", field="revenue"),
    Metric(key="items", kind=MetricKind.SUM, event="buy", field="items"),
)
REQUESTS = [
    MomentsRequest(experiment=f"experiment-{i}", variants=("a", "b"), metrics=METRICS) for i in range(N_EXPERIMENTS)
]

EVENTS = """
INSERT INTO events BY NAME
SELECT md5(i::VARCHAR)::UUID AS key, 'user-' || (hash(i) % {units}) AS unit,
       CASE WHEN i % 10 < 5 THEN 'click' WHEN i % 10 = 8 THEN 'buy' ELSE 'view' END AS type,
       '' AS experiment, {start} + (i * 7919) % (30 * 86400000000) AS occurred_at,
       CASE WHEN i % 10 = 8 THEN MAP {{'revenue': (i % 1000) / 10.0, 'items': i % 5 + 0.0}}
            WHEN i % 10 < 5 THEN MAP {{'seconds': (i % 77) / 7.0}} ELSE MAP {{}} END::MAP(VARCHAR, DOUBLE) AS metrics,
       NULL AS properties, 0 AS loaded
FROM range({events}) AS t(i)
"""
EXPOSURES = """
INSERT INTO exposures BY NAME
SELECT DISTINCT ON (experiment, unit) 'experiment-' || place AS experiment, 'user-' || u AS unit,
       CASE WHEN hash(u, place) % 2 = 0 THEN 'a' ELSE 'b' END AS variant,
       {start} + (hash(u) % 864000)::BIGINT * 1000000 AS first_at, NULL AS context, 0 AS loaded
FROM range({units}) AS t(u), (SELECT unnest([hash(u + k * 7777777) % {n} FOR k IN range({per_unit})]) AS place)
"""
FLOOR = """
WITH per_unit AS (
    SELECT x.experiment, x.variant, x.unit,
           sum(CASE WHEN type = 'click' AND occurred_at >= first_at THEN 1.0 END) AS clicks,
           sum(CASE WHEN type = 'click' AND occurred_at >= first_at THEN metrics['seconds'] END) AS seconds,
           max(CASE WHEN type = 'buy' AND occurred_at >= first_at THEN 1.0 END) AS bought,
           sum(CASE WHEN type = 'buy' AND occurred_at >= first_at THEN metrics['revenue'] END) AS revenue,
           sum(CASE WHEN type = 'buy' AND occurred_at >= first_at THEN metrics['items'] END) AS items
    FROM events JOIN exposures AS x ON x.unit = events.unit
    GROUP BY ALL
)
SELECT experiment, variant, count(*), avg(clicks), var_pop(clicks), avg(seconds), var_pop(seconds), avg(bought),
       var_pop(bought), avg(revenue), var_pop(revenue), avg(items), var_pop(items)
FROM per_unit GROUP BY ALL
"""


def took(action: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = perf_counter()
    action()
    return perf_counter() - began


def fill(path: Path, n_events: int) -> None:
    """A warehouse with so many events of a tenth as many units, each in two experiments."""
    DuckdbWarehouse(path).close()
    values = {"units": n_events // 10, "events": n_events, "start": START, "n": N_EXPERIMENTS, "per_unit": PER_UNIT}
    with duckdb.connect(str(path)) as connection:
        connection.execute(EVENTS.format(**values))
        connection.execute(EXPOSURES.format(**values))


def forget_what_is_kept(path: Path) -> None:
    """As if nobody had ever asked."""
    with duckdb.connect(str(path)) as connection:
        for (table,) in connection.execute("SELECT DISTINCT 'kept_' || id FROM kept_tables").fetchall():
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM kept_tables")
        connection.execute("DELETE FROM kept_experiments")


def floor(path: Path) -> float:
    """Seconds of the bare query."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return took(lambda: connection.execute(FLOOR).fetchall())


def from_nothing(path: Path) -> float:
    """Seconds of the first answer for all experiments, kept for the next one."""
    forget_what_is_kept(path)
    warehouse = DuckdbWarehouse(path, query_seconds=3_600)
    seconds = took(lambda: warehouse.moments(REQUESTS))
    warehouse.close()
    return seconds


def one_by_one(path: Path, requests: Sequence[MomentsRequest]) -> float:
    """Seconds of a query for each experiment."""
    with duckdb.connect(str(path), read_only=True) as connection:

        def ask() -> None:
            for request in requests:
                for question in questions_of([request], EMBEDDED):
                    connection.execute(question.sql).fetchall()

        return took(ask)


def new_lines(n_units: int, turn: int) -> tuple[bytes, ...]:
    """New events of which one in twenty is the first exposure of a unit that sent events before."""
    lines = []
    for i in range(NEW_EVENTS):
        unit, at = f"user-{(i * 7919 + turn) % n_units}", START + 29 * 86_400_000_000 + i
        is_exposure = i % 20 == 0
        experiment = f"experiment-{i % N_EXPERIMENTS}" if is_exposure else ""
        kind = "exposure" if is_exposure else "click"
        metrics = {} if is_exposure else {"seconds": 1.5}
        key = event_key(unit, f"new-{turn}-{i}", kind, at, experiment)
        lines.append(encode_line(EventLine(key, unit, kind, experiment, "a" if is_exposure else None, at, metrics, {})))
    return tuple(lines)


def refreshes(path: Path, n_units: int, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of asking again with nothing new; of loading 100,000 events; of asking after that."""
    warehouse = DuckdbWarehouse(path, query_seconds=3_600)
    warehouse.moments(REQUESTS)
    again, loads, after = [], [], []
    for turn in range(rounds):
        again.append(took(lambda: warehouse.moments(REQUESTS)))
        batch = InboxBatch(new_lines(n_units, turn), warehouse.position() + 1)
        loads.append(took(lambda batch=batch: warehouse.load(batch)))  # type: ignore[misc]
        after.append(took(lambda: warehouse.moments(REQUESTS)))
    warehouse.close()
    return again, loads, after


def measure(n_events: int, rounds: int, n_single: int) -> dict[str, float]:
    """All times of one size, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        fill(path, n_events)
        floors, firsts, singles = [], [], []
        for _ in range(rounds):
            floors.append(floor(path))
            firsts.append(from_nothing(path))
            singles.append(one_by_one(path, REQUESTS[:n_single]) * N_EXPERIMENTS / n_single)
        again, loads, after = refreshes(path, n_events // 10, rounds)
    middle = statistics.median
    return {
        "floor": middle(floors),
        "first": middle(firsts),
        "one_by_one": middle(singles),
        "again": middle(again),
        "load": middle(loads),
        "refresh": middle(after),
        "vs_floor": middle(a / b for a, b in zip(firsts, floors, strict=True)),
        "vs_one_by_one": middle(a / b for a, b in zip(firsts, singles, strict=True)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, one round")
    quick = parser.parse_args().quick
    sizes = (100_000, 1_000_000) if quick else (1_000_000, 10_000_000, 50_000_000)
    chosen = sizes[1]
    found = {}
    print(f"{N_EXPERIMENTS} experiments x {len(METRICS)} metrics, each unit in {PER_UNIT}; seconds")
    names = ("floor", "first", "one_by_one", "again", "load", "refresh")
    print(f"{'events':>12}" + "".join(f"{name:>12}" for name in names) + f"{'first/floor':>13}")
    for n_events in sizes:
        is_chosen = n_events == chosen
        found[n_events] = measure(n_events, 1 if quick or n_events > chosen else 3, 100 if is_chosen else 5)
        cells = "".join(f"{found[n_events][name]:>12.3f}" for name in names)
        print(f"{n_events:>12,}{cells}{found[n_events]['vs_floor']:>13.2f}", flush=True)
    at, largest = found[chosen], found[sizes[-1]]
    print("first: nothing kept yet. again: nothing new. refresh: after 100,000 new events. one_by_one: 100 queries,")
    print(f"all of them at {chosen:,} events, from five of them elsewhere.")
    print_last_line(
        "analysis",
        {"time_vs_duckdb_floor": at["vs_floor"], "time_vs_query_per_experiment": at["vs_one_by_one"]},
        {
            "first_s": at["first"],
            "refresh_s": at["refresh"],
            "refresh_share_of_first": at["refresh"] / at["first"],
            "largest_first_s": largest["first"],
            "largest_refresh_s": largest["refresh"],
        },
    )


if __name__ == "__main__":
    main()
