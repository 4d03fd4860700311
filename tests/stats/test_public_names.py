"""`from assay.stats import …`: every public name, without loading anything before it is used."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import assay.stats as stats

ROOT = Path(__file__).parents[2]
SOURCE = Path(inspect.getfile(stats)).read_text("utf-8")
GUIDE = ROOT / "docs" / "guide" / "statistics.md"
WHERE: dict[str, tuple[str, str]] = stats._WHERE


def imported_for_type_checkers() -> dict[str, tuple[str, str]]:
    """Exported name → (module, its name there), as mypy and editors see it."""
    (block,) = (
        node
        for node in ast.parse(SOURCE).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", sorted(WHERE))
def test_a_name_is_the_object_of_its_module_and_is_explained(name: str) -> None:
    module, attribute = WHERE[name]
    found = inspect.unwrap(getattr(stats, name)) if inspect.isfunction(getattr(stats, name)) else getattr(stats, name)
    assert found is getattr(importlib.import_module(module), attribute)
    if inspect.isfunction(found) or inspect.isclass(found):
        assert found.__module__ == module, "exported from where it is defined"
        assert len((found.__doc__ or "").split()) > 3


def test_all_type_checkers_and_lookup_agree() -> None:
    assert imported_for_type_checkers() == WHERE
    assert sorted(stats.__all__) == sorted(WHERE)
    assert len(set(stats.__all__)) == len(stats.__all__)
    assert set(WHERE) <= set(dir(stats))


def test_no_name_hides_a_module() -> None:
    modules = {path.stem for path in (ROOT / "src/assay/stats").iterdir()}
    assert not modules & set(WHERE)


def test_importing_loads_no_library_until_a_name_is_used() -> None:
    script = """
import sys
import assay.stats
assert not {"numpy", "scipy"} & set(sys.modules), "loaded by import"
assert "welch_t" in dir(assay.stats)
assert not {"numpy", "scipy"} & set(sys.modules), "loaded by dir"
assert assay.stats.welch_t([1, 2, 3], [2, 3, 5]).p_value > 0
assert "numpy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_star_import_brings_everything() -> None:
    script = "from assay.stats import *\nimport assay.stats\nassert set(assay.stats.__all__) <= set(globals())"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'assay\.stats' has no attribute 'welch_z'"):
        _ = stats.welch_z  # type: ignore[attr-defined]


def public_definitions(folder: str) -> set[tuple[str, str]]:
    """(module, name) of the functions and classes of a folder that look like tests, sequences or results."""
    found = set()
    for path in sorted((ROOT / "src/assay/stats" / folder).glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                answer = ast.unparse(node.returns) if node.returns else ""
                first = node.args.args[0].arg if node.args.args else ""
                if first in ("treatment", "treatments") and "Outcome" in answer and node.args.kwonlyargs:
                    found.add((f"assay.stats.{folder}.{path.stem}", node.name))
    return found


@pytest.mark.parametrize("folder", ["fixed", "sequential", "reduction", "group_sequential"])
def test_no_two_sample_test_is_left_out(folder: str) -> None:
    exported = set(WHERE.values())
    inner = {"compare_arms", "margin_test"}  # take arms that are estimates already
    assert {(m, n) for m, n in public_definitions(folder) if n not in inner} <= exported


def test_what_an_exported_function_answers_is_exported() -> None:
    """Result classes are there for annotations: those of this package that public functions return."""
    missing = set()
    for name in WHERE:
        found = getattr(stats, name)
        if inspect.isfunction(found):
            found = inspect.unwrap(found)
            for word in re.findall(r"[A-Z]\w+", str(found.__annotations__.get("return", ""))):
                answer = getattr(importlib.import_module(found.__module__), word, None)
                if inspect.isclass(answer) and answer.__module__.startswith("assay.stats."):
                    missing |= {word} - {attribute for _, attribute in WHERE.values()}
    assert missing <= {"Arm"}, "Arm is what adjusted arms are made of; it belongs to assay.stats.arm"


def test_everything_the_guide_uses_is_exported() -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)
    imported = {
        alias.name
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("assay.stats")
        for alias in node.names
    }
    used = set(re.findall(r"\bstats\.(\w+)", "".join(blocks)))
    assert len(used) > 80
    assert used | imported <= set(WHERE)


def test_every_function_the_guide_names_is_exported() -> None:
    """A name in code type that some module of this package defines is importable as the guide says."""
    text = re.sub(r"```.*?```", "", GUIDE.read_text("utf-8"), flags=re.DOTALL)
    named = set(re.findall(r"`([a-z]\w+)(?:\([^`]*\))?`", text))
    defined = {
        node.name
        for path in (ROOT / "src/assay/stats").glob("*/*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert len(named & defined) > 60
    inner = {"difference"}  # a field of an outcome, and a function that works on posteriors
    assert named & defined - inner <= set(WHERE)
