"""The errors that approximate answers state, measured: units within a few standard errors, quantiles by their rank."""

from __future__ import annotations

import statistics

import duckdb
import numpy as np
import pytest

from assay.adapters.duckdb_activity import RANK_ERROR, UNITS_ERROR

REPLICATIONS = 40


@pytest.mark.parametrize("n_units", [100, 10_000, 200_000])
def test_the_standard_error_of_units_is_what_is_said(n_units: int) -> None:
    with duckdb.connect() as connection:
        query = "SELECT approx_count_distinct('u' || $1 || '-' || i) FROM range($2) AS t(i)"
        errors = [connection.execute(query, [s, n_units]).fetchall()[0][0] / n_units - 1 for s in range(REPLICATIONS)]
    # A chi-square with 40 degrees of freedom is above 1.7 times its mean once in 250 samples.
    assert statistics.fmean(error * error for error in errors) < 1.7 * UNITS_ERROR**2
    assert any(error != 0 for error in errors)


@pytest.mark.parametrize("shape", ["lognormal", "normal", "whole"])
def test_the_rank_error_of_quantiles_is_below_what_is_said(shape: str) -> None:
    rng = np.random.default_rng(7)
    values = {
        "lognormal": rng.lognormal(3, 1, 300_000),
        "normal": rng.normal(1e6, 1, 300_000),
        "whole": rng.poisson(3, 300_000).astype(float),
    }[shape]
    ordered = np.sort(values)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest($1) AS x", [values.tolist()])
        for share in (0.01, 0.25, 0.5, 0.9, 0.99):
            row = connection.execute(f"SELECT approx_quantile(x, {share}) FROM t").fetchone()
            assert row is not None
            low = np.searchsorted(ordered, row[0], "left") / len(ordered)
            high = np.searchsorted(ordered, row[0], "right") / len(ordered)
            assert low - RANK_ERROR <= share <= high + RANK_ERROR
