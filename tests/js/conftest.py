"""What the tests in Node need: Node itself, a way to run a script, and a live server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.http.script import SOURCE
from tests.http.conftest import app, live

__all__ = ["app", "live"]

HERE = Path(__file__).parent
SPEC = HERE.parents[1] / "spec" / "assignment"
Node = Callable[..., Any]


@pytest.fixture(scope="session")
def node() -> Node:
    """Runs a script of this folder with the module's path and more arguments; what it prints, read as JSON."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node on the PATH")

    def run(script: str, *arguments: object) -> Any:
        command = [program, str(HERE / script), str(SOURCE), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-4_000:]
        return json.loads(done.stdout)

    return run
