"""The example runs, and what it prints is accepted as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from assay.metadata import head_tags
from assay.model.experiment import Variant
from assay.service.configs import check_configs

EXAMPLE = Path(__file__).parents[2] / "examples" / "metadata.py"


def test_the_example_prints_tags_mistakes_and_an_experiment_that_is_accepted() -> None:
    run = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True, encoding="utf-8")
    tags, _, written = run.stdout.partition("\n{")
    body = json.loads("{" + written)
    assert [variant["id"] for variant in body["variants"]] == ["control", "dry-feet"]
    check_configs(body["config_schema"], [Variant(key=item["id"], config=item["config"]) for item in body["variants"]])
    for variant in body["variants"]:
        assert head_tags(variant["config"]) in tags
    assert 'theme_color: given "greenish"' in tags
    assert 'canonical_url: given "javascript:alert(1)"' in tags
