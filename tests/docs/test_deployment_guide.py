"""The deployment guide and the compose file name only what there is."""

from __future__ import annotations

import re
from pathlib import Path

from assay.app.settings import Role, Settings
from assay.service.watching import MEANWHILE
from tests.docs.test_readme import ROOT, run

GUIDE = (ROOT / "docs" / "guide" / "deployment.md").read_text("utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text("utf-8")
SETTINGS = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", Settings.__doc__ or ""))


def test_every_variable_it_names_is_one() -> None:
    for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)\b", GUIDE):
        assert name in SETTINGS, name
    ours = COMPOSE.split("environment: &settings")[1].split("depends_on")[0]
    for name, value in re.findall(r"^    ([A-Z_]+): (.+)$", ours, flags=re.MULTILINE):
        assert name in SETTINGS
        Settings.from_environment({name: value})
    for role in re.findall(r'"--role", "(\w+)"', COMPOSE):
        assert Role(role) is not Role.ALL


def test_its_command_works(tmp_path: Path) -> None:
    (command,) = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)
    assert "ok" in run(command, ASSAY_DATA=str(tmp_path / "data"))


def test_every_part_that_may_be_gone_is_told() -> None:
    for word in ("Redis", "database", "warehouse", "broker"):
        assert f"| {word} |" in GUIDE
    assert {"definitions", "inbox", "warehouse", "sticky"} <= set(MEANWHILE)
