"""The published OpenFeature clients, used as their manuals say, against a live server."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ofrep.conftest import VALUES, Flags

JS = Path(__file__).parent / "js"
MISSING = "openfeature-sdk and openfeature-provider-ofrep are not installed: make test installs them"
UNITS = [f"u{number}" for number in range(12)]


@pytest.fixture
def client(flags: Flags) -> Any:
    """The Python client."""
    api = pytest.importorskip("openfeature.api", reason=MISSING)
    provider = pytest.importorskip("openfeature.contrib.provider.ofrep", reason=MISSING).OFREPProvider(flags.url)
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()
    provider.session.close()


def context(unit: str | None = "u1", **attributes: Any) -> Any:
    from openfeature.evaluation_context import EvaluationContext

    return EvaluationContext(unit, attributes)


def test_python_reads_values_of_every_kind(client: Any, flags: Flags) -> None:
    for read, key, default in (
        (client.get_boolean_details, "boolean", False),
        (client.get_string_details, "string", "none"),
        (client.get_integer_details, "integer", 0),
        (client.get_float_details, "float", 0.0),
        (client.get_float_details, "whole-float", 0.0),
        (client.get_object_details, "object", {}),
    ):
        details = read(key, default, context())
        assert (details.error_code, details.error_message) == (None, None)
        assert details.value == VALUES[key]
        assert type(details.value) is type(default)
        assert (details.reason, details.variant) == ("SPLIT", flags.variant("u1", key))
        assert details.flag_metadata == {"reason": "assigned", "version": 1, "experiment": key}


def test_python_gets_the_variants_that_assignment_gives(client: Any, flags: Flags) -> None:
    given = {unit: client.get_string_value("keys", "none", context(unit)) for unit in UNITS}
    assert given == {unit: flags.variant(unit, "keys") for unit in UNITS}
    assert set(given.values()) == {"control", "green"}


def test_python_outside_the_audience(client: Any) -> None:
    outside = client.get_string_details("us", "none", context(country="DE"))
    assert (outside.value, outside.reason, outside.variant) == ("blue", "DEFAULT", "default")
    inside = client.get_string_details("us", "none", context(country="US"))
    assert inside.reason == "SPLIT"


def test_python_with_a_paused_experiment(client: Any) -> None:
    details = client.get_boolean_details("paused", False, context())
    assert (details.value, details.reason, details.variant) == (True, "DISABLED", "default")
    assert details.error_code is None


def test_python_falls_back_to_its_default(client: Any) -> None:
    for key, unit, code in (
        ("never", "u1", "FLAG_NOT_FOUND"),
        ("boolean", None, "TARGETING_KEY_MISSING"),
        ("string", "u1", "TYPE_MISMATCH"),
    ):
        details = client.get_boolean_details(key, False, context(unit))
        assert (details.value, details.reason) == (False, "ERROR")
        assert details.error_code == code
        assert details.error_message


def run(script: str, url: str) -> Any:
    """What a Node script prints as JSON."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine: it runs the JavaScript clients")
    if not (JS / "node_modules" / "@openfeature").is_dir():
        pytest.skip("no JavaScript clients: npm install --prefix tests/ofrep/js --no-audit --no-fund")
    done = subprocess.run([node, script, url], cwd=JS, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_javascript_server_client(flags: Flags) -> None:
    seen = run("server.mjs", flags.url)
    for key, value in VALUES.items():
        assert seen[key]["value"] == value
        assert (seen[key]["reason"], seen[key]["variant"]) == ("SPLIT", flags.variant("u1", key))
        assert seen[key]["flagMetadata"] == {"reason": "assigned", "version": 1, "experiment": key}
        assert "errorCode" not in seen[key]
    assert seen["units"] == {unit: flags.variant(unit, "keys") for unit in UNITS}
    assert [seen["outside"][name] for name in ("value", "reason", "variant")] == ["blue", "DEFAULT", "default"]
    assert seen["inside"]["reason"] == "SPLIT"
    assert [seen["paused"][name] for name in ("value", "reason", "variant")] == [True, "DISABLED", "default"]
    for name, code in (
        ("never", "FLAG_NOT_FOUND"),
        ("nobody", "TARGETING_KEY_MISSING"),
        ("mismatch", "TYPE_MISMATCH"),
    ):
        assert (seen[name]["value"], seen[name]["errorCode"]) == (False, code)


def test_the_javascript_web_client(flags: Flags) -> None:
    """It asks for all flags at once, and again and again; the script pauses `keys` while it does."""
    seen = run("web.mjs", flags.url)
    for key, value in VALUES.items():
        assert seen["first"][key]["value"] == value
        assert (seen["first"][key]["reason"], seen["first"][key]["variant"]) == ("SPLIT", flags.variant("u1", key))
        assert "errorCode" not in seen["first"][key]
    assert [seen["first"]["paused"][name] for name in ("value", "reason", "variant")] == [True, "DISABLED", "default"]
    assert [seen["first"]["us"][name] for name in ("value", "reason", "variant")] == ["blue", "DEFAULT", "default"]
    assert seen["moved"]["reason"] == "SPLIT"
    # The first answer, then nothing new until something changed.
    assert seen["quiet"][0] == 200
    assert set(seen["quiet"][1:]) == {304}
    assert seen["tags"][0] is None
    assert set(seen["tags"][1:]) == {seen["etag"]}
    assert seen["changed"] == ["keys"]
    assert (seen["after"]["reason"], seen["after"]["variant"]) == ("DISABLED", "default")


def test_no_registry_is_named() -> None:
    """The packages are pinned, and come from wherever this machine gets its packages."""
    assert "package-lock=false" in (JS / ".npmrc").read_text("utf-8")
    assert not (JS / "package-lock.json").exists()
    pins = json.loads((JS / "package.json").read_text("utf-8"))["dependencies"]
    assert all(version[0].isdigit() for version in pins.values())
