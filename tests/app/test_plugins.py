"""Randomisers installed beside Assay, found by their entry points: the example end to end, and broken ones."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from assay.app.plugins import installed_randomizers
from assay.app.server import App, build
from assay.app.settings import Settings
from tests.http.conftest import Server, server

__all__ = ["server"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "randomizer"
OPTIONS = {"attribute": "card", "digits": {"control": "02468", "green": "13579"}}


def install(folder: Path, name: str, points: dict[str, str]) -> None:
    """What an installer leaves behind: the folder is on the path, and beside the module stands its metadata."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {target}\n" for key, target in points.items())
    (info / "entry_points.txt").write_text(f"[assay.randomizers]\n{lines}")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "card_digit.py").write_text((EXAMPLE / "card_digit.py").read_text())
    install(folder, project["name"], project["entry-points"]["assay.randomizers"])
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("card_digit", None)


@pytest.fixture
def app(installed: Path, tmp_path: Path) -> Iterator[App]:
    app = build(Settings(data=tmp_path / "data"))
    yield app
    app.close()


async def test_the_example_draws(server: Server) -> None:
    await server.running(randomization={"method": "custom", "plugin": "card_digit", "options": OPTIONS})
    for card, variant, reason in (
        ("100-7", "green", "assigned"),
        (4, "control", "assigned"),
        ("x", None, "no_randomization_unit"),
        (None, None, "no_randomization_unit"),
    ):
        question = {"user_id": "u", "context": {"card": card}, "experiments": ["checkout"]}
        (found,) = (await server.post("/experiments/assign", question)).json()["assignments"]
        assert (found["variant_id"], found["reason"]) == (variant, reason)
    told = (await server.post("/experiments/checkout/explain", {"user_id": "u", "context": {"card": "7"}})).json()
    assert told["probabilities"] == {"control": 0.5, "green": 0.5}
    assert told["steps"][-1]["message"] == "drawn by the plug-in 'card_digit'"


async def test_one_that_fails_at_a_unit_gives_a_reason(server: Server) -> None:
    randomization = {"method": "custom", "plugin": "card_digit", "options": {"no": "digits"}}
    await server.running(randomization=randomization)
    question = {"user_id": "u", "context": {"card": "7"}, "experiments": ["checkout"]}
    (found,) = (await server.post("/experiments/assign", question)).json()["assignments"]
    assert (found["variant_id"], found["reason"]) == (None, "error")


async def test_one_that_is_not_installed_is_refused_by_name(server: Server) -> None:
    variants = [{"id": "a"}, {"id": "b"}]
    metric = {"name": "bought", "type": "conversion", "event": "buy"}
    body = {"id": "e", "name": "e", "variants": variants, "primary_metric": metric}
    answer = await server.post("/experiments", body | {"randomization": {"method": "custom", "plugin": "dice"}})
    assert (answer.status_code, answer.json()["field"]) == (422, "randomization.plugin")
    assert ("dice" in answer.json()["given"], "card_digit" in answer.json()["accepted"]) == (True, True)


def test_ones_that_do_not_load_leave_the_others_alone(installed: Path) -> None:
    (installed / "half.py").write_text("class Half:\n    def choose(self, draw): return None\n")
    install(installed, "broken", {"gone": "no_such_module:X", "half": "half:Half"})
    with capture_logs() as logs:
        found = installed_randomizers()
    assert set(found) == {"card_digit"}
    assert {entry["name"] for entry in logs} == {"gone", "half"}
