"""tea-tasting and gbstats on the same comparisons, run by a Python of their own; answers one JSON object.

Both libraries pin versions of NumPy, pandas or DuckDB that Assay does not use.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.peers.moments_job import KINDS, arms


def tea_tasting_of(kind: str) -> Callable[[list[float]], float]:
    """One comparison, from moments to a p-value and intervals."""
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates

    def aggregates(numbers: list[float]) -> Any:
        if kind == "share":
            n, converted = numbers
            p = converted / n
            return Aggregates(count_=int(n), mean_={"a": p}, var_={"a": p * (1 - p) * n / (n - 1)}, cov_={})
        if kind == "mean":
            n, mean, squares = numbers
            return Aggregates(count_=int(n), mean_={"a": mean}, var_={"a": squares / (n - 1)}, cov_={})
        n, a, b, aa, ab, bb = numbers
        return Aggregates(
            count_=int(n),
            mean_={"a": a, "b": b},
            var_={"a": aa / (n - 1), "b": bb / (n - 1)},
            cov_={("a", "b"): ab / (n - 1)},
        )

    metric = {
        "share": lambda: tt.Mean("a", use_t=False, equal_var=True),
        "mean": lambda: tt.Mean("a"),
        "ratio": lambda: tt.RatioOfMeans("a", "b"),
        "cuped": lambda: tt.Mean("a", "b"),
    }[kind]()

    def compare(numbers: list[float]) -> float:
        half = len(numbers) // 2
        return float(metric.analyze_aggregates(aggregates(numbers[half:]), aggregates(numbers[:half])).pvalue)

    return compare


def gbstats_of(kind: str) -> Callable[[list[float]], float]:
    """One comparison, from moments to a p-value and an interval of the difference."""
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import (
        ProportionStatistic,
        RatioStatistic,
        RegressionAdjustedStatistic,
        SampleMeanStatistic,
        compute_theta,
    )

    config = FrequentistConfig(difference_type="absolute")

    def sample(n: float, mean: float, squares: float) -> Any:
        return SampleMeanStatistic(n=int(n), sum=n * mean, sum_squares=squares + n * mean * mean)

    def statistic(numbers: list[float]) -> Any:
        if kind == "share":
            return ProportionStatistic(n=int(numbers[0]), sum=numbers[1])
        if kind == "mean":
            return sample(*numbers)
        n, a, b, aa, ab, bb = numbers
        first, second, both = sample(n, a, aa), sample(n, b, bb), ab + n * a * b
        if kind == "ratio":
            return RatioStatistic(n=int(n), m_statistic=first, d_statistic=second, m_d_sum_of_products=both)
        return RegressionAdjustedStatistic(
            n=int(n), post_statistic=first, pre_statistic=second, post_pre_sum_of_products=both, theta=0.0
        )

    def compare(numbers: list[float]) -> float:
        half = len(numbers) // 2
        t, c = statistic(numbers[:half]), statistic(numbers[half:])
        if kind == "cuped":
            t.theta = c.theta = compute_theta(c, t)
        return float(TwoSidedTTest(c, t, config).compute_result().p_value)

    return compare


def tea_tasting_table(path: str, rounds: int) -> list[float]:
    """Seconds for 10 metrics of a Parquet file through DuckDB, the connection open."""
    import ibis
    import tea_tasting as tt

    table = ibis.duckdb.connect().read_parquet(path)
    metrics: dict[str, Any] = {f"flag{i}": tt.Mean(f"flag{i}", use_t=False, equal_var=True) for i in range(4)}
    metrics |= {f"mean{i}": tt.Mean(f"mean{i}", f"before{i}") for i in range(3)}
    metrics |= {f"above{i}": tt.RatioOfMeans(f"above{i}", f"below{i}") for i in range(3)}
    experiment = tt.Experiment(metrics)
    experiment.analyze(table)
    taken = []
    for _ in range(rounds):
        started = perf_counter()
        experiment.analyze(table)
        taken.append(perf_counter() - started)
    return taken


def seconds_each(compare: Callable[[list[float]], float], jobs: list[list[float]], rounds: int) -> float:
    """The least time of a round, per comparison."""
    gc.collect()
    gc.disable()
    least = float("inf")
    for _ in range(rounds):
        started = perf_counter()
        for numbers in jobs:
            compare(numbers)
        least = min(least, perf_counter() - started)
    gc.enable()
    return least / len(jobs)


def main() -> None:
    """argv: Parquet file, rounds. Prints seconds per comparison and the p-values found, per library and kind."""
    path, rounds = sys.argv[1], int(sys.argv[2])
    jobs = arms()
    answer: dict[str, Any] = {}
    for name, maker in (("tea_tasting", tea_tasting_of), ("gbstats", gbstats_of)):
        for kind in KINDS:
            compare, of_kind = maker(kind), [job[kind] for job in jobs]
            found = [compare(numbers) for numbers in of_kind]
            answer[f"{name}_{kind}"] = {"seconds": seconds_each(compare, of_kind, rounds), "p_values": found}
    answer["tea_tasting_table"] = tea_tasting_table(path, rounds)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
