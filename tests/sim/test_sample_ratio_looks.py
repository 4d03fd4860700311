"""The sample-ratio check watched at every look: false alarms and what it finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

from assay.model.result import Validity
from assay.stats.trust.sample_ratio import CONCENTRATION, chi_square_p, multinomial_anytime_p, sample_ratio
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, in_parts
from tests.sim.claims import found as finds
from tests.sim.unit_streams import Array

pytestmark = pytest.mark.slow


FEW = REPLICATIONS // 5


def streams(seed: int | np.random.Generator, shares: list[float], horizon: int, every: int, replications: int) -> Array:
    """Counts, replications × looks × variants."""
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.multinomial(every, shares, size=(replications, horizon // every)), axis=1)


def log_evidence(counts: Array, planned: list[float]) -> Array:
    share = np.array(planned)
    per_arm = gammaln(CONCENTRATION * share + counts) - gammaln(CONCENTRATION * share) - counts * np.log(share)
    return gammaln(CONCENTRATION) - gammaln(CONCENTRATION + counts.sum(axis=-1)) + per_arm.sum(axis=-1)


def first_alarms(counts: Array, planned: list[float], alpha: float, every: int) -> Array:
    """Units at the first alarm; infinite without one."""
    alarm = log_evidence(counts, planned) > -np.log(alpha)
    return np.where(alarm.any(axis=1), (alarm.argmax(axis=1) + 1) * every, np.inf)


@pytest.mark.parametrize("planned", [[0.5, 0.5], [0.9, 0.1], [0.5, 0.25, 0.25]])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_false_alarms_over_all_looks(planned: list[float], alpha: float) -> None:
    rng = np.random.default_rng(401)

    def alarms(rows: int) -> Array:
        return np.isfinite(first_alarms(streams(rng, planned, 20_000, 100, rows), planned, alpha, 100))

    what = f"sample ratio watched every 100 units, planned {planned}, level {alpha:g}: false alarms"
    error_kept(what, in_parts(alarms), alpha)


def test_package_and_simulation_agree() -> None:
    counts = streams(402, [0.52, 0.28, 0.2], 20_000, 1_000, 20).reshape(-1, 3)
    planned = [0.5, 0.3, 0.2]
    expected = np.minimum(1, np.exp(-log_evidence(counts, planned)))
    found = [multinomial_anytime_p(row, planned) for row in counts.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("share", "units", "horizon"), [(0.52, 10_500, 60_000), (0.51, 42_000, 150_000)])
def test_mismatches_are_found_when_the_documentation_says(share: float, units: int, horizon: int) -> None:
    counts = streams(403, [share, 1 - share], horizon, 500, 1_000)
    median = float(np.median(first_alarms(counts, [0.5, 0.5], 0.001, 500)))
    assert 0.9 * units < median < 1.1 * units


def test_a_52_to_48_split_is_almost_surely_found() -> None:
    found = first_alarms(streams(404, [0.52, 0.48], 40_000, 500, FEW), [0.5, 0.5], 0.001, 500)
    finds("sample ratio watched: finds 52 to 48 within 40,000 units", np.isfinite(found), 0.99)


def test_chi_square_holds_at_one_look_and_not_when_watched() -> None:
    counts = streams(405, [0.5, 0.5], 10_000, 200, REPLICATIONS)
    p = [[chi_square_p(look, [0.5, 0.5]) for look in looks[::10]] for looks in counts.tolist()]
    low = np.array(p) < 0.05
    error_kept("chi-square at one look of 8,200 units: false alarms", low[:, -1], 0.05)
    error_broken("chi-square watched at five looks: false alarms", low.any(axis=1), 0.05)


def test_the_p_that_applies_follows_the_validity() -> None:
    observed, weights = {"a": 44_700, "b": 45_489}, {"a": 500_000, "b": 500_000}
    fixed = sample_ratio(observed, weights, alpha=0.01, validity=Validity.FIXED)
    anytime = sample_ratio(observed, weights, alpha=0.01, validity=Validity.ANYTIME)
    assert fixed.mismatch
    assert not anytime.mismatch
