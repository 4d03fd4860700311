"""Post-stratification: false alarms with small strata, coverage where strata respond differently, power, and traps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.stats.arm import Arm, arm_of
from assay.stats.contrast import sequential_means
from assay.stats.fixed.core import compare_arms
from assay.stats.outcome import Alternative, Outcome
from assay.stats.reduction.report import Reduced
from assay.stats.reduction.strata import post_stratified, totals_of
from assay.stats.sequential.margins import watched_contrast
from assay.stats.sequential.mixture import tuned_rho_squared
from tests.sim import claims
from tests.sim.test_reduce_covariates import missed, significant
from tests.sim.unit_streams import Array

pytestmark = pytest.mark.slow

ALPHA = 0.05
Strata = dict[str, dict[str, Moments]]
Codes = NDArray[np.int64]
Draw = Callable[[np.random.Generator, Codes, Codes], Array]
"""Values from strata and from 1 for the treatment, 0 for the control: replications × units."""


def experiments(
    draw: Draw, n: int, strata: int, share: float, seed: int, *, replications: int = claims.REPLICATIONS
) -> list[Strata]:
    """Units that fall into strata of different sizes, and into the treatment with probability `share`."""
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, strata + 1) / (strata * (strata + 1) / 2)
    place = np.searchsorted(np.cumsum(sizes)[:-1], rng.random((replications, n)))
    treated = (rng.random((replications, n)) < share).astype(np.int64)
    y = draw(rng, place, treated)
    cell = ((np.arange(replications)[:, None] * strata + place) * 2 + treated).ravel()
    cells = replications * strata * 2
    counts = np.bincount(cell, minlength=cells)
    means = np.bincount(cell, y.ravel(), cells) / np.maximum(counts, 1)
    squares = np.bincount(cell, (y.ravel() - means[cell]) ** 2, cells)
    shape = (replications, strata, 2)
    rows = zip(*(part.reshape(shape).tolist() for part in (counts, means, squares)), strict=True)
    return [
        {
            f"{k:02d}": {name: Moments(size[i], (VALUE,), (mean[i],), (square[i],)) for i, name in ((1, "t"), (0, "c"))}
            for k, (size, mean, square) in enumerate(zip(*row, strict=True))
        }
        for row in rows
    ]


def judged(strata: Strata) -> Outcome:
    found = post_stratified(strata)
    if isinstance(found, Reduced):
        return compare_arms("stratified", found.arms["t"], found.arms["c"], alpha=ALPHA)
    totals = totals_of(strata)
    return compare_arms("plain", *(arm_of(MetricKind.MEAN, totals[name]) for name in ("t", "c")), alpha=ALPHA)


def by_hand(strata: Strata, *, own_weights: bool) -> Outcome:
    """Faulty ways: weights of each variant's own units, or only the variance within strata."""
    arms = []
    used = [by for by in strata.values() if min(item.n for item in by.values()) > 1]
    for name in ("t", "c"):
        n = np.array([by[name].n for by in used], dtype=float)
        sizes = n if own_weights else np.array([by["t"].n + by["c"].n for by in used], dtype=float)
        w = sizes / sizes.sum()
        mean = float(w @ np.array([by[name].mean() for by in used]))
        spread = np.array([by[name].comoment() for by in used]) / (n - 1) / n
        arms.append(Arm(int(n.sum()), mean, float(n.sum() * (w**2 @ spread))))
    return compare_arms("by hand", *arms, alpha=ALPHA)


def normal(rng: np.random.Generator, place: Codes, treated: Codes) -> Array:
    return place + rng.standard_normal(place.shape)


def conversions(rng: np.random.Generator, place: Codes, treated: Codes) -> Array:
    return (rng.random(place.shape) < 0.01 + 0.05 * place).astype(float)


def lognormal(rng: np.random.Generator, place: Codes, treated: Codes) -> Array:
    return np.exp(0.3 * place + rng.standard_normal(place.shape))


