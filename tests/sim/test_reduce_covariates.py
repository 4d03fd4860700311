"""CUPED with many covariates: false alarms, coverage, power, and the traps that must be noticed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from assay.model.metric import MetricKind
from assay.model.moments import COVARIATE, VALUE, Moments, covariate_columns
from assay.model.result import Interval
from assay.stats.arm import Arm
from assay.stats.fixed.core import compare_arms, welch_t
from assay.stats.outcome import Outcome
from assay.stats.reduction.cuped import Adjustment, adjusted_arm, adjustment
from assay.stats.reduction.timing import CovariateAlarm, covariate_affected
from assay.stats.sequential.means import mean_sequence
from tests.sim import claims
from tests.sim.unit_streams import Array

pytestmark = pytest.mark.slow

ALPHA = 0.05
Arms = dict[str, Moments]
Draw = Callable[[np.random.Generator, tuple[int, int]], list[Array]]


def many_moments(columns: tuple[str, ...], arrays: list[Array]) -> list[Moments]:
    """One Moments per replication. arrays: replications × units, one for each column."""
    stack = np.stack(arrays)
    means = stack.mean(axis=2)
    centred = stack - means[:, :, None]
    pairs = [(i, j) for i in range(len(arrays)) for j in range(i, len(arrays))]
    comoments = np.stack([np.einsum("rn,rn->r", centred[i], centred[j]) for i, j in pairs], axis=1)
    n = stack.shape[2]
    return [Moments(n, columns, tuple(m), tuple(c)) for m, c in zip(means.T.tolist(), comoments.tolist(), strict=True)]


def experiments(
    draw: Draw, n_t: int, n_c: int, seed: int, *, effect: float = 0.0, replications: int = claims.REPLICATIONS
) -> list[Arms]:
    """Experiments in which the treatment adds `effect` to the value. draw: the value, then its covariates."""
    sides = []
    for name, n, move, part in (("t", n_t, effect, 0), ("c", n_c, 0.0, 1)):
        rng = np.random.default_rng(np.random.SeedSequence([seed, part]))
        arrays = draw(rng, (replications, n))
        arrays[0] = arrays[0] + move
        columns = (VALUE, *covariate_columns(len(arrays) - 1))
        sides.append([(name, item) for item in many_moments(columns, arrays)])
    return [dict(pair) for pair in zip(*sides, strict=True)]


def adjusted(arms: Arms, *, kind: MetricKind = MetricKind.MEAN, null: float = 0.0) -> Outcome:
    """What is shipped, for two variants."""
    by = adjustment(arms, kind=kind)
    assert isinstance(by, Adjustment)
    return compare_arms("adjusted", adjusted_arm(arms["t"], by), adjusted_arm(arms["c"], by), alpha=ALPHA, null=null)


def each_for_itself(arms: Arms) -> Outcome:
    """The faulty way: coefficients and covariate means of its own in each arm."""
    found = []
    for item in (arms["t"], arms["c"]):
        by = adjustment({"alone": item})
        assert isinstance(by, Adjustment)
        found.append(Arm(item.n, item.mean(), adjusted_arm(item, by).unit_variance))
    return compare_arms("own", *found, alpha=ALPHA)


def significant(outcomes: list[Outcome]) -> list[bool]:
    return [item.significant() for item in outcomes]


def missed(outcomes: list[Outcome], truth: float) -> list[bool]:
    found = []
    for item in outcomes:
        assert isinstance(item.interval, Interval)
        found.append(not item.interval.lower <= truth <= item.interval.upper)  # type: ignore[operator]
    return found


def explained(rho: float, k: int = 2) -> Draw:
    """Values of which k covariates together explain the share ρ²."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> list[Array]:
        x = [rng.standard_normal(shape) for _ in range(k)]
        noise = math.sqrt(1 - rho**2) * rng.standard_normal(shape)
        return [10 + rho / math.sqrt(k) * np.add.reduce(x) + noise, *(5 + column for column in x)]

    return draw


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8, 0.95])
def test_false_alarms_and_the_trap_of_own_coefficients(rho: float) -> None:
    drawn = experiments(explained(rho), 60, 140, seed=9010 + round(100 * rho))
    claims.error_kept(f"CUPED of two covariates, ρ = {rho}", significant([adjusted(arms) for arms in drawn]), ALPHA)
    if rho >= 0.5:
        some = drawn if rho < 0.8 else drawn[: len(drawn) // 5]
        wrong = significant([each_for_itself(arms) for arms in some])
        claims.error_broken(f"own θ and covariate means, ρ = {rho}", wrong, ALPHA)


def test_the_factor_keeps_small_samples_honest() -> None:
    drawn = experiments(explained(0.5, k=5), 10, 14, seed=902)
    claims.error_kept("CUPED of five covariates, 24 units", significant([adjusted(arms) for arms in drawn]), ALPHA)
    bare = []
    for arms in drawn[: len(drawn) // 3]:
        by = adjustment(arms)
        assert isinstance(by, Adjustment)
        pair = [adjusted_arm(item, by) for item in (arms["t"], arms["c"])]
        bare.append(compare_arms("bare", *(Arm(arm.n, arm.value, arm.unit_variance / by.factor) for arm in pair)))
    claims.error_broken("CUPED of five covariates without its degrees of freedom", significant(bare), ALPHA)


def spenders(rng: np.random.Generator, shape: tuple[int, int]) -> list[Array]:
    """Four in five spend nothing; the others a lognormal amount that goes with that of the period before."""
    taste = rng.standard_normal(shape)
    before = np.exp(0.9 * taste + 0.4 * rng.standard_normal(shape)) * (rng.random(shape) < 0.5)
    now = np.exp(0.9 * taste + 0.4 * rng.standard_normal(shape)) * (rng.random(shape) < 0.2)
    return [now, before, (before > 0).astype(float)]


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> list[Array]:
    taste = rng.standard_normal(shape)
    return [np.exp(taste), np.exp(taste + 0.5 * rng.standard_normal(shape)), taste]


@pytest.mark.parametrize("draw", [spenders, lognormal])
def test_heavy_tails(draw: Draw) -> None:
    drawn = experiments(draw, 400, 400, seed=903, replications=claims.REPLICATIONS // 2)
    claims.error_kept(f"CUPED, {draw.__name__}", significant([adjusted(arms) for arms in drawn]), ALPHA)


@pytest.mark.parametrize("p", [0.001, 0.01, 0.05, 0.3])
def test_shares(p: float) -> None:
    """Conversions with "converted before" as covariate, drawn as tables of both."""
    chances = np.array([p * 0.5, p * 0.5, p * 0.5, 1 - 1.5 * p])
    n = {"t": int(100 / p), "c": int(300 / p)}
    tables = {
        name: np.random.default_rng([904, i]).multinomial(n[name], chances, claims.REPLICATIONS)
        for i, name in enumerate(n)
    }
    outcomes = []
    for rows in zip(*(table.tolist() for table in tables.values()), strict=True):
        arms = {}
        for name, (both, now, before, _) in zip(n, rows, strict=True):
            y, x, size = both + now, both + before, n[name]
            comoments = (y - y * y / size, both - y * x / size, x - x * x / size)
            arms[name] = Moments(size, (VALUE, COVARIATE), (y / size, x / size), comoments)
        outcomes.append(adjusted(arms))
    claims.error_kept(f"CUPED of a share of {p:.1%}", significant(outcomes), ALPHA)


def test_power_gained_and_coverage_kept() -> None:
    effect = 0.4
    drawn = experiments(explained(0.8), 60, 60, seed=905, effect=effect)
    found = [adjusted(arms) for arms in drawn]
    claims.found("CUPED at ρ = 0.8 finds 0.4 sd with 60 units a variant", significant(found), 0.94)
    claims.error_kept("CUPED covers the effect", missed(found, effect), ALPHA)
    plain = significant([welch_t(arms["t"].only((VALUE,)), arms["c"].only((VALUE,))) for arms in drawn])
    assert 0.5 < np.mean(plain) < 0.65


def test_sequences_on_adjusted_arms() -> None:
    """Ever significant, looked at every 100 units."""
    replications, per_look, looks = claims.REPLICATIONS // 5, 50, 8
    streams = [
        explained(0.8)(np.random.default_rng([906, part]), (replications, per_look * looks)) for part in range(2)
    ]
    ever = np.zeros(replications, dtype=bool)
    for look in range(1, looks + 1):
        columns = (VALUE, *covariate_columns(2))
        sides = [many_moments(columns, [array[:, : look * per_look] for array in stream]) for stream in streams]
        ever |= [mean_sequence(t, c, alpha=ALPHA, tuning_units=400).significant() for t, c in zip(*sides, strict=True)]
    claims.error_kept("adjusted sequence of two covariates, ever", ever, ALPHA)


def test_the_alarm_for_covariates() -> None:
    alpha = 0.01
    # the value stands in the place of a covariate, so that an effect on it is a leak
    names = (COVARIATE, "covariate_2", "covariate_3")

    def sounded(effect: float) -> list[bool]:
        flags = []
        for arms in experiments(explained(0.5), 150, 350, seed=907, effect=effect):
            renamed = {name: Moments(item.n, names, item.means, item.comoments) for name, item in arms.items()}
            found = covariate_affected(renamed, alpha=alpha)
            assert isinstance(found, CovariateAlarm)
            flags.append(found.affected)
        return flags

    claims.error_kept("covariate alarm without a leak", sounded(0.0), alpha)
    claims.found("covariate alarm finds a leak of half an sd", sounded(0.5), 0.97)
