"""The document that evaluators elsewhere are given: what is wrong with one is named."""

from __future__ import annotations

from typing import Any

import pytest

from assay.assignment.portable import read_snapshot
from assay.errors import InvalidInput

EXPERIMENT = {
    "running": True,
    "key": "e",
    "salt": "s",
    "algorithm": 1,
    "version": 1,
    "traffic": 1_000_000,
    "variants": [{"key": "a", "weight": 1_000_000, "control": True, "config": {}}],
}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"format": 2}, "format"),
        ({"version": True}, "version"),
        ({"version": None}, "version"),
        ({"ended": 5}, "ended"),
        ({"ended": [5]}, "ended"),
        ({"ended": ["e"]}, "experiments"),
        ({"experiments": None}, "snapshot"),
        ({"experiments": [EXPERIMENT, EXPERIMENT]}, "experiments"),
        ({"experiments": [{**EXPERIMENT, "algorithm": 2}]}, "experiments[0].algorithm"),
        ({"experiments": [{**EXPERIMENT, "running": "yes"}]}, "experiments[0]"),
        ({"experiments": [{**EXPERIMENT, "traffic": -1}]}, "experiments[0]"),
        ({"experiments": [{**EXPERIMENT, "audience": {"attribute": "x", "op": "like"}}]}, "experiments[0].audience.op"),
    ],
)
def test_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_snapshot({"format": 1, "version": 1, "experiments": [EXPERIMENT], "ended": [], **changes})
    assert caught.value.field.startswith(field)
