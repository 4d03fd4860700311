"""`assay explain`, beside a server's data folder and against its address."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from assay.cli.main import cli
from assay.errors import AssayError, InvalidInput
from tests.http.conftest import LiveServer, app, live

__all__ = ["app", "live"]


@pytest.fixture
def started(live: LiveServer) -> LiveServer:
    body = {
        "id": "checkout",
        "name": "checkout",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
        "audience": {"attribute": "country", "op": "eq", "value": "US"},
    }
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False) as client:
        client.post("/experiments", json=body).raise_for_status()
        client.post("/experiments/checkout/start").raise_for_status()
    return live


def test_the_folder_and_the_server_say_the_same(started: LiveServer, tmp_path: Path) -> None:
    question = ["explain", "checkout", "ann", "-a", "country=US", "--json"]
    from_folder = CliRunner().invoke(cli, [*question, "--data", str(tmp_path / "data")], catch_exceptions=False)
    from_server = CliRunner().invoke(cli, [*question, "--url", started.url], catch_exceptions=False)
    documents = [json.loads(result.output) for result in (from_folder, from_server)]
    for document in documents:
        document.pop("at")
    assert documents[0] == documents[1]
    assert documents[0]["reason"] == "assigned"


def test_steps_for_people(started: LiveServer, tmp_path: Path) -> None:
    asked = ["explain", "checkout", "ann", "--context", '{"country": "DE"}', "--data", str(tmp_path / "data")]
    shown = CliRunner().invoke(cli, asked, catch_exceptions=False).output
    assert shown.startswith("ann has no variant in checkout (not_in_audience)")
    assert '✗ country is "US"  (country is "DE")' in shown
    assert "chances before the draw: control 0.5, green 0.5" in shown


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    for arguments in (["--context", "{"], ["--context", "[]"], ["-a", "x"], ["--data", str(tmp_path / "none")]):
        with pytest.raises(InvalidInput, match=arguments[0] if arguments[0] != "-a" else "--attribute"):
            CliRunner().invoke(cli, ["explain", "e", "u", *arguments], catch_exceptions=False)
    with pytest.raises(AssayError, match="no answer"):
        CliRunner().invoke(cli, ["explain", "e", "u", "--url", "http://127.0.0.1:9"], catch_exceptions=False)
