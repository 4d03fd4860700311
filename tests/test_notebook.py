"""`assay.analyze` where people sit: a result that shows itself, its numbers as data, its plot as SVG."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

import assay
from assay.errors import AssayError, InvalidInput
from assay.notebook import Analysis

HOSTILE = "<script>alert(1)</script>"


def frame(**columns: Any) -> pd.DataFrame:
    n = 2_000
    return pd.DataFrame(
        {
            "unit": range(n),
            "arm": [i % 2 for i in range(n)],
            "y": [i // 2 % 10 < 3 + i % 2 for i in range(n)],
            "z": [float(i % 7) for i in range(n)],
            **columns,
        }
    )


def analysed(data: Any = None, **changes: Any) -> Analysis:
    options = {"unit": "unit", "variant": "arm", "control": 0, "metrics": ["conversion:y", "mean:z"], **changes}
    return assay.analyze(frame() if data is None else data, **options)


@pytest.mark.parametrize("control", [0, "0", 0.0])
def test_the_control_may_be_given_as_in_the_dataframe(control: Any) -> None:
    assert analysed(control=control).result.control == "0"


def test_truth_values_may_be_variants() -> None:
    result = analysed(frame(arm=[bool(i % 2) for i in range(2_000)]), control=False, weights={False: 1, True: 1}).result
    assert dict(result.units) == {"false": 1_000, "true": 1_000}


def test_plain_text_shows_verdict_and_numbers() -> None:
    text = repr(analysed())
    for words in ("Ship 1", "30.00 %", "40.00 %", "Sample ratio", "Fixed-horizon"):
        assert words in text


def test_html_is_well_formed_and_escapes_what_came_with_the_data() -> None:
    analysis = analysed(frame(arm=[HOSTILE if i % 2 else "old" for i in range(2_000)]), control="old")
    page = analysis._repr_html_()
    assert HOSTILE not in page
    root = ElementTree.fromstring(f"<div>{page}</div>")
    assert len(root.findall(".//tbody/tr")) == 4


def test_the_plot_is_svg_and_can_be_saved(tmp_path: Path) -> None:
    plot = analysed().plot()
    assert ElementTree.fromstring(plot._repr_svg_()).tag.endswith("svg")
    saved = plot.save(tmp_path / "forest.svg")
    assert saved.read_text(encoding="utf-8") == plot._repr_svg_()


def test_the_dict_is_json_ready_and_stable() -> None:
    one, other = (json.dumps(analysed().to_dict(), allow_nan=False) for _ in range(2))
    assert one == other


def test_the_frame_holds_numbers_one_row_per_metric_and_treatment() -> None:
    table = analysed().to_frame()
    assert list(table["metric"]) == ["y", "z"]
    first = table.iloc[0]
    assert first["absolute"] == pytest.approx(0.1)
    assert first["absolute_lower"] < 0.1 < first["absolute_upper"]
    assert first["n_units"] == first["n_units_control"] == 1_000


def test_the_frame_without_pandas_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = analysed()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AssayError, match="pip install pandas"):
        analysis.to_frame()


def test_a_path_is_as_good_as_a_dataframe(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "shop.csv", index=False)
    from_path, from_frame = analysed(tmp_path / "shop.csv"), analysed(name="shop")
    assert from_path.result.experiment == from_frame.result.experiment == "shop"
    numbers = ["absolute", "absolute_lower", "relative_upper", "p_value", "n_units"]
    # The order in which units are added up differs, and with it the last digit.
    pd.testing.assert_frame_equal(from_path.to_frame()[numbers], from_frame.to_frame()[numbers], rtol=1e-12)


def test_one_metric_may_be_given_alone() -> None:
    assert [metric.metric for metric in analysed(metrics="mean:z").result.metrics] == ["z"]


def test_a_wrong_argument_is_named() -> None:
    with pytest.raises(InvalidInput, match="correction"):
        analysed(correction="sidak")
    with pytest.raises(InvalidInput, match="control"):
        analysed(control=7)


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import assay\n"
        "print([name for name in ('numpy', 'scipy', 'duckdb', 'sqlglot', 'pandas', 'rich', 'sqlalchemy') "
        "if name in sys.modules])\n"
        "assert callable(assay.analyze)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
