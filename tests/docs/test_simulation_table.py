"""The page of measured rates: made from lines, true to its own words, and of every simulation."""

from __future__ import annotations

import re
from pathlib import Path

from docs.make_simulation_table import page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulations.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (.+) \| (at most|at least|exactly|exceeds) \| (\S+) % \| (\S+) % \| (\S+) %(?: to (\S+) %)? \| ([\d,]+) \|$",
    re.MULTILINE,
)
CLAIM = {"nominal": 0.05, "measured": 0.0404, "replications": 5_000, "bound": 0.0652}


def line(claim: str, kind: str, test: str, **numbers: object) -> dict[str, object]:
    return {"claim": claim, "kind": kind, "test": f"tests/sim/{test}.py::test_x[1]", **CLAIM, **numbers}


def test_lines_become_a_page_whatever_their_order() -> None:
    lines = [
        line("b", "at most", "test_one_thing"),
        line("a | c", "exceeds", "test_other", measured=0.5, nominal=0.00025),
        line("a", "exactly", "test_one_thing", bound=[0.0356, 0.0652], replications=20_000),
    ]
    made = page(lines)
    assert made == page([*reversed(lines), lines[0]])
    tables = made[made.index("## ") :].splitlines()
    head = ["", "| claim | | nominal | measured | bound | replications |", "|---|---|---:|---:|---:|---:|"]
    assert tables == [
        "## one thing",
        *head,
        "| a | exactly | 5 % | 4.04 % | 3.56 % to 6.52 % | 20,000 |",
        "| b | at most | 5 % | 4.04 % | 6.52 % | 5,000 |",
        "",
        "## other",
        *head,
        "| a \\| c | exceeds | 0.025 % | 50 % | 6.52 % | 5,000 |",
    ]
    assert "3 claims, most of them (2) from 5,000 replications" in made


def test_every_row_keeps_what_it_claims() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) == len(re.findall(r"^\| .+ \| [\d,]+ \|$", PAGE, re.MULTILINE)) > 300
    for claim, kind, nominal, measured, first, second, n in rows:
        said, seen, bound = float(nominal), float(measured), float(first)
        assert int(n.replace(",", "")) >= 50, claim
        assert (seen <= bound) if kind == "at most" else (seen >= bound), claim
        assert (bound <= said) if kind in ("at least", "exactly") else (bound >= said), claim
        assert bool(second) == (kind == "exactly"), claim
        if second:
            assert max(seen, said) <= float(second), claim


def test_every_simulation_that_makes_claims_is_in_it() -> None:
    for path in sorted((ROOT / "tests" / "sim").glob("test_*.py")):
        if re.search(r"^from tests\.sim(\.claims import| import claims)", path.read_text("utf-8"), re.MULTILINE):
            assert f"## {path.stem.removeprefix('test_').replace('_', ' ')}\n" in PAGE, path.name
