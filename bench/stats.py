"""Microseconds per comparison, and milliseconds from a Parquet file to a result, beside peers and bare DuckDB.

The peers run in a Python of their own in the same run, on the same comparisons, and must find our p-values.
Run: `make bench-stats`, or with --quick for a short look.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb
import numpy as np

from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.notebook import analyze
from assay.stats.batch import Column, Columns, many_cuped, many_means, many_ratios, many_shares
from assay.stats.fixed.core import cuped_t, ratio_t, two_proportion_z, welch_t
from bench.peers.moments_job import KINDS, arms
from bench.report import print_last_line

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv" / "peers-stats" / "bin" / "python"
METRICS = (
    *(f"conversion:flag{i}" for i in range(4)),
    *(f"sum:mean{i}" for i in range(3)),
    *(f"ratio:above{i}/below{i}" for i in range(3)),
)
MANY = 1_000


def one_by_one(kind: str) -> Callable[[Any, Any], Any]:
    """Our test of a kind."""
    return {"share": two_proportion_z, "mean": welch_t, "ratio": ratio_t, "cuped": cuped_t}[kind]


def prepared(kind: str, numbers: list[float]) -> tuple[Any, Any]:
    """Both arms as our tests take them: what a warehouse's answer becomes."""
    half = len(numbers) // 2
    pair = []
    for arm in (numbers[:half], numbers[half:]):
        if kind == "share":
            pair.append((int(arm[1]), int(arm[0])))
        elif kind == "mean":
            pair.append(Moments(int(arm[0]), (VALUE,), (arm[1],), (arm[2],)))
        else:
            columns = (VALUE, DENOMINATOR if kind == "ratio" else COVARIATE)
            pair.append(Moments(int(arm[0]), columns, tuple(arm[1:3]), tuple(arm[3:])))
    return pair[0], pair[1]


