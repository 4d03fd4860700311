"""The page of measured rates: made from lines, true to its own words, and of every simulation."""

from __future__ import annotations

import re
from pathlib import Path

from docs.make_simulation_table import area_of, page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulations.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (.+) \| (at most|at least|exceeds) \| (\S+) % \| (\S+) % \| (\S+) % \| ([\d,]+) \|$", re.MULTILINE
)


def line(claim: str, kind: str, measured: float, test: str) -> dict[str, object]:
    row = {"claim": claim, "nominal": 0.05, "measured": measured, "replications": 5_000, "bound": 0.065}
    return {**row, "kind": kind, "test": f"tests/sim/{test}.py::test_x[1]"}


def test_lines_become_a_page_whatever_their_order() -> None:
    lines = [line("b", "at most", 0.04, "test_one_thing"), line("a | c", "exceeds", 0.5, "test_other")]
    made = page(lines)
    assert made == page([*reversed(lines), lines[0]])
    assert "## one thing" in made
    assert "| b | at most | 5 % | 4 % | 6.5 % | 5,000 |" in made
    assert "| a \\| c | exceeds |" in made
    assert area_of(lines[0]) == "one thing"


def test_every_row_keeps_what_it_claims() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 300
    for claim, kind, _, measured, bound, n in rows:
        slack = 0.006 * max(float(measured), float(bound))  # three digits are printed
        assert int(n.replace(",", "")) >= 50, claim
        if kind == "at most":
            assert float(measured) <= float(bound) + slack, claim
        else:
            assert float(measured) >= float(bound) - slack, claim


def test_every_simulation_that_makes_claims_is_in_it() -> None:
    for path in sorted((ROOT / "tests" / "sim").glob("test_*.py")):
        if "tests.sim.claims" in path.read_text(encoding="utf-8"):
            assert f"## {path.stem.removeprefix('test_').replace('_', ' ')}\n" in PAGE, path.name
