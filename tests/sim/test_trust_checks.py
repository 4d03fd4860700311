"""Balance, calibration, splits by segment, e-values, risks and shrinkage: kept, found, and caught when wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from assay.model.moments import VALUE, Moments
from assay.model.plan import Correction
from assay.model.result import Interval
from assay.stats.fixed.core import welch_t
from assay.stats.inputs import array_moments
from assay.stats.multiple.adjust import adjust
from assay.stats.multiple.dunnett import dunnett_critical
from assay.stats.multiple.intervals import Estimated, simultaneous_intervals
from assay.stats.trust.balance import aa_calibration, joint_balance, pre_period_balance
from assay.stats.trust.exact import sample_ratio_by_segment
from assay.stats.trust.risk import (
    Corrected,
    exaggeration,
    false_positive_risk,
    false_positive_risk_at,
    shrunk_effect,
    winner_corrected,
)
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow
Floats = NDArray[np.float64]
ALPHA = 0.05
SOME = REPLICATIONS * 3 // 10


def drawn(rng: np.random.Generator, n: int) -> dict[str, Floats]:
    """Six measures of n units: shares from 0.1 to 30 %, heavy tails, many zeros."""
    return {
        "0.1 %": (rng.random(n) < 0.001).astype(float),
        "1 %": (rng.random(n) < 0.01).astype(float),
        "5 %": (rng.random(n) < 0.05).astype(float),
        "30 %": (rng.random(n) < 0.3).astype(float),
        "lognormal": rng.lognormal(0, 1.2, n),
        "zeros": np.where(rng.random(n) < 0.9, 0.0, rng.lognormal(1, 1, n)),
    }


@pytest.mark.parametrize(("n_t", "n_c"), [(3_000, 3_000), (1_000, 4_000)])
def test_balance_before_the_start(n_t: int, n_c: int) -> None:
    rng = np.random.default_rng([931, n_t])
    alarm, plain, seen, joint, joint_seen = [], [], [], [], []
    for _ in range(SOME):
        t, c = drawn(rng, n_t), drawn(rng, n_c)
        arms = {k: {"t": array_moments((VALUE,), (t[k],)), "c": array_moments((VALUE,), (c[k],))} for k in t}
        answers = pre_period_balance(arms, alpha=ALPHA)
        alarm.append(any(item.is_off for item in answers))
        plain.append(any(isinstance(item.p_value, float) and item.p_value < ALPHA for item in answers))
        shifted = array_moments((VALUE,), (t["lognormal"] * 1.25,))
        answers = pre_period_balance(arms | {"lognormal": {"t": shifted, "c": arms["lognormal"]["c"]}}, alpha=ALPHA)
        seen.append(answers[0].metric == "lognormal" and answers[0].is_off)
        names = tuple(t)[1:]
        both = array_moments(names, tuple(t[k] for k in names)), array_moments(names, tuple(c[k] for k in names))
        p = joint_balance(*both)
        joint.append(isinstance(p, float) and p <= ALPHA)
        moved = array_moments(names, tuple(t[k] + 0.08 * t[k].std() for k in names))
        p = joint_balance(moved, both[1])
        joint_seen.append(isinstance(p, float) and p <= ALPHA)
    error_kept(f"balance over six measures, {n_t} against {n_c}: any alarm", np.array(alarm), ALPHA)
    error_broken(f"balance without correction, {n_t} against {n_c}: any alarm", np.array(plain), ALPHA)
    found(f"balance, {n_t} against {n_c}: finds a lognormal measure 25 % larger", np.array(seen), 0.7)
    error_kept(f"joint balance, {n_t} against {n_c}", np.array(joint), ALPHA)
    found(f"joint balance, {n_t} against {n_c}: finds five shifts of 0.08 sd", np.array(joint_seen), 0.75)


def test_balance_by_a_variance_of_its_own_breaks_with_uneven_variants() -> None:
    rng = np.random.default_rng(941)
    n_t, n_c, level = 500, 4_500, 0.01
    means, squares = [], []
    for n in (n_t, n_c):
        values = [np.where(rng.random((500, n)) < 0.9, 0.0, rng.lognormal(1, 1, (500, n))) for _ in range(SOME // 500)]
        means.append(np.concatenate([part.mean(axis=1) for part in values]))
        squares.append(np.concatenate([part.var(axis=1) for part in values]) * n)
    kept, welch = [], []
    for m_t, m_c, s_t, s_c in zip(*means, *squares, strict=True):
        t, c = Moments(n_t, (VALUE,), (m_t,), (s_t,)), Moments(n_c, (VALUE,), (m_c,), (s_c,))
        (answer,) = pre_period_balance({"zeros": {"t": t, "c": c}}, alpha=level)
        kept.append(answer.is_off)
        welch.append(welch_t(t, c).p_value < level)  # type: ignore[operator]
    error_kept("balance of nine in ten zeros, 500 against 4,500, at 1 %", np.array(kept), level)
    error_broken("balance of nine in ten zeros, 500 against 4,500, at 1 %, by Welch's test", np.array(welch), level)


def test_calibration_of_a_a_tests() -> None:
    rng = np.random.default_rng(932)
    good = [aa_calibration(rng.random(300)).is_off for _ in range(SOME)]
    error_kept("A/A calibration: an honest test is called off", np.array(good), 0.002)
    # Events taken for units: their variance is 1.5 times what the test believes.
    z = rng.standard_normal((200, 300)) * math.sqrt(1.5)
    clustered = [aa_calibration(2 * ndtr(-np.abs(row))) for row in z]
    found("A/A calibration: a variance too small by a third is seen", np.array([c.is_off for c in clustered]), 0.8)
    careful = [aa_calibration(2 * ndtr(-np.abs(row) / math.sqrt(1.5) * 0.7)) for row in z]
    found("A/A calibration: a test too careful is seen", np.array([c.is_off for c in careful]), 0.85)


def test_segments_of_the_split() -> None:
    rng = np.random.default_rng(933)
    sizes = np.array([20, 60, 200, 1_000, 5_000, 30_000])
    splits = rng.binomial(sizes, 0.5, (SOME, sizes.size))
    off = rng.binomial(sizes, np.where(sizes == 5_000, 0.54, 0.5), (SOME, sizes.size))
    alarm, plain, seen, wrong = [], [], [], []
    for row, broken in zip(splits.tolist(), off.tolist(), strict=True):
        answers = _by_segment(row, sizes)
        alarm.append(any(item.is_off for item in answers))
        plain.append(any(isinstance(item.p_value, float) and item.p_value < ALPHA for item in answers))
        named = [item.segment for item in _by_segment(broken, sizes) if item.is_off]
        seen.append("5000" in named)
        wrong.append(any(name != "5000" for name in named))
    error_kept("split by six segments: any false alarm", np.array(alarm), ALPHA)
    error_broken("split by six segments without correction", np.array(plain), ALPHA)
    found("split by segments: names the one of 54 to 46", np.array(seen), 0.98)
    error_kept("split by segments: names another beside it", np.array(wrong), ALPHA)


def _by_segment(counts: list[int], sizes: NDArray[np.int_]) -> tuple[object, ...]:
    pairs = zip(counts, sizes.tolist(), strict=True)
    return sample_ratio_by_segment({str(n): (x, n - x) for x, n in pairs}, [1, 1], alpha=ALPHA)


@pytest.mark.parametrize("correlation", [0.0, 0.9, -1 / 19])
def test_e_values_keep_the_share_of_false_discoveries_under_dependence(correlation: float) -> None:
    m, shift = 20, 3.0
    rng = np.random.default_rng(934)
    covariance = (1 - correlation) * np.eye(m) + correlation
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(m))
    z = rng.standard_normal((REPLICATIONS, m)) @ root.T
    works = z + np.where(np.arange(m) >= 15, 5.5, 0.0)
    share, plain = [], []
    for nothing, row in zip(_one_over_e(z, shift).tolist(), _one_over_e(works, shift).tolist(), strict=True):
        hits = np.array(adjust(row, Correction.E_BH)) <= ALPHA
        share.append((hits[:15].sum() / max(1, hits.sum()), hits[15]))
        plain.append(min(nothing) <= ALPHA)
    coin = rng.random(REPLICATIONS) < np.array([s for s, _ in share])
    error_kept(f"e-BH: false discoveries, correlation {correlation:.2f}", coin, ALPHA)
    found(f"e-BH: finds an effect of 5.5, correlation {correlation:.2f}", np.array([bool(h) for _, h in share]), 0.9)
    if correlation <= 0:
        error_broken(f"e-values above 1 / α without e-BH, correlation {correlation:.2f}", np.array(plain), ALPHA)


def _one_over_e(z: Floats, shift: float) -> Floats:
    """1 / e of the likelihood ratio of a shift against none, at most 1."""
    return np.minimum(1.0, np.exp(shift * shift / 2 - shift * z))


def test_intervals_of_the_selected_under_strong_dependence() -> None:
    rng = np.random.default_rng(935)
    shifts = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    z = shifts + math.sqrt(0.9) * rng.standard_normal((SOME, 1)) + math.sqrt(0.1) * rng.standard_normal((SOME, 6))
    missed: dict[str, list[float]] = {"benjamini_yekutieli": [], "benjamini_hochberg": []}
    for row in z.tolist():
        given = [Estimated(estimate=value, standard_error=1.0) for value in row]
        for method, shares in missed.items():
            every = simultaneous_intervals(given, method)
            shown = [(i, s) for i, s in zip(every, shifts, strict=True) if isinstance(i, Interval)]
            wrong = sum(not item.lower <= shift <= item.upper for item, shift in shown)  # type: ignore[operator]
            shares.append(wrong / len(shown) if shown else 0.0)
    coin = rng.random(SOME)
    for method, shares in missed.items():
        error_kept(f"{method}: false coverage of shown intervals, correlation 0.9", coin < shares, ALPHA)
    apart = 0.5 + rng.standard_normal(REPLICATIONS)
    picked = apart[np.abs(apart) > 1.96]
    error_broken("intervals shown because they exclude 0 miss a true effect of 0.5", np.abs(picked - 0.5) > 1.96, ALPHA)


def test_dunnett_with_few_units_uses_up_its_error_exactly() -> None:
    rng = np.random.default_rng(936)
    sizes, control = np.array([5, 8, 4]), 10
    arms = [rng.standard_normal((REPLICATIONS, n)) for n in [control, *sizes]]
    freedom = control + int(sizes.sum()) - 4
    squares = np.sum([((arm - arm.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for arm in arms], axis=0)
    pooled = squares / freedom
    base = arms[0].mean(axis=1)
    t = np.array(
        [
            (arm.mean(axis=1) - base) / np.sqrt(pooled * (1 / n + 1 / control))
            for arm, n in zip(arms[1:], sizes, strict=True)
        ]
    )
    for one_sided in (False, True):
        critical = dunnett_critical(ALPHA, sizes.tolist(), control, freedom, one_sided=one_sided)
        alarm = ((t if one_sided else np.abs(t)) >= critical).any(axis=0)
        words = "one-sided" if one_sided else "two-sided"
        error_kept(f"dunnett with 4 to 10 units, {words}: any false alarm", alarm, ALPHA)
        found(f"dunnett with 4 to 10 units, {words}: uses up its error", alarm, ALPHA)
    normal = dunnett_critical(ALPHA, sizes.tolist(), control)
    error_broken("dunnett with 4 to 10 units, normal bounds", (np.abs(t) >= normal).any(axis=0), ALPHA)


def test_the_risk_of_a_false_positive_is_what_happens() -> None:
    rng = np.random.default_rng(937)
    for success in (0.1, 0.33):
        works = rng.random(600_000) < success
        z = rng.standard_normal(works.size) + np.where(works, -ndtri(ALPHA / 2) + ndtri(0.8), 0.0)
        false = ~works[z > -ndtri(ALPHA / 2)]
        risk = false_positive_risk(success)
        error_kept(f"false-positive risk, {success:g} of ideas work: no more than said", false, risk)
        found(f"false-positive risk, {success:g} of ideas work: no less than said", false, risk)
        error_broken(f"false-positive risk taken for α, {success:g} of ideas work", false, ALPHA / 2)
        p = 2 * ndtr(-z)
        near = ~works[(p > 0.0495) & (p < 0.0505)]
        exact = false_positive_risk_at(0.05, success)
        error_kept(f"risk at p = 0.05, {success:g} of ideas work: no more than said", near, exact)
        found(f"risk at p = 0.05, {success:g} of ideas work: no less than said", near, exact)
        error_broken(f"risk at p = 0.05 taken for that below 0.05, {success:g} of ideas work", near, risk)


def test_small_studies_exaggerate_as_said() -> None:
    z = np.random.default_rng(938).standard_normal(400_000) + 0.8
    picked = z[np.abs(z) > -ndtri(ALPHA / 2)]
    said = exaggeration(0.8, 1.0)
    error = np.abs(picked).std() / math.sqrt(picked.size) / 0.8
    assert abs(np.abs(picked).mean() / 0.8 - said.exaggeration) < 5 * error
    error_kept("wrong signs: no more than said", picked < 0, said.wrong_sign)
    found("wrong signs: no less than said", picked < 0, said.wrong_sign)


@pytest.mark.parametrize("truth", [0.0, 1.5, 3.0])
def test_improvements_picked_are_corrected(truth: float) -> None:
    z = np.random.default_rng(939).standard_normal(80_000) + truth
    picked = z[z > -ndtri(ALPHA / 2)][:SOME]
    answers = [winner_corrected(value, 1.0, improvements_only=True) for value in picked.tolist()]
    missed = np.array([not isinstance(item, Corrected) or not _covers(item.interval, truth) for item in answers])
    error_kept(f"improvements picked: interval misses a true effect of {truth:g}", missed, ALPHA)
    if truth < 2:
        naive = np.abs(picked - truth) > -ndtri(ALPHA / 2)
        error_broken(f"improvements as they are: interval misses a true effect of {truth:g}", naive, ALPHA)


def _covers(item: Interval, truth: float) -> bool:
    return (item.lower is None or item.lower <= truth) and (item.upper is None or truth <= item.upper)


def test_shrinkage_covers_winners_too_and_is_not_biased() -> None:
    rng = np.random.default_rng(940)
    effects = rng.normal(0.0, 0.5, 100_000)
    seen = effects + rng.standard_normal(effects.size)
    chosen = np.abs(seen) > -ndtri(ALPHA / 2)
    picked, true = seen[chosen][:SOME], effects[chosen][:SOME]
    answers = [shrunk_effect(value, 1.0, prior_sd=0.5) for value in picked.tolist()]
    missed = np.array([not _covers(item.interval, t) for item, t in zip(answers, true.tolist(), strict=True)])
    error_kept("shrunk effects of winners: interval misses", missed, ALPHA)
    error_broken("winners as they are among small effects: interval misses", np.abs(picked - true) > 1.96, ALPHA)
    bias = np.mean([(item.estimate - t) * np.sign(x) for item, t, x in zip(answers, true, picked, strict=True)])
    assert abs(bias) < 0.06 < np.mean((picked - true) * np.sign(picked))
