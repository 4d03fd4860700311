"""Many comparisons and trust: errors kept, wolves found, and wrong ways caught."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from assay.model.plan import Correction
from assay.model.result import Interval
from assay.stats.multiple.adjust import adjust
from assay.stats.multiple.dunnett import dunnett_critical
from assay.stats.multiple.intervals import Estimated, holm_lower_bounds, simultaneous_intervals
from assay.stats.multiple.rule import rule_plan
from assay.stats.trust.exact import exact_sample_ratio
from assay.stats.trust.risk import Corrected, winner_corrected
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow
ALPHA, M = 0.05, 6
Floats = NDArray[np.float64]
FAMILYWISE = (Correction.BONFERRONI, Correction.HOLM, Correction.HOCHBERG)
DISCOVERIES = (Correction.BENJAMINI_HOCHBERG, Correction.BENJAMINI_YEKUTIELI)


def statistics(seed: int, shifts: Floats, correlation: float) -> Floats:
    """Normal statistics with one shared part, replications × comparisons."""
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((REPLICATIONS, 1))
    own = rng.standard_normal((REPLICATIONS, shifts.size))
    return shifts + np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own


def rejected(z: Floats, method: Correction) -> NDArray[np.bool_]:
    p = 2 * ndtr(-np.abs(z))
    return np.array([adjust(row, method) for row in p.tolist()]) < ALPHA


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_chance_of_any_false_alarm(correlation: float) -> None:
    z = statistics(901, np.zeros(M), correlation)
    for method in FAMILYWISE:
        claim = f"{method.value}: any false alarm among {M}, correlation {correlation:g}"
        error_kept(claim, rejected(z, method).any(axis=1), ALPHA)
    error_broken(
        f"uncorrected: any false alarm among {M}, correlation {correlation:g}", (np.abs(z) > 1.96).any(axis=1), ALPHA
    )
    shifts = np.array([0.0, 0.0, 0.0, 3.6, 3.6, 3.6])
    some = statistics(902, shifts, correlation)
    for method in FAMILYWISE:
        hits = rejected(some, method)
        error_kept(
            f"{method.value}: a false alarm beside true effects, correlation {correlation:g}",
            hits[:, :3].any(axis=1),
            ALPHA,
        )
        found(f"{method.value}: finds one true effect of 3.6, correlation {correlation:g}", hits[:, 3], 0.75)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_share_of_false_discoveries(correlation: float) -> None:
    shifts = np.concatenate([np.zeros(15), np.full(5, 4.0)])
    z = statistics(903, shifts, correlation)
    rng = np.random.default_rng(904)
    for method in DISCOVERIES:
        hits = rejected(z, method)
        share = hits[:, :15].sum(axis=1) / np.maximum(1, hits.sum(axis=1))
        # A coin with each replication's share has the false discovery rate as its chance.
        error_kept(
            f"{method.value}: false discoveries, correlation {correlation:g}", rng.random(REPLICATIONS) < share, ALPHA
        )
        found(f"{method.value}: finds a true effect of 4, correlation {correlation:g}", hits[:, 15], 0.75)


def test_dunnett_keeps_the_error_and_beats_bonferroni() -> None:
    sizes, control = np.array([400.0, 400.0, 200.0, 100.0]), 500.0
    rng = np.random.default_rng(905)
    means = rng.standard_normal((REPLICATIONS, 4)) / np.sqrt(sizes)
    base = rng.standard_normal((REPLICATIONS, 1)) / np.sqrt(control)
    error = np.sqrt(1 / sizes + 1 / control)
    critical = dunnett_critical(ALPHA, sizes.tolist(), control)
    plain, bonferroni = (means - base) / error, -float(ndtri(ALPHA / 8))
    error_kept("dunnett: any false alarm of four treatments", (np.abs(plain) > critical).any(axis=1), ALPHA)
    found("dunnett: uses up its error", (np.abs(plain) > critical).any(axis=1), ALPHA)
    error_broken("dunnett without correction", (np.abs(plain) > 1.96).any(axis=1), ALPHA)
    assert critical < bonferroni


def test_simultaneous_intervals_cover_at_once() -> None:
    shifts = np.array([0.0, 1.0, 2.5, 4.0])
    z = statistics(906, shifts, 0.5)[:2_000]
    missed, low, selected = [], [], []
    rng = np.random.default_rng(907)
    for row in z.tolist():
        given = [Estimated(estimate=value, standard_error=1.0) for value in row]
        every = simultaneous_intervals(given, Correction.BONFERRONI, alpha=ALPHA)
        missed.append(any(not covers(item, shift) for item, shift in zip(every, shifts, strict=True)))
        bounds = holm_lower_bounds(given, alpha=ALPHA)
        low.append(any(isinstance(b, float) and b > shift for b, shift in zip(bounds, shifts, strict=True)))
        shown = simultaneous_intervals(given, Correction.BENJAMINI_HOCHBERG, alpha=ALPHA)
        wrong = [not covers(item, s) for item, s in zip(shown, shifts, strict=True) if isinstance(item, Interval)]
        selected.append(rng.random() < (sum(wrong) / len(wrong) if wrong else 0.0))
    error_kept("bonferroni intervals: any of four misses", np.array(missed), ALPHA)
    error_kept("holm lower bounds: any of four too high", np.array(low), ALPHA)
    error_kept("false coverage of intervals shown by Benjamini and Hochberg", np.array(selected), ALPHA)


def covers(item: object, truth: float) -> bool:
    assert isinstance(item, Interval)
    assert item.lower is not None
    assert item.upper is not None
    return item.lower <= truth <= item.upper


def test_the_decision_rule_ships_falsely_at_most_alpha_and_misses_at_most_beta() -> None:
    n_success, n_guardrails, beta = 3, 4, 0.2
    plan = rule_plan(n_success, n_guardrails, beta=beta)
    rng = np.random.default_rng(908)
    shared = np.sqrt(0.3) * rng.standard_normal((REPLICATIONS, 1))
    z = shared + np.sqrt(0.7) * rng.standard_normal((REPLICATIONS, n_success + n_guardrails))
    error_kept("decision rule: ships though no success metric moved", ships(z[:, :3], z[:, 3:] + 9.0, plan), ALPHA)
    uncorrected = (z[:, :3] > -ndtri(ALPHA)).any(axis=1)
    error_broken("decision without dividing alpha over success metrics", uncorrected, ALPHA)
    unsafe = z.copy()
    unsafe[:, :3] += 9.0
    unsafe[:, 4:] += 9.0
    error_kept(
        "decision rule: ships though one guardrail is worse by its margin",
        ships(unsafe[:, :3], unsafe[:, 3:], plan),
        ALPHA,
    )
    needed = -ndtri(plan.superiority) + ndtri(plan.power_each), -ndtri(plan.non_inferiority) + ndtri(plan.power_each)
    works = z + np.array([needed[0], 0.0, 0.0, *[needed[1]] * n_guardrails])
    deteriorated = (works < ndtri(plan.deterioration)).any(axis=1)
    # Guardrails are tested from their margin; the deterioration test looks at 0, a margin nearer.
    harmless = (z[:, :3] < ndtri(plan.deterioration)).any(axis=1)
    shipped = ships(works[:, :3], works[:, 3:], plan) & ~harmless
    found("decision rule: ships what works", shipped, 1 - beta)
    error_kept("decision rule: stopped for harm that is not there", harmless | deteriorated, 0.05)


def ships(success: Floats, guardrails: Floats, plan: object) -> NDArray[np.bool_]:
    better = (success > -ndtri(plan.superiority)).any(axis=1)  # type: ignore[attr-defined]
    safe = (guardrails > -ndtri(plan.non_inferiority)).all(axis=1)  # type: ignore[attr-defined]
    return np.asarray(better & safe)


@pytest.mark.parametrize("truth", [0.0, 1.0, 2.5])
def test_effects_of_winners_are_corrected(truth: float) -> None:
    rng = np.random.default_rng(909)
    z = rng.standard_normal(60_000) + truth
    picked = z[np.abs(z) > 1.96][:1_500]
    answers = [winner_corrected(value, 1.0) for value in picked.tolist()]
    corrected = [item for item in answers if isinstance(item, Corrected)]
    assert len(corrected) == picked.size
    missed = np.array([not covers(item.interval, truth) for item in corrected])
    error_kept(f"winner's curse: interval misses a true effect of {truth:g}", missed, ALPHA)
    naive = np.abs(picked - truth) > 1.96
    if truth < 2:
        error_broken(f"winners as they are: interval misses a true effect of {truth:g}", naive, ALPHA)
    bias = np.mean(np.array([item.estimate for item in corrected]) * np.sign(picked)) - truth
    assert abs(bias) < abs(np.mean(np.abs(picked)) - truth)


def test_exact_sample_ratio_keeps_its_error_and_finds() -> None:
    rng = np.random.default_rng(910)
    p = {x: exact_sample_ratio([x, 40 - x], [1, 1]) for x in range(41)}
    even, odd = rng.binomial(40, 0.5, REPLICATIONS), rng.binomial(40, 0.2, REPLICATIONS)
    error_kept("exact sample ratio, 40 units", np.array([p[x] < ALPHA for x in even.tolist()]), ALPHA)  # type: ignore[operator]
    found("exact sample ratio finds 20 to 80 in 40 units", np.array([p[x] < ALPHA for x in odd.tolist()]), 0.9)  # type: ignore[operator]
