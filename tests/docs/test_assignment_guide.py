"""The assignment guide does what it says: its commands and code run in their order against one server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.model.comparisons import Operator
from assay.model.decision import Reason
from assay.model.design import Randomizer
from tests.docs.test_readme import ROOT, documents, run, url

__all__ = ["url"]
PATH = ROOT / "docs" / "guide" / "assignment.md"
GUIDE = PATH.read_text("utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", GUIDE, flags=re.DOTALL)
PRINTED = "http://127.0.0.1:8000"


@pytest.mark.slow
def test_everything_runs_as_printed(url: str, tmp_path: Path) -> None:
    shown = []
    for language, text in BLOCKS[1:]:
        # Ann would be held out one time in twenty; so it is one in a million.
        block = text.replace(PRINTED, url).replace('"share": 0.05', '"share": 0.000001')
        if language == "python":
            (tmp_path / "block.py").write_text(block)
            block = f"cd {tmp_path} && python block.py"
        # Without --fail a refusal would pass unseen.
        shown.append(run(block.replace("curl -s ", "curl -s --fail-with-body "), TMPDIR=str(tmp_path)))
    by_first = dict(zip((text.split("\n")[0] for _, text in BLOCKS[1:]), shown, strict=True))
    explained = next(text for first, text in by_first.items() if "free-shipping/start" in first)
    assert re.search(r"ann has '(banner|control)' in free-shipping \(assigned\)", explained), explained
    (flag,) = documents(next(text for first, text in by_first.items() if "ofrep" in first))
    assert flag["reason"] == "SPLIT"
    sdk = next(text for first, text in by_first.items() if first == "from assay.sdk import Client")
    assert re.search(r"(blue|green)\.[sml] assigned \{'colour'", sdk)
    provider = next(text for first, text in by_first.items() if first == "from assay.openfeature import AssayProvider")
    assert re.search(r"\{'colour': '(blue|green)', 'size': '[sml]'\}", provider)
    table = next(text for first, text in by_first.items() if first == "import assay")
    assert re.search(r"bob +DE|bob +None +not_in_audience|bob .*not_in_audience", table)
    batch = next(text for first, text in by_first.items() if first.startswith("printf"))
    assert batch.startswith("3 rows")
    assert "FROM `shop`.`users`" in batch


def test_nothing_is_left_out() -> None:
    for operator in Operator:
        assert f"`{operator.value}`" in GUIDE, operator
    for method in Randomizer:
        assert f"`{method.value}`" in GUIDE, method
    for reason in Reason:
        if reason not in (Reason.ERROR, Reason.INVALID_UNIT, Reason.UNKNOWN_EXPERIMENT, Reason.NOT_SUPPORTED):
            assert f"`{reason.value}`" in GUIDE, reason


def test_every_file_it_names_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE):
        assert (PATH.parent / target).exists(), target
