"""The events guide does what it says: its commands print what is shown, its tables leave nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assay.http.eventstream import MEDIA_TYPES
from assay.model.event import EventProblem
from assay.service.eventform import Attribution, EventIn
from tests.docs.test_readme import ROOT, run, url

__all__ = ["url"]
GUIDE = (ROOT / "docs" / "guide" / "events.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n((?:(?!```).)*)```\n\n```json\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.mark.slow
def test_commands_print_what_is_shown(url: str, tmp_path: Path) -> None:
    assert len(BLOCKS) == 4
    for command, shown in BLOCKS:
        printed = json.loads(run(command.replace("http://127.0.0.1:8000", url), TMPDIR=str(tmp_path)))
        assert printed.pop("accepted_at")
        assert printed | {"accepted_at": "…"} == json.loads(shown)


def test_nothing_is_left_out() -> None:
    for problem in EventProblem:
        assert f"`{problem.value}`" in GUIDE, problem
    for name in (*EventIn.__struct_fields__, *Attribution.__struct_fields__):
        assert f"`{name}`" in GUIDE, name
    for kind in ("impression", "exposure", "click", "conversion", "engagement", "error", "custom"):
        assert f"`{kind}`" in GUIDE, kind
    assert all(name in GUIDE for name in MEDIA_TYPES[:2])
