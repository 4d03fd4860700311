"""What every AuditLog adapter must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from assay.ports import AuditLog, Change

LINE = Change(
    experiment="unit:0123456789abcdef",
    action="forget",
    actor="ann",
    at=datetime(2026, 2, 5, 10, 30, tzinfo=timezone.utc),
    before=None,
    after={"rows_removed": 3},
)


def test_lines_come_back_whole_and_in_order(audit: AuditLog) -> None:
    second = replace(LINE, actor="bob", before={"rows_removed": 3}, after=None)
    for line in (LINE, second, replace(LINE, experiment="other")):
        audit.write(line)
    assert audit.changes(LINE.experiment) == [LINE, second]
    assert audit.changes("none") == []


@pytest.mark.parametrize("unit", ["ann", 'a"b', "50%_\\", "Åsa 😀", "a/b"])
def test_who_is_named_is_found_by_the_whole_string_alone(audit: AuditLog, unit: str) -> None:
    audit.write(replace(LINE, experiment="forced", after={"forced": {unit: "control"}}))
    audit.write(replace(LINE, experiment="denied", before={"deny": [unit]}))
    audit.write(replace(LINE, experiment="longer", after={"deny": [f"{unit}x", f"x{unit}", "50xy\\"]}))
    assert audit.naming(unit) == ["denied", "forced"]
    assert audit.naming("nobody") == []
