"""`assay import`: into a data folder and to a server, in one go or many, counted once."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import assay
from assay.app.server import build
from assay.app.settings import Settings
from assay.cli.main import cli
from assay.cli.replay import load_archive
from assay.errors import AssayError, InvalidInput, NotFound, Unavailable
from assay.model.result import ExperimentResult
from tests.http.conftest import LiveServer, app, live

__all__ = ["app", "live"]
SHARED = Path(os.environ.get("ASSAY_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, ["import", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def write_csv(path: Path, header: str, rows: Sequence[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def loaded(folder: Path) -> tuple[list[tuple[Any, ...]], list[ExperimentResult]]:
    """Everything in the warehouse, sorted, and the results once all is loaded and analysed."""
    system = build(Settings(data=folder))
    services = system.services
    gathering = services.analysing.gathering()
    services.loading.load_all()
    results = services.analysing.analyse(gathering)
    system.close()
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        events = "SELECT unit, type, experiment, occurred_at, CAST(metrics AS VARCHAR), key::VARCHAR FROM events"
        rows = connection.execute(f"{events} ORDER BY ALL").fetchall()
        rows += connection.execute("SELECT experiment, unit, variant, first_at FROM exposures ORDER BY ALL").fetchall()
    return rows, results


def headlines(tmp_path: Path) -> Path:
    """The headline test that ships with the package, a row per visitor."""
    rows = [
        f"{arm.variant}-{i},{arm.variant},{'true' if i < arm.clicks else 'false'}"
        for arm in load_archive().arms
        for i in range(arm.impressions)
    ]
    return write_csv(tmp_path / "headlines.csv", "visitor_id,variant,click", rows)


def assert_as_analyzed(found: ExperimentResult, wanted: ExperimentResult) -> None:
    assert found.units == wanted.units
    assert found.sample_ratio.p_value == wanted.sample_ratio.p_value
    assert [metric.metric for metric in found.metrics] == [metric.metric for metric in wanted.metrics]
    for mine, theirs in zip(found.metrics, wanted.metrics, strict=True):
        for arm, other in zip(mine.arms, theirs.arms, strict=True):
            assert (arm.variant, arm.n_units) == (other.variant, other.n_units)
            assert arm.value == pytest.approx(other.value, rel=1e-12)
            assert arm.standard_deviation == pytest.approx(other.standard_deviation, rel=1e-9)
        for one, other_one in zip(mine.comparisons, theirs.comparisons, strict=True):
            assert one.p_value == pytest.approx(other_one.p_value, rel=1e-6)
            assert one.absolute == pytest.approx(other_one.absolute, rel=1e-9)


def test_an_imported_experiment_has_the_result_of_its_file(tmp_path: Path) -> None:
    path = headlines(tmp_path)
    arguments = (path, "--experiment", "headlines", "--at", "2014-09-15", "--metric", "conversion:click")
    said = run(*arguments, "--create", "--data", tmp_path / "data").output
    assert "headlines is ended" in said
    _, (found,) = loaded(tmp_path / "data")
    assert found.final
    wanted = assay.analyze(
        str(path),
        unit="visitor_id",
        variant="variant",
        control="control",
        metrics=["conversion:click"],
        method="sequential",
    ).result
    assert_as_analyzed(found, wanted)


@pytest.mark.skipif(not (SHARED / "index.json").is_file(), reason="public data sets not found: set ASSAY_SHARED_DATA")
def test_a_public_experiment_has_the_result_of_its_file(tmp_path: Path) -> None:
    path = SHARED / "ex_cookie_cats.parquet"
    metrics = ("conversion:retention_7", "conversion:retention_1", "mean:sum_gamerounds")
    options = [word for metric in metrics for word in ("--metric", metric)]
    mapping = ("--unit", "userid", "--variant", "version", "--experiment", "cats", "--at", "2017-01-01", *options)
    run(path, *mapping, "--create", "--control", "gate_30", "--data", tmp_path / "data")
    _, (found,) = loaded(tmp_path / "data")
    wanted = assay.analyze(
        str(path), unit="userid", variant="version", control="gate_30", metrics=list(metrics), method="sequential"
    ).result
    assert found.n_units == 90_189
    assert_as_analyzed(found, wanted)


EVENTS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "1", "2.5"])), max_size=12)


@given(rows=EVENTS, cut=st.integers(0, 12))
def test_one_go_two_runs_and_twice_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], cut: int
) -> None:
    from assay.adapters.duckdb_history import DuckdbHistory
    from assay.adapters.memory_warehouse import MemoryWarehouse
    from assay.model.history import HistoryMapping, HistoryRules, MetricColumn
    from assay.ports import InboxBatch

    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    write_csv(path, "user_id,amount", [f"{unit},{amount}" for unit, amount in rows])
    history = DuckdbHistory(path)
    when = assay_time()
    mapping = HistoryMapping(at=when, event="buy", metrics=(MetricColumn("amount", "amount"),)).completed(
        list(history.columns())
    )

    def lines(after: int) -> list[bytes]:
        batches = history.batches(mapping, HistoryRules(latest=2**60, known=[]), after)
        return [text.encode() for batch in batches for text in batch.texts]

    whole = lines(0)
    assert len(whole) == len(rows)
    ways = ([whole], [whole[: min(cut, len(rows))], lines(min(cut, len(rows)))], [whole, whole])
    for way in ways:
        warehouse = MemoryWarehouse()
        added = [
            warehouse.load(InboxBatch(tuple(part), position)) for position, part in enumerate(way, start=1) if part
        ]
        assert sum(added) == len(rows)
    history.close()


def assay_time() -> Any:
    from datetime import datetime, timezone

    return datetime(2025, 1, 1, tzinfo=timezone.utc)


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    rows = ["ann,2025-01-02,5", "bob,2025-01-02,5", "ann,2025-01-02,5"]
    path = write_csv(tmp_path / "rows.csv", "user_id,time,amount", rows)
    build(Settings(data=tmp_path / "data")).close()
    arguments = (path, "--event", "buy", "--metric", "amount", "--data", tmp_path / "data")
    assert "3 rows read: 0 exposures, 3 events, 0 refused" in run(*arguments).output
    once, _ = loaded(tmp_path / "data")
    run(*arguments)
    again, _ = loaded(tmp_path / "data")
    assert len(once) == 3
    assert once == again


def test_bad_rows_are_named_written_down_and_counted(tmp_path: Path) -> None:
    build(Settings(data=tmp_path / "data")).close()
    rows = ["ann,2025-01-02,5", "bob,soon,5", "cid,2025-01-02,much", ",2025-01-02,1", "dan,2025-01-02"]
    path = write_csv(tmp_path / "rows.csv", "user_id,time,amount", [*rows, "eve,2025-01-02,7"])
    arguments = (path, "--event", "buy", "--metric", "amount", "--data", tmp_path / "data")
    said = run(*arguments, "--rejects", tmp_path / "bad.jsonl").output
    assert "2 events, 4 refused" in said
    assert 'row 2 refused: time: given "soon"; accepted: a time in ISO 8601' in said
    bad = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert [(row["number"], row["field"]) for row in bad] == [(6, "line"), (2, "time"), (3, "amount"), (4, "user_id")]
    assert bad[1]["row"] == {"user_id": "bob", "time": "soon", "amount": "5"}
    with pytest.raises(AssayError, match="4 rows were refused, more than 3"):
        run(*arguments, "--max-errors", "3")
    run(*arguments, "--max-errors", "4")
    path = write_csv(tmp_path / "all.csv", "user_id,time,amount", rows[1:3])
    with pytest.raises(AssayError, match="no row could be imported"):
        run(path, "--event", "buy", "--metric", "amount", "--data", tmp_path / "data")


def test_a_dry_run_shows_the_mapping_and_writes_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", "user_id,ts,variant", ["ann,2025-01-02,green"])
    said = run(path, "--experiment", "shop", "--dry-run", "--data", tmp_path / "data").output
    for words in ("unit        column user_id", "time        column ts", "always shop", "ann | 2025-01-02 | green"):
        assert words in said
    assert not (tmp_path / "data").exists()


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", "user_id,ts,variant", ["ann,2025-01-02,green", "bob,2025-01-02,red"])
    folder = ("--data", tmp_path / "data")
    with pytest.raises(NotFound, match="known: user_id, ts, variant"):
        run(path, "--unit", "who", "--event", "x", *folder)
    with pytest.raises(InvalidInput, match="--data"):
        run(path, "--event", "x", *folder)
    with pytest.raises(InvalidInput, match="--table"):
        run(*folder)
    with pytest.raises(InvalidInput, match="--metric"):
        run(path, "--metric", "=x", *folder)
    with pytest.raises(InvalidInput, match="--at"):
        run(path, "--at", "now", *folder)
    build(Settings(data=tmp_path / "data")).close()
    with pytest.raises(NotFound, match=r"no experiment \"shop\" \(--create makes it"):
        run(path, "--experiment", "shop", *folder)
    with pytest.raises(InvalidInput, match=r"--control: given null; accepted: one of the variants green, red"):
        run(path, "--experiment", "shop", "--metric", "x=ts", "--create", *folder)
    with pytest.raises(InvalidInput, match="--create"):
        run(path, "--experiment", "shop", "--create", "--url", "http://127.0.0.1:9", *folder)


def test_a_draft_says_how_its_history_is_measured(tmp_path: Path, live: LiveServer) -> None:
    rows = [f"u{i},{'red' if i % 4 == 0 else 'control'},{i % 7}" for i in range(400)]
    path = write_csv(tmp_path / "rows.csv", "user_id,arm,spent", rows)
    draft = {
        "id": "shop",
        "name": "Shop",
        "variants": [{"id": "control", "traffic_allocation": 0.75}, {"id": "red", "traffic_allocation": 0.25}],
        "primary_metric": {
            "name": "median_spent",
            "type": "quantile",
            "event": "spent",
            "field": "value",
            "quantile": 0.5,
        },
    }
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False) as client:
        created = client.post("/experiments", json=draft)
        assert created.status_code == 201, created.text
        options = ("--experiment", "shop", "--at", "2025-03-01", "--metric", "spent", "--data", tmp_path / "data")
        with pytest.raises(AssayError, match="has not been started"):
            run(path, *options)
        run(path, *options, "--create")
        deadline = time.monotonic() + 30
        while (found := client.get("/experiments/shop/results").json()).get("total_users_exposed") != 400:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        shown = client.get("/experiments/shop").json()
        assert (shown["status"], shown["started_at"][:10]) == ("completed", "2025-03-01")
        actions = [change["action"] for change in client.get("/experiments/shop/audit").json()["changes"]]
        assert actions[:3] == ["create", "import", "stop"]


def test_to_a_server_under_the_rules_of_live_events(tmp_path: Path, live: LiveServer) -> None:
    body = {
        "id": "shop",
        "name": "shop",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
    }
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False) as client:
        client.post("/experiments", json=body).raise_for_status()
        client.post("/experiments/shop/start").raise_for_status()
        now = time.time()
        rows = [f"u{i},{now},exposure,{'control' if i % 2 else 'green'}" for i in range(250)]
        rows += [f"u{i},{now},buy," for i in range(100)]
        rows += [f"u1,{now - 100 * 86_400},buy,", f"u2,{now},exposure,blue"]
        path = write_csv(tmp_path / "rows.csv", "user_id,time,type,variant", rows)
        arguments = (path, "--experiment", "shop", "--url", live.url, "--data", tmp_path / "here")
        for _ in range(2):
            said = run(*arguments).output
            assert "2 refused" in said
            assert (
                'row 352 refused: experiments[0].variant_id: given "blue"; accepted: one of control, green'
                in said.replace('\\"', '"')
            )
        deadline = time.monotonic() + 30
        while True:
            found = client.get("/experiments/shop/results").json()
            if found.get("total_users_exposed") == 250 or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert found["total_users_exposed"] == 250
        assert sum(round(v["metrics"]["bought"]["value"] * v["users_exposed"]) for v in found["variants"]) == 100


def test_a_server_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.adapters.http_sink.PATIENCE_SECONDS", 0.0)
    path = write_csv(tmp_path / "rows.csv", "user_id,time", ["ann,2025-01-02"])
    with pytest.raises(Unavailable, match=r"no answer from http://127\.0\.0\.1:9"):
        run(path, "--event", "x", "--url", "http://127.0.0.1:9", "--data", tmp_path)


def test_tables_of_sqlite(tmp_path: Path) -> None:
    build(Settings(data=tmp_path / "data")).close()
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE orders (customer INTEGER, paid_at TEXT, amount REAL)")
        rows = [(i % 10, f"2025-01-{1 + i % 28:02}", i / 4) for i in range(5_000)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    connection.close()
    mapping = ("--unit", "customer", "--time", "paid_at", "--event", "order", "--metric", "amount")
    for address in (str(tmp_path / "shop.db"), f"sqlite:///{tmp_path / 'shop.db'}"):
        said = run("--from", address, "--table", "orders", *mapping, "--data", tmp_path / "data").output
        assert "5,000 events, 0 refused" in said
    assert len(loaded(tmp_path / "data")[0]) == 5_000
    with pytest.raises(NotFound, match="known: orders"):
        run("--from", tmp_path / "shop.db", "--table", "order", *mapping, "--data", tmp_path / "data")
    for address in ("no address", "nosuchbase://host/db"):
        with pytest.raises(InvalidInput, match="--from"):
            run("--from", address, "--table", "orders", *mapping, "--data", tmp_path / "data")


def many_rows(path: Path, count: int) -> Path:
    select = f"""SELECT 'user-' || (i % 50000) AS user_id, epoch_ms(1735689600000 + i * 1000) AS ts, i AS amount,
        CASE WHEN i % 3 = 0 THEN 'control' ELSE 'green' END AS variant FROM range({count}) AS t(i)"""
    duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT csv, HEADER)")
    return path


@pytest.mark.slow
def test_kill_9_and_the_same_command_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    n, folder = 300_000, tmp_path / "data"
    path = many_rows(tmp_path / "rows.csv", n)
    build(Settings(data=folder)).close()
    words = ["import", str(path), "--event", "buy", "--metric", "amount", "--data", str(folder)]
    rng, going_on = random.Random(20261123), 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "assay", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + 60
        marks = set((folder / "imports").glob("*.json"))
        before = {mark.read_text() for mark in marks}
        while {mark.read_text() for mark in (folder / "imports").glob("*.json")} <= before:
            if process.poll() is not None or time.monotonic() > deadline:
                break
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        going_on += b"going on after row" in said
    assert going_on >= 1
    run(*words[1:])
    assert list((folder / "imports").glob("*.json")) == []
    rows, _ = loaded(folder)
    assert len(rows) == n


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    path = many_rows(tmp_path / "rows.csv", 1_000_000)
    build(Settings(data=folder)).close()
    words = ["import", str(path), "--event", "buy", "--data", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell have Ctrl-C ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    )
    deadline = time.monotonic() + 60
    while not list((folder / "imports").glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_million_rows_need_no_more_memory_than_a_tenth_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    build(Settings(data=folder)).close()
    script = (
        "import re, resource, sys; from assay.cli.main import cli\n"
        "def peak():\n"
        "    # What a process that was forked from a large one is charged with, is not its own.\n"
        "    try: return int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()).group(1))\n"
        "    except OSError: return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: cli(sys.argv[1:])\n"
        "except SystemExit: print(peak(), file=sys.stderr)\n"
    )
    peaks = []
    for count in (100_000, 1_000_000):
        path = many_rows(tmp_path / f"{count}.csv", count)
        words = ["import", str(path), "--event", f"buy{count}", "--metric", "amount", "--data", str(folder)]
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
        assert f"{count:,} events, 0 refused" in done.stdout
        unit = 1 if sys.platform == "darwin" else 1024
        peaks.append(int(done.stderr.split()[-1]) * unit)
    # A million rows of lines are 300 MB; the bound is the memory that the reader may use.
    assert peaks[1] < peaks[0] + 550_000_000
    assert peaks[1] < 900_000_000
