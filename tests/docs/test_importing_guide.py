"""The importing guide does what it says: its commands run in their order, and its tables are true."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

from assay.app.server import build
from assay.app.settings import Settings
from assay.cli.import_history import import_history
from assay.queries.history import MICROSECONDS_FROM, MILLISECONDS_FROM, SECONDS_FROM, TOO_LARGE
from tests.docs.test_readme import ROOT, run

PATH = ROOT / "docs" / "guide" / "importing.md"
GUIDE = PATH.read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)\n```)?", GUIDE, flags=re.DOTALL)


@pytest.mark.slow
def test_everything_runs_as_printed(tmp_path: Path) -> None:
    said = []
    for script, shown in BLOCKS:
        said.append(run(f"cd {tmp_path}\n{script}"))
        if shown:
            assert said[-1].strip() == shown
    printed = "\n".join(said)
    assert "6 rows read: 6 exposures, 9 events, 0 refused" in printed
    assert "2 rows read: 0 exposures, 2 events" in printed
    assert re.search(r"removed 1 events and exposures; in the audit log as unit:[0-9a-f]{16}", printed)
    app = build(Settings(data=tmp_path / "imported"))
    results = app.services.analysing.analyse(app.services.analysing.gathering())
    found = app.services.reading.latest("banner")
    app.close()
    assert results == []
    assert found is not None
    assert found.final
    assert dict(found.units) == {"banner": 3, "control": 3}
    with duckdb.connect(str(tmp_path / "imported" / "warehouse.duckdb")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (10,)


def test_a_bad_row_is_refused_as_it_says(tmp_path: Path) -> None:
    (orders, *_), folder = BLOCKS[0], tmp_path / "data"
    build(Settings(data=folder)).close()
    command = "assay import orders.csv --unit customer --time paid_at --event order --metric amount --rejects bad.jsonl"
    said = run(f"cd {tmp_path}\n{orders}\n{command} --data {folder}")
    assert "4 rows read: 0 exposures, 3 events, 1 refused" in said
    assert '"number": 4' in (tmp_path / "bad.jsonl").read_text()


def test_the_table_of_times_is_true() -> None:
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| (\w+)", GUIDE, flags=re.MULTILINE)
    bounds = [(int(low.replace(",", "")), int(high.replace(",", "")), unit) for low, high, unit in rows]
    assert bounds == [
        (SECONDS_FROM, MILLISECONDS_FROM, "seconds"),
        (MILLISECONDS_FROM, MICROSECONDS_FROM, "milliseconds"),
        (MICROSECONDS_FROM, TOO_LARGE, "microseconds"),
    ]
    first, last = (
        datetime.fromtimestamp(number, timezone.utc).year for number in (SECONDS_FROM, MILLISECONDS_FROM - 1)
    )
    assert f"({first} to {last})" in GUIDE


def test_every_option_it_names_exists_and_the_other_way_round() -> None:
    known = {option for parameter in import_history.params for option in parameter.opts if option.startswith("--")}
    named = set(re.findall(r"--[a-z][a-z-]+", GUIDE))
    assert known - {"--help"} <= named | {"--data"}
    assert named - known <= {"--sequential"}
