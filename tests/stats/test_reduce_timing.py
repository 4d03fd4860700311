"""Covariates measured after exposure are refused, and those that look so are noticed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.fixed.core import welch_t
from assay.stats.reduction.rows import unit_moments
from assay.stats.reduction.timing import CovariateAlarm, check_covariate_time, covariate_affected

UTC = timezone.utc
DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
LOCAL = START.replace(tzinfo=None)


def refused(measured_at: Any, exposed_at: Any, **more: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check_covariate_time(measured_at, exposed_at, **more)
    return caught.value


def test_units_measured_late_are_counted_with_the_worst_delay() -> None:
    exposed = [START + i * DAY for i in range(4)]
    measured = [START - DAY, START + 2 * DAY, START + 2 * DAY, START + 5 * DAY]
    error = refused(measured, exposed, name="visits before")
    assert error.field == "visits before"
    assert "2 of 4 units" in error.message
    assert "2 days, 0:00:00 too late" in error.message
    assert "before" in error.accepted


def test_the_end_of_a_period_against_every_exposure() -> None:
    check_covariate_time(START, [START, START + DAY])
    assert "1 of 3 units" in refused(START, [START - DAY / 24, START, START + DAY]).message
    check_covariate_time([START - DAY, START], START)
    check_covariate_time(START - DAY, START)
    assert "1 of 1 units" in refused(START + timedelta(microseconds=1), START).message


@pytest.mark.parametrize(
    "times",
    [
        lambda late: ([0.0, 10.0 + late], [5.0, 10.0]),
        lambda late: ([0, 10 + int(late)], [5, 10]),
        lambda late: (
            np.array([0, 10 + int(late)], "datetime64[s]"),
            np.array([5, 10], "datetime64[s]").astype("datetime64[ms]"),
        ),
        lambda late: (
            pd.to_datetime([0, 10 + late], unit="s", utc=True),
            pd.to_datetime([5, 10], unit="s", utc=True),
        ),
        lambda late: (
            [LOCAL - DAY, LOCAL + timedelta(seconds=late)],
            [LOCAL, LOCAL],
        ),
        lambda late: (
            [START, START.astimezone(timezone(timedelta(hours=5))) + timedelta(seconds=late)],
            [START, START],
        ),
    ],
)
def test_every_sort_of_time(times: Any) -> None:
    measured, exposed = times(0)
    check_covariate_time(measured, exposed)
    late, _ = times(3)
    assert "1 of 2 units" in refused(late, exposed).message
    assert "0:00:03" in refused(late, exposed).message


def test_what_was_never_measured_cannot_be_late() -> None:
    check_covariate_time([None, START], [START, START])
    check_covariate_time([None, None], [START, START])
    check_covariate_time([pd.NaT, START], [START, START])
    check_covariate_time([np.nan, 1.0], [2.0, 2.0])
    check_covariate_time(np.array(["NaT", "2026-01-01"], "datetime64[D]"), np.datetime64("2026-01-02"))
    check_covariate_time([], [])
    assert refused([START], [None]).field == "exposed_at"
    assert "1 of 2" in refused([1.0, 2.0], [np.nan, 5.0]).message


def test_times_that_cannot_be_compared() -> None:
    assert refused([1.0], [START]).field == "covariate measured_at"
    assert refused([START.replace(tzinfo=None)], [START]).field == "covariate measured_at"
    assert refused([START] * 3, [START] * 2).field == "covariate measured_at"
    assert refused(["2026-01-01"], [START], name="x").field == "x measured_at"
    assert refused([START, START.replace(tzinfo=None)], [START] * 2).field == "covariate measured_at"
    assert refused([START], "yesterday").field == "exposed_at"
    assert "too late" in refused([1e300], [0.0]).message


def alarm(moments: dict[str, Moments], **more: Any) -> CovariateAlarm:
    found = covariate_affected(moments, **more)
    assert isinstance(found, CovariateAlarm)
    return found


@given(seed=st.integers(0, 1_000), k=st.integers(1, 3))
def test_two_variants_are_compared_by_welch_s_t(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    x = {"t": rng.standard_normal((k, 20)), "c": 2 * rng.standard_normal((k, 33))}
    found = alarm({name: unit_moments(rows[0], covariates=list(rows)) for name, rows in x.items()})
    for i, p in enumerate(found.p_values.values()):
        assert p == pytest.approx(welch_t(x["t"][i], x["c"][i]).p_value)
    assert found.p_value == pytest.approx(min(1, k * min(found.p_values.values())))
    assert found.affected is (found.p_value <= found.alpha)
    assert (found.warning is None) is not found.affected


def test_the_warning_names_the_covariate() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 500))
    found = alarm(
        {
            "c": unit_moments(x[0], covariates=list(x)),
            "t": unit_moments(x[0], covariates=[x[0], x[1] + 0.5, x[2]]),
        }
    )
    assert found.affected
    assert found.warning is not None
    assert "covariate_2" in found.warning
    assert "after" in found.warning
    assert not alarm(
        {"c": unit_moments(x[0], covariates=list(x)), "t": unit_moments(x[0], covariates=list(x))}
    ).affected


def test_many_variants_units_and_scales() -> None:
    rng = np.random.default_rng(2)
    x = [rng.standard_normal(n) for n in (30, 50, 200)]
    plain = alarm({str(i): unit_moments(a, covariates=[a]) for i, a in enumerate(x)})
    moved = alarm({str(i): unit_moments(a, covariates=[1e8 + 3 * a]) for i, a in enumerate(x)})
    assert moved.p_value == pytest.approx(plain.p_value, rel=1e-5)


def columns(covariate: list[float]) -> Moments:
    return unit_moments([0.0] * len(covariate), covariates=[covariate])


def test_constant_covariates() -> None:
    same = covariate_affected({"t": columns([1, 1, 1]), "c": columns([1, 1])})
    assert isinstance(same, NoEstimate)
    assert same.no_estimate == "zero_variance"
    apart = alarm({"t": columns([1, 1, 1]), "c": columns([2, 2])})
    assert apart.affected
    assert 0 < apart.p_value < 1e-300
    half = alarm({"t": columns([1.0] * 20), "c": columns([0.5, 1.5] * 10)})
    assert half.p_value == pytest.approx(1)


@pytest.mark.parametrize(
    ("moments", "code"),
    [
        ({}, "empty_arm"),
        ({"t": Moments.zeros(0, (VALUE, COVARIATE)), "c": columns([1, 2])}, "empty_arm"),
        ({"t": columns([1]), "c": columns([1, 2])}, "one_unit"),
        ({"t": unit_moments([1, 2]), "c": unit_moments([1, 2])}, "no_covariate"),
        (
            {"t": Moments(3, (VALUE, COVARIATE), (0.0, 0.0), (1.0, 0.0, -1.0)), "c": columns([1, 2])},
            "bad_moments",
        ),
    ],
)
def test_what_cannot_be_judged_says_why(moments: dict[str, Moments], code: str) -> None:
    found = covariate_affected(moments)
    assert isinstance(found, NoEstimate)
    assert found.no_estimate == code


def test_the_alarm_s_own_alpha() -> None:
    arms = {"t": columns([1, 2, 3, 4, 5, 6]), "c": columns([2, 3, 4, 5, 6, 8.5])}
    p = alarm(arms).p_value
    assert alarm(arms, alpha=p).affected
    assert not alarm(arms, alpha=p / 2).affected
    with pytest.raises(InvalidInput, match="alpha"):
        covariate_affected(arms, alpha=0)
