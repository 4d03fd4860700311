"""What every Results adapter must do."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

from assay.model.measurement import ExperimentMoments
from assay.model.moments import Moments
from assay.model.result import ExperimentResult
from assay.ports import Results
from assay.service.analyse import result_of
from tests.service.test_loop import experiment

START = datetime(2026, 2, 5, tzinfo=timezone.utc)


def result(seconds: float, key: str = "e") -> ExperimentResult:
    """A real result, units growing with time."""
    units = {"control": 100 + int(seconds), "b": 100}
    arms = {name: Moments.of_counts(10, n) for name, n in units.items()}
    moments = ExperimentMoments(experiment=key, units=units, metrics={"bought": arms}, first_exposure_at=START)
    return result_of(experiment(key=key), moments, START + timedelta(seconds=seconds))


def times(results: Results, **limits: int) -> list[float]:
    return [(item.at - START).total_seconds() for item in results.series("e", **limits)]


def test_what_is_saved_comes_back_whole(results: Results) -> None:
    assert results.latest("e") is None
    assert results.series("e") == []
    for seconds in (1, 2):
        results.save(result(seconds))
    results.save(result(9, "other"))
    assert results.latest("e") == result(2)
    assert results.series("e") == [result(1), result(2)]


def test_a_long_series_is_thinned_evenly_with_both_ends(results: Results) -> None:
    for seconds in range(101):
        results.save(result(seconds))
    thin = times(results, limit=10)
    assert thin[0] == 0
    assert thin[-1] == 100
    assert 9 <= len(thin) <= 12
    assert len(times(results, limit=1_000)) == 101


def test_results_close_together_take_each_others_place(results: Results) -> None:
    for seconds in (0, 1, 2, 3, 4, 20, 21, 50):
        results.save(result(seconds), spacing_seconds=10)
    kept = times(results)
    assert kept[0] == 0
    assert kept[-1] == 50
    assert results.latest("e") == result(50)
    assert len(kept) < 8
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(kept[:-1]))
