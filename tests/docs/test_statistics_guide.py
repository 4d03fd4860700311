"""The statistics guide does what it says: its code and commands run in order, what it shows is what they print, and its
plots are what the script makes."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click import Option

from assay.cli.analyze import analyze as analyze_command
from assay.model.metric import Hypothesis, MetricKind
from assay.model.plan import Correction, Method, Plan, Spending
from assay.stats.registry import BUILT_IN
from tests.docs.test_readme import ROOT
from tests.http.conftest import Server, app, server

__all__ = ["app", "server"]
PATH = ROOT / "docs" / "guide" / "statistics.md"
GUIDE = PATH.read_text("utf-8")
PLOTS = ROOT / "docs" / "images" / "statistics"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code with what the guide shows below it, if it does."""

    language: str
    text: str
    shown: str | None


BLOCKS = [
    Block(language, text, shown or None)
    for language, text, shown in re.findall(
        r"```(python|sh|json [\w-]+)\n(.*?)```(?:\n\n```text\n(.*?)\n```)?", GUIDE, flags=re.DOTALL
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def printed(folder: Path) -> list[tuple[Block, str]]:
    """Every block of Python, run in one session, with what it printed."""
    names: dict[str, Any] = {"__name__": "guide"}
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for i, block in enumerate(item for item in BLOCKS if item.language == "python"):
            out = StringIO()
            with redirect_stdout(out):
                exec(compile(block.text, f"{PATH.name}, Python block {i + 1}", "exec"), names)
            found.append((block, out.getvalue().rstrip()))
    return found


@pytest.mark.slow
def test_the_code_prints_what_is_shown(printed: list[tuple[Block, str]]) -> None:
    assert len(printed) > 30
    for block, output in printed:
        assert output == (block.shown or ""), block.text


@pytest.mark.slow
def test_the_commands_run(printed: list[tuple[Block, str]], folder: Path) -> None:
    assert printed
    assert (folder / "people.csv").exists(), "made by the code above them"
    commands = [
        command
        for block in BLOCKS
        if block.language == "sh"
        for command in block.text.replace("\\\n", " ").strip().split("\n")
    ]
    assert len(commands) >= 9
    said: dict[str, str] = {}
    for command in commands:
        program, *words = command.split()
        assert program == "assay"
        done = subprocess.run(
            [sys.executable, "-m", "assay", *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stderr == "", command
        said[command] = done.stdout
    for block in BLOCKS:
        if block.language == "sh" and block.shown:
            together = [" ".join(line.split()) for text in said.values() for line in text.split("\n")]
            assert {" ".join(line.split()) for line in block.shown.split("\n")} <= set(together)
    (as_json,) = (text for command, text in said.items() if "--json" in command)
    assert json.loads(as_json)["metrics"]
    (bayesian,) = (text for command, text in said.items() if "--method bayesian" in command)
    assert "chance" in bayesian
    (group,) = (text for command, text in said.items() if "--method group_sequential" in command)
    assert "alpha spent by Pocock's function" in " ".join(group.split())


async def test_the_documents_are_accepted(server: Server) -> None:
    documents = [block for block in BLOCKS if block.language.startswith("json ")]
    assert len(documents) == 2
    for block in documents:
        body = json.loads(block.text)
        if block.language == "json experiments":
            created = await server.post("/experiments", body)
            assert created.status_code == 201, created.text
            started = await server.post(f"/experiments/{body['id']}/start")
            assert started.status_code == 200, started.text
            kept = (await server.get(f"/experiments/{body['id']}")).json()
            assert {name: kept["plan"][name] for name in body["plan"]} == body["plan"]
        else:
            answer = await server.post("/experiments/power-analysis", body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["required_sample_per_variant"] > 1000


def test_nothing_is_left_out() -> None:
    for kind in (Method, Correction, Spending, Hypothesis, MetricKind):
        for item in kind:
            assert f"`{item.value}`" in GUIDE, item
    for name in (*BUILT_IN, *Plan.__dataclass_fields__):
        assert f"`{name}`" in GUIDE, name
    for option in analyze_command.params:
        if isinstance(option, Option):
            assert any(f"{text}" in GUIDE for text in option.opts), option.opts


def test_every_file_it_names_exists() -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE)
    assert len(targets) >= 8
    for target in targets:
        assert (PATH.parent / target).exists(), target


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_statistics_plots", ROOT / "docs" / "make_statistics_plots.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up the module they are made in.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


def test_the_plots_are_what_the_script_makes(drawing: ModuleType) -> None:
    assert {path.stem for path in PLOTS.glob("*.svg")} == set(drawing.PLOTS)
    for name, draw in drawing.PLOTS.items():
        drawn = draw()
        assert drawn == (PLOTS / f"{name}.svg").read_text("utf-8"), f"{name}: run docs/make_statistics_plots.py"
        assert "prefers-color-scheme:dark" in drawn
        assert f"images/statistics/{name}.svg" in GUIDE
        assert "nan" not in drawn
        assert "inf" not in drawn.replace("information", "")


def test_the_line_of_the_false_alarms_is_the_true_one(drawing: ModuleType) -> None:
    """The anytime line against a simulation of the same looks."""
    import numpy as np

    from assay.stats import squared_radius, tuned_rho_squared

    rng = np.random.default_rng(5)
    looks = 20
    walk = rng.normal(size=(20_000, looks)).cumsum(axis=1) / np.sqrt(np.arange(1, looks + 1))
    rho_squared = tuned_rho_squared(1_000_000, 0.05)
    radii = [squared_radius(1_000_000 * (i + 1) / looks * rho_squared, 0.05) or np.inf for i in range(looks)]
    share = float((walk**2 > np.array(radii)).any(axis=1).mean())
    assert drawing.anytime_error(looks) == pytest.approx(share, abs=4 * (0.012 / 20_000) ** 0.5)
    assert drawing.error_of_repeated_looks(looks) == pytest.approx(
        float((np.abs(walk) > 1.959964).any(axis=1).mean()), abs=0.013
    )
