"""The decision rule over five success, five guardrail and two watched metrics and two checks: α, β and harm.

The dependences are the extreme ones of Schultzberg, Ankargren & Frånberg 2024, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from assay.stats.multiple.rule import MetricTests, RulePlan, Verdict, decide, metric_tests, rule_plan
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
S, G, D, Q = 5, 5, 2, 2
ALPHA, BETA = 0.05, 0.2
PLAN = rule_plan(S, G, n_deterioration=D, n_quality=Q, alpha=ALPHA, beta=BETA)
DEPENDENCES = {
    "independent": (0.0, 0.0, 0.0),
    "all alike": (0.99, 0.0, 0.0),
    "success": (0, 0.99, 0),
    "guards": (0, 0, 0.99),
}


def noise(seed: int, dependence: str) -> Floats:
    """Normal statistics of S + G metrics, correlated over all, within success, or within guardrail metrics."""
    rng = np.random.default_rng(seed)
    every, success, guards = DEPENDENCES[dependence]
    z = rng.standard_normal((REPLICATIONS, S + G))
    for columns, correlation in ((slice(None), every), (slice(0, S), success), (slice(S, None), guards)):
        shared = rng.standard_normal((REPLICATIONS, 1))
        z[:, columns] = np.sqrt(1 - correlation) * z[:, columns] + np.sqrt(correlation) * shared
    return z


@dataclass(frozen=True)
class Decided:
    """One true or false per replication."""

    shipped: Flags
    stopped: Flags


def decided(z: Floats, margins: float, others: Floats, plan: RulePlan) -> Decided:
    """z: metrics' statistics against 0; margins: of guardrails, in standard errors; others: watched and checks."""
    won = (z[:, :S] >= -ndtri(plan.superiority)).any(axis=1)
    safe = (z[:, S:] + margins >= -ndtri(plan.non_inferiority)).all(axis=1)
    harm = (np.concatenate([z, others], axis=1) <= ndtri(plan.deterioration)).any(axis=1)
    return Decided(won & safe & ~harm, harm)


def planned(plan: RulePlan, power: float) -> tuple[float, float]:
    """Effect of a success metric and margin of a guardrail, in standard errors, that have this power."""
    return -ndtri(plan.superiority) + ndtri(power), -ndtri(plan.non_inferiority) + ndtri(power)


def others(seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((REPLICATIONS, D + Q))


@pytest.mark.parametrize("dependence", DEPENDENCES)
def test_alpha_beta_and_harm(dependence: str) -> None:
    effect, margin = planned(PLAN, PLAN.power_each)
    z, rest = noise(921, dependence), others(922)
    idle = decided(z, margin, rest, PLAN)
    error_kept(f"rule, {dependence}: ships though nothing moved", idle.shipped, ALPHA)
    error_kept(f"rule, {dependence}: stops though nothing moved", idle.stopped, ALPHA)
    works = z.copy()
    works[:, 0] += effect
    found(
        f"rule, {dependence}: ships one success metric that works", decided(works, margin, rest, PLAN).shipped, 1 - BETA
    )
    unsafe = z.copy()
    unsafe[:, :S] += effect
    unsafe[:, S] -= margin
    error_kept(
        f"rule, {dependence}: ships though a guardrail is worse by its margin",
        decided(unsafe, margin, rest, PLAN).shipped,
        ALPHA,
    )
    harmful = rest.copy()
    harmful[:, 0] -= 5.0
    found(
        f"rule, {dependence}: stops for a watched metric that is worse",
        decided(works, margin, harmful, PLAN).stopped,
        0.95,
    )


def test_uncorrected_rules_break() -> None:
    loose = rule_plan(1, 1, n_quality=0)
    _, margin = planned(PLAN, PLAN.power_each)
    z, rest = noise(923, "independent"), others(924)
    won = (z[:, :S] >= -ndtri(loose.superiority)).any(axis=1)
    error_broken("rule without dividing α over success metrics ships though nothing moved", won, ALPHA)
    harm = (np.concatenate([z, rest], axis=1) <= ndtri(0.05)).any(axis=1)
    error_broken("rule without dividing α⁻ stops though nothing moved", harm, ALPHA)
    effect, margin = planned(PLAN, 1 - BETA)
    works = z + np.array([effect, *[0.0] * (S + G - 1)])
    error_broken(
        "rule planned with 80 % power each misses what works", ~decided(works, margin, rest, PLAN).shipped, BETA
    )


def test_power_corrected_for_guardrails_alone_misses_too_often_with_many_checks() -> None:
    """β / (G + 1), which leaves out that harm tests also stop what works: seen where β is not much above α⁻."""
    plan = rule_plan(1, 0, n_deterioration=6, n_quality=6, beta=0.06, alpha_deterioration=0.05)
    z = np.random.default_rng(925).standard_normal((REPLICATIONS, 13))
    harm = (z[:, 1:] <= ndtri(plan.deterioration)).any(axis=1)
    levels = -ndtri(plan.superiority)

    def missed(power: float) -> Flags:
        return np.asarray((z[:, 0] + levels + ndtri(power) < levels) | harm)

    error_kept("rule with its own power correction misses what works", missed(plan.power_each), 0.06)
    error_broken("rule with β / (G + 1) misses what works", missed(1 - 0.06), 0.06)


def test_the_simulated_rule_is_the_rule() -> None:
    effect, margin = planned(PLAN, PLAN.power_each)
    z, rest = noise(926, "independent")[:150], others(927)[:150]
    z[:50, 0] += effect
    z[100:, :S] += effect
    fast = decided(z, margin, rest, PLAN)
    for i in range(len(z)):
        metrics: dict[str, MetricTests] = {f"s{j}": metric_tests("success", z[i, j], 1.0) for j in range(S)}
        metrics |= {f"g{j}": metric_tests("guardrail", z[i, S + j], 1.0, margin=margin) for j in range(G)}
        metrics |= {f"d{j}": metric_tests("deterioration", rest[i, j], 1.0) for j in range(D)}
        quality = {f"q{j}": float(ndtr(rest[i, D + j])) for j in range(Q)}
        verdict = decide(PLAN, metrics, quality).verdict
        assert (verdict is Verdict.SHIP) == fast.shipped[i]
        assert (verdict is Verdict.DO_NOT_SHIP) == fast.stopped[i]
    assert 0 < fast.shipped.sum() < len(z)
