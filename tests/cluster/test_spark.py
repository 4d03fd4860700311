"""Someone's own tables in Spark, on a cluster of its own, agree with plain loops over the same events."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.own_engines import open_engine
from assay.adapters.own_tables import OwnTables
from tests.contract.own_data import TYPES, rows, sources
from tests.contract.test_own_tables import assert_agrees

KINDS = {"text": "string", "time": "timestamp", "number": "double", "whole": "bigint"}


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="pyspark is not installed: make test-cluster installs it")
    if shutil.which("java") is None:
        pytest.skip("no Java found: Spark needs it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = open_engine("spark://local-cluster[2,1,1024]", 60.0)
        yield found
        found.close()


def test_own_tables_agree_with_plain_loops(engine: Any, tmp_path: Path) -> None:
    tables, oracle = rows(31, n_units=60)
    for name, found in tables.items():
        schema = ", ".join(f"`{column}` {KINDS[kind]}" for column, kind in TYPES[name].items())
        engine._session.createDataFrame(found, schema).createOrReplaceTempView(name)
    own = OwnTables(engine, sources("spark://"))
    own.check()
    assert_agrees(own, oracle)