@pytest.mark.parametrize(
    ("draw", "n", "strata", "share"),
    [(normal, 120, 4, 0.5), (conversions, 400, 5, 0.5), (lognormal, 400, 4, 0.5), (normal, 400, 5, 0.15)],
)
def test_false_alarms_with_small_strata(draw: Draw, n: int, strata: int, share: float) -> None:
    drawn = experiments(draw, n, strata, share, seed=921, replications=claims.REPLICATIONS // 2)
    found = significant(list(map(judged, drawn)))
    claims.error_kept(f"post-stratified {draw.__name__}, {n} units in {strata} strata, {share:.0%}", found, ALPHA)


def test_many_small_strata_are_merged_without_harm() -> None:
    drawn = experiments(normal, 300, 20, 0.5, seed=922, replications=claims.REPLICATIONS // 5)
    claims.error_kept("post-stratified, 20 strata of 1 to 29 units", significant(list(map(judged, drawn))), ALPHA)


def test_weights_of_each_variant_s_own_inflate() -> None:
    drawn = experiments(normal, 200, 4, 0.5, seed=923, replications=claims.REPLICATIONS // 5)
    wrong = significant([by_hand(item, own_weights=True) for item in drawn])
    claims.error_broken("post-stratified with each variant's own weights", wrong, ALPHA)


def test_strata_that_respond_differently() -> None:
    """Effects of +2 and -1 by stratum: which strata the units fell into is part of the uncertainty."""

    def draw(rng: np.random.Generator, place: Codes, treated: Codes) -> Array:
        return place + np.where(place == 0, 2.0, -1.0) * treated + 0.5 * rng.standard_normal(place.shape)

    truth = (2.0 * 1 - 1.0 * 2) / 3
    drawn = experiments(draw, 300, 2, 0.5, seed=924, replications=claims.REPLICATIONS // 2)
    claims.error_kept("post-stratified covers an uneven effect", missed(list(map(judged, drawn)), truth), ALPHA)
    without = missed([by_hand(item, own_weights=False) for item in drawn], truth)
    claims.error_broken("post-stratified with the variance within strata alone", without, ALPHA)


def test_power_gained() -> None:
    def draw(rng: np.random.Generator, place: Codes, treated: Codes) -> Array:
        return 0.35 * treated + normal(rng, place, treated)

    drawn = experiments(draw, 400, 5, 0.5, seed=925, replications=claims.REPLICATIONS // 2)
    found = list(map(judged, drawn))
    claims.found("post-stratified finds 0.35 sd with 400 units", significant(found), 0.90)
    claims.error_kept("post-stratified covers the effect", missed(found, 0.35), ALPHA)
    plain = [
        compare_arms("plain", *(arm_of(MetricKind.MEAN, totals_of(item)[name]) for name in ("t", "c")))
        for item in drawn[:500]
    ]
    assert np.mean(significant(plain)) < 0.75


def test_sequences_of_stratified_arms() -> None:
    """Ever significant, looked at every 100 units; strata are merged and split anew at each look."""
    replications, strata, rho_squared = claims.REPLICATIONS // 10, 4, tuned_rho_squared(1_000, ALPHA)
    rng = np.random.default_rng(927)
    ever = np.zeros(replications, dtype=bool)
    for i in range(replications):
        place, treated = rng.integers(0, strata, 1_000), rng.random(1_000) < 0.5
        y = (rng.random(1_000) < 0.05 * (1 + place)).astype(float)
        for look in range(100, 1_001, 100):
            drawn: Strata = {str(k): {} for k in range(strata)}
            for k in range(strata):
                for name, chosen in (("t", treated), ("c", ~treated)):
                    here = chosen[:look] & (place[:look] == k)
                    drawn[str(k)][name] = Moments.of_counts(int(y[:look][here].sum()), int(here.sum()))
            found = post_stratified(drawn)
            if isinstance(found, Reduced):
                contrast = sequential_means(found.arms["t"], found.arms["c"])
                outcome = watched_contrast("x", contrast, rho_squared, ALPHA, alternative=Alternative.TWO_SIDED)
                ever[i] |= outcome.significant()
    claims.error_kept("sequence of post-stratified shares, ever", ever, ALPHA)


def test_ratios() -> None:
    """Spending per visit where visits and spending differ by stratum."""
    rng = np.random.default_rng(926)
    replications, strata = claims.REPLICATIONS // 4, 3
    outcomes = []
    for _ in range(replications):
        drawn: Strata = {}
        for k in range(strata):
            drawn[str(k)] = {}
            for name, n in zip("tc", rng.multinomial(80, [0.4, 0.6]).tolist(), strict=True):
                d = 1.0 + rng.poisson(1 + k, n)
                y = d * (1 + k) * rng.gamma(4, 0.25, n)
                pair = np.stack([y, d])
                centred = pair - pair.mean(axis=1, keepdims=True)
                moments = centred @ centred.T
                comoments = (float(moments[0, 0]), float(moments[0, 1]), float(moments[1, 1]))
                means = (float(y.mean()), float(d.mean()))
                drawn[str(k)][name] = Moments(n, (VALUE, DENOMINATOR), means, comoments)
        found = post_stratified(drawn, kind=MetricKind.RATIO)
        assert isinstance(found, Reduced)
        outcomes.append(compare_arms("ratio", found.arms["t"], found.arms["c"], alpha=ALPHA))
    claims.error_kept("post-stratified ratio", significant(outcomes), ALPHA)