def together(kind: str, jobs: list[list[float]]) -> Callable[[], Any]:
    """Our array form over MANY comparisons."""
    table = np.array([jobs[i % len(jobs)] for i in range(MANY)]).T
    t, c = table[: len(table) // 2], table[len(table) // 2 :]
    if kind == "share":
        return lambda: many_shares(t[1], t[0], c[1], c[0])
    if kind == "mean":
        return lambda: many_means(Column(*t), Column(*c))
    many = many_ratios if kind == "ratio" else many_cuped
    return lambda: many(Columns(*t), Columns(*c))


def seconds_each(call: Callable[[], Any], n: int, rounds: int) -> float:
    """The least time of a round, per comparison."""
    gc.collect()
    gc.disable()
    least = float("inf")
    for _ in range(rounds):
        started = perf_counter()
        call()
        least = min(least, perf_counter() - started)
    gc.enable()
    return least / n


def write_units(path: Path, n: int) -> None:
    """A Parquet file of n units with four flags, three means with what was before, and three ratios."""
    with duckdb.connect() as connection:
        connection.execute("SELECT setseed(0.5)")
        flags = ", ".join(f"(random() < {p})::TINYINT AS flag{i}" for i, p in enumerate((0.001, 0.01, 0.05, 0.3)))
        befores = ", ".join(f"exp(random() * 3) AS before{i}" for i in range(3))
        belows = ", ".join(f"1 + floor(random() * 9)::INTEGER AS below{i}" for i in range(3))
        means = ", ".join(f"before{i} * 0.5 + exp(random() * 3) AS mean{i}" for i in range(3))
        aboves = ", ".join(f"floor(random() * below{i})::INTEGER AS above{i}" for i in range(3))
        connection.execute(
            f"COPY (SELECT *, {means}, {aboves} FROM (SELECT i AS unit, CASE WHEN random() < 0.5 THEN 'treatment' "
            f"ELSE 'control' END AS variant, {flags}, {befores}, {belows} FROM range({n}) AS t(i))) "
            f"TO '{path}' (FORMAT parquet)"
        )


def bare_queries(path: Path) -> dict[str, str]:
    """The same aggregates by hand: plain sums of products, and DuckDB's own variances and covariances."""
    pairs = [(f"mean{i}", f"before{i}") for i in range(3)] + [(f"above{i}", f"below{i}") for i in range(3)]
    flags = [f"flag{i}" for i in range(4)]
    sums = [f"sum({name})" for name in flags]
    own = [f"avg({name})" for name in flags]
    for a, b in pairs:
        sums += [f"sum({a})", f"sum({b})", f"sum({a} * {a})", f"sum({a} * {b})", f"sum({b} * {b})"]
        own += [f"avg({a})", f"avg({b})", f"var_pop({a})", f"covar_pop({a}, {b})", f"var_pop({b})"]
    start, end = "SELECT variant, count(*), ", f" FROM '{path}' GROUP BY variant"
    return {
        "sums": start + ", ".join(sums) + end,
        "variances": start + ", ".join(own) + end,
        "units": f"SELECT count(*), count(unit), count(DISTINCT unit) FROM '{path}'",
    }


def end_to_end(path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds per round: ours with and without a unit column, and bare DuckDB, in turns."""
    covariates = {f"mean{i}": f"before{i}" for i in range(3)}

    def ours(unit: str | None) -> Callable[[], Any]:
        return lambda: analyze(
            path, unit=unit, variant="variant", control="control", metrics=METRICS, covariates=covariates
        )

    with duckdb.connect() as connection:
        ways: dict[str, Callable[[], Any]] = {"ours": ours(None), "ours_by_unit": ours("unit")}
        for name, sql in bare_queries(path).items():
            ways[name] = lambda sql=sql: connection.execute(sql).fetchall()
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds + 1):
            for name, way in ways.items():
                started = perf_counter()
                way()
                if turn:
                    taken[name].append(perf_counter() - started)
    return taken


def peers(path: Path, rounds: int) -> dict[str, Any] | None:
    """What the peers' Python answers; None, with a word, where it is not installed."""
    if not PEERS.exists():
        print("tea-tasting and gbstats are not installed: `make bench-stats` installs them beside")
        return None
    done = subprocess.run(
        [str(PEERS), str(ROOT / "bench" / "peers" / "moments_peers.py"), str(path), str(rounds)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"the peers failed: {done.stderr.strip().splitlines()[-1]}")
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def median_ratio(above: list[float], below: list[float]) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n, rounds = (50_000, 3) if quick else (1_000_000, 15)
    ratios: dict[str, float] = {}
    figures: dict[str, float] = {}
    jobs = arms()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "units.parquet"
        write_units(path, n)
        elsewhere = peers(path, 3 if quick else 15)
        print(f"{'comparison':<10} {'µs, ours':>10} {'µs of many':>11} {'tea-tasting':>12} {'gbstats':>10}")
        for kind in KINDS:
            of_kind = [job[kind] for job in jobs]
            pairs, test = [prepared(kind, numbers) for numbers in of_kind], one_by_one(kind)
            ours = seconds_each(lambda pairs=pairs, test=test: [test(t, c) for t, c in pairs], len(pairs), 20 * rounds)
            many = seconds_each(together(kind, of_kind), MANY, 20 * rounds)
            figures[f"us_{kind}"], figures[f"us_{kind}_of_many"] = ours * 1e6, many * 1e6
            shown = []
            for peer in ("tea_tasting", "gbstats"):
                if elsewhere is None:
                    shown.append("–")
                    continue
                of_peer = elsewhere[f"{peer}_{kind}"]
                agree(peer, kind, [float(test(t, c).p_value) for t, c in pairs], of_peer["p_values"])
                ratios[f"time_vs_{peer}_{kind}"] = ours / of_peer["seconds"]
                figures[f"us_{peer}_{kind}"] = of_peer["seconds"] * 1e6
                shown.append(f"{of_peer['seconds'] * 1e6:.0f}")
            print(f"{kind:<10} {ours * 1e6:>10.2f} {many * 1e6:>11.3f} {shown[0]:>12} {shown[1]:>10}")
        for peer in ("tea_tasting", "gbstats"):
            mine = [value for name, value in ratios.items() if name.startswith(f"time_vs_{peer}_")]
            if mine:
                ratios[f"time_vs_{peer}"] = max(mine)
        taken = end_to_end(path, rounds)
        by_unit = [a + b for a, b in zip(taken["sums"], taken["units"], strict=True)]
        ratios["time_vs_duckdb_floor"] = median_ratio(taken["ours"], taken["sums"])
        ratios["time_vs_duckdb_variances"] = median_ratio(taken["ours"], taken["variances"])
        ratios["by_unit_time_vs_duckdb_floor"] = median_ratio(taken["ours_by_unit"], by_unit)
        for name, seconds in taken.items():
            figures[f"ms_{name}"] = statistics.median(seconds) * 1e3
        if elsewhere is not None:
            theirs = statistics.median(elsewhere["tea_tasting_table"])
            figures["ms_tea_tasting_table"] = theirs * 1e3
            ratios["table_time_vs_tea_tasting"] = statistics.median(taken["ours"]) / theirs
    print(f"\n{n:,} units × 10 metrics from Parquet to results, median ms:")
    for name in ("ours", "sums", "variances", "ours_by_unit", "units", "tea_tasting_table"):
        if f"ms_{name}" in figures:
            print(f"  {name:<18} {figures[f'ms_{name}']:8.1f}")
    print_last_line("stats", ratios, figures)


def agree(peer: str, kind: str, ours: list[float], theirs: list[float]) -> None:
    """Stop unless the peer does the same job: shares may be pooled or not, which moves a p-value by little."""
    slack = 0.02 if kind == "share" else 1e-3
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    if worst > slack:
        raise SystemExit(f"{peer} finds other p-values for {kind}: they differ by up to {worst:.3g}")


if __name__ == "__main__":
    main()
