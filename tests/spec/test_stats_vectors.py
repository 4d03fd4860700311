"""assay.stats against the reference numbers of spec/stats."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.spec.stats_calls import all_calls

SPEC = Path(__file__).parents[2] / "spec" / "stats"
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(SPEC.glob("*.json"))}
VECTORS = [(stem, vector) for stem, document in FILES.items() for vector in document["vectors"]]
FIELDS = {"name", "function", "inputs", "expected", "tolerance", "source", "checked"}
CALLS = all_calls()


def agree(found: Any, expected: Any, tolerance: float, where: str) -> None:
    """Every expected number is found, within a relative tolerance."""
    if isinstance(expected, Mapping):
        for name, value in expected.items():
            agree(found[name], value, tolerance, f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for i, value in enumerate(expected):
            agree(found[i], value, tolerance, f"{where}[{i}]")
    else:
        assert isinstance(found, (int, float)), f"{where}: {found}"
        # R finds some zeros as 1e-17; p-values that small are real
        rounding = 0.0 if "p_value" in where or "adjusted" in where else 1e-14
        assert found == pytest.approx(expected, rel=tolerance, abs=rounding), where


@pytest.mark.parametrize(("stem", "vector"), VECTORS, ids=[f"{stem}-{vector['name']}" for stem, vector in VECTORS])
def test_vector(stem: str, vector: Mapping[str, Any]) -> None:
    agree(CALLS[vector["function"]](**vector["inputs"]), vector["expected"], vector["tolerance"], vector["name"])


@pytest.mark.parametrize("stem", FILES)
def test_every_vector_states_its_source_and_tolerance(stem: str) -> None:
    names = [vector["name"] for vector in FILES[stem]["vectors"]]
    assert len(set(names)) == len(names)
    assert FILES[stem]["about"]
    for vector in FILES[stem]["vectors"]:
        assert set(vector) - {"r"} == FIELDS, vector["name"]
        assert len(vector["source"]) >= 20, vector["name"]
        assert len(vector["checked"]) >= 10, vector["name"]
        assert 0 <= vector["tolerance"] <= 5e-3, vector["name"]
        assert vector["expected"], vector["name"]
        assert vector["function"] in CALLS, vector["name"]


def test_there_are_vectors_for_every_kind_of_number() -> None:
    assert len(VECTORS) >= 120
    assert {vector["function"] for _, vector in VECTORS} == set(CALLS)


def test_a_wrong_number_is_noticed() -> None:
    with pytest.raises(AssertionError):
        agree({"p_value": 0.0500001}, {"p_value": 0.05}, 1e-9, "planted")
    with pytest.raises(AssertionError):
        agree({"p_value": 1e-30}, {"p_value": 1e-60}, 1e-9, "planted")


R_VECTORS = [(f"{stem}-{vector['name']}", vector) for stem, vector in VECTORS if "r" in vector]
MISSING = "NOT_INSTALLED"


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_gives_the_numbers_that_vectors_quote_from_it(tmp_path: Path) -> None:
    """Vectors with an `r` field name, per expected number, the R expression that gives it; R is asked again here."""
    asked = [(where, name, vector) for where, vector in R_VECTORS for name in vector["r"]]
    lines = ["options(digits = 17, warn = -1)"]
    for _, name, vector in asked:
        expression = vector["r"][name]
        lines.append(
            f"cat(tryCatch({{ {expression} }}, packageNotFoundError = function(e) '{MISSING}'), '\\n', sep = ' ')"
        )
    script = tmp_path / "ask.R"
    script.write_text("\n".join(lines))
    answer = subprocess.run(["Rscript", "--vanilla", str(script)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-2000:]
    said = [line.split() for line in answer.stdout.splitlines()]
    assert len(said) == len(asked)
    for (where, name, vector), words in zip(asked, said, strict=True):
        if words == [MISSING]:
            continue
        expected = vector["expected"][name]
        numbers = [float(word) for word in words]
        agree(numbers if isinstance(expected, list) else numbers[0], expected, vector["tolerance"], f"{where}.{name}")
