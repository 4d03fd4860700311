"""Experiments with very many units are looked at by a sample, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.app.server import App, build
from assay.app.settings import Settings
from assay.model.event import microseconds
from assay.service.eventlines import EventLine, encode_line, event_key, exposure_line
from assay.service.result_rows import notes
from assay.worker.loop import Loop
from tests.service.test_loop import started

UNITS = 4_000


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = build(Settings(data=tmp_path / "data", sample_above_units=600))
    yield app
    app.close()


def meet(app: App, first: int, n_units: int) -> None:
    at = microseconds(app.services.clock())
    lines = []
    for i in range(first, first + n_units):
        lines.append(exposure_line(f"u{i}", "e", "control" if i % 2 else "b", at, {}))
        if i % 4 == 0:
            key = event_key(f"u{i}", f"e{i}", "buy", at, "")
            lines.append(encode_line(EventLine(key, f"u{i}", "buy", "", None, at + 1, {}, {})))
    app.inbox.append(b"\n".join(lines)).result()


def test_above_the_bound_a_sample_is_looked_at(app: App) -> None:
    started(app)
    loop = Loop(app.services, 1.0)
    meet(app, 0, UNITS)
    loop.round()
    whole = app.services.reading.latest("e")
    assert whole is not None
    assert (whole.n_units, whole.quality.sampled_one_in) == (UNITS, 1)
    meet(app, UNITS, 100)
    loop.round()
    sample = app.services.reading.latest("e")
    assert sample is not None
    assert sample.quality.sampled_one_in == 8
    # Binomial with mean 512 and standard deviation 21.
    assert 400 < sample.n_units < 630
    assert "one in 8 units" in notes(sample)[0]
    meet(app, UNITS + 100, 100)
    loop.round()
    again = app.services.reading.latest("e")
    assert again is not None
    assert again.quality.sampled_one_in == 8
    assert again.n_units >= sample.n_units


def test_a_small_experiment_is_looked_at_whole(app: App) -> None:
    started(app)
    loop = Loop(app.services, 1.0)
    for turn in range(3):
        meet(app, turn * 150, 150)
        loop.round()
    result = app.services.reading.latest("e")
    assert result is not None
    assert (result.n_units, result.quality.sampled_one_in) == (450, 1)
    assert not any("sample:" in note for note in notes(result))
