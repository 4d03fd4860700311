"""Shares at one look: false alarms, coverage and power of score, exact and chi-square tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.result import Interval
from assay.stats.distributions import normal_quantile
from assay.stats.fixed.chi_square import chi_square_shares
from assay.stats.fixed.core import two_proportion_z
from assay.stats.fixed.effect_size import risk_ratio
from assay.stats.fixed.exact import boschloo_exact, fisher_exact
from assay.stats.fixed.one_share import clopper_pearson, wilson
from assay.stats.fixed.restricted import difference_score, ratio_score
from assay.stats.fixed.score import miettinen_nurminen, miettinen_nurminen_ratio, newcombe
from assay.stats.outcome import Outcome
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow

ALPHA = 0.05
Flags = NDArray[np.bool_]
Pairs = NDArray[np.int64]
# share of the control, units of treatment and control: enough conversions for the normal curve
DESIGNS = [(0.001, 20_000, 20_000), (0.01, 3_000, 3_000), (0.05, 400, 400), (0.05, 2_000, 200), (0.3, 60, 30)]


def drawn(seed: int, n_t: int, n_c: int, p_t: float, p_c: float) -> Pairs:
    rng = np.random.default_rng(seed)
    return np.stack([rng.binomial(n_t, p_t, REPLICATIONS), rng.binomial(n_c, p_c, REPLICATIONS)], axis=1)


def each(pairs: Pairs) -> Iterator[tuple[int, int]]:
    return ((int(x), int(y)) for x, y in pairs)


def flagged(judge: Callable[[int, int], bool], pairs: Pairs) -> Flags:
    """One flag per replication; each different pair of counts is judged once."""
    cached = lru_cache(maxsize=None)(judge)
    return np.array([cached(x, y) for x, y in each(pairs)])


def significant(test: Callable[..., Outcome], n_t: int, n_c: int, **asked: object) -> Callable[[int, int], bool]:
    return lambda x, y: test((x, n_t), (y, n_c), alpha=ALPHA, **asked).significant()


def missed(interval: object, truth: float) -> bool:
    assert isinstance(interval, Interval)
    low, high = interval.lower, interval.upper
    return (low is not None and truth < low) or (high is not None and truth > high)


@pytest.mark.parametrize(("p", "n_t", "n_c"), DESIGNS)
def test_score_tests_keep_the_error(p: float, n_t: int, n_c: int) -> None:
    pairs = drawn(701, n_t, n_c, p, p)
    z = difference_score(pairs[:, 0], n_t, pairs[:, 1], n_c, 0.0)
    claim = f"{p:g} of {n_t} and {n_c} units"
    error_kept(f"score test of a difference, {claim}", np.abs(z) >= normal_quantile(ALPHA / 2), ALPHA)
    error_kept(f"Newcombe's interval, {claim}", flagged(significant(newcombe, n_t, n_c), pairs), ALPHA)
    # under a true difference and a true lift: the null at the truth is rejected as often as intervals miss it
    pairs = drawn(702, n_t, n_c, 1.3 * p, p)
    z = difference_score(pairs[:, 0], n_t, pairs[:, 1], n_c, 1.3 * p - p)
    error_kept(f"score interval of a difference, {claim}", np.abs(z) >= normal_quantile(ALPHA / 2), ALPHA)
    z = ratio_score(pairs[:, 0], n_t, pairs[:, 1], n_c, 1.3)
    error_kept(f"score interval of a ratio, {claim}", np.abs(z) >= normal_quantile(ALPHA / 2), ALPHA)


def test_the_public_functions_say_what_the_vectorised_scores_say() -> None:
    pairs = drawn(703, 3_000, 3_000, 0.013, 0.01)[:100]
    z = difference_score(pairs[:, 0], 3_000, pairs[:, 1], 3_000, 0.002)
    ratio = ratio_score(pairs[:, 0], 3_000, pairs[:, 1], 3_000, 1.1)
    for i, (x, y) in enumerate(each(pairs)):
        assert miettinen_nurminen((x, 3_000), (y, 3_000), null=0.002).statistic == pytest.approx(z[i], rel=1e-12)
        found_ratio = miettinen_nurminen_ratio((x, 3_000), (y, 3_000), null=0.1).statistic
        assert found_ratio == pytest.approx(ratio[i], rel=1e-9, abs=1e-12)


def test_intervals_of_shares_and_ratios_cover() -> None:
    pairs = drawn(704, 60, 40, 0.3, 0.2)
    ratio = flagged(lambda x, y: missed(risk_ratio((x, 60), (y, 40)).interval, 1.5), pairs)
    error_kept("interval of a risk ratio, 60 and 40 units", ratio, ALPHA)
    difference = flagged(lambda x, y: missed(newcombe((x, 60), (y, 40)).interval, 0.1), pairs)
    error_kept("Newcombe's interval, 60 and 40 units", difference, ALPHA)
    for p, n in ((0.001, 10_000), (0.05, 300), (0.3, 30)):
        ones = drawn(705, n, 1, p, 0.5)
        exact = flagged(lambda x, _, n=n, p=p: missed(clopper_pearson((x, n)).interval, p), ones)  # type: ignore[misc]
        error_kept(f"Clopper-Pearson, {p:g} of {n}", exact, ALPHA)


def test_wilsons_interval_covers_on_average_over_shares_and_not_for_each() -> None:
    rng = np.random.default_rng(705)
    for low, high, n in ((0.0005, 0.002, 10_000), (0.02, 0.08, 300), (0.1, 0.5, 30)):
        p = rng.uniform(low, high, REPLICATIONS)
        wrong = [missed(wilson((int(x), n)).interval, truth) for x, truth in zip(rng.binomial(n, p), p, strict=True)]
        error_kept(f"Wilson on average, {low:g} to {high:g} of {n}", np.array(wrong), ALPHA)
    worst = rng.binomial(10, 0.0178, REPLICATIONS)
    single = flagged(lambda x, _: missed(wilson((x, 10)).interval, 0.0178), np.stack([worst, worst], axis=1))
    error_broken("Wilson for the single share 0.0178 of 10", single, 0.1)


def test_they_find_a_difference() -> None:
    pairs = drawn(706, 4_000, 4_000, 0.065, 0.05)
    z = difference_score(pairs[:, 0], 4_000, pairs[:, 1], 4_000, 0.0)
    found("score test, 5 % against 6.5 %, 4,000 units each", np.abs(z) >= normal_quantile(ALPHA / 2), 0.8)
    found("Newcombe, 5 % against 6.5 %", flagged(significant(newcombe, 4_000, 4_000), pairs), 0.8)
    pairs = drawn(707, 500, 500, 0.5, 0.5)
    z = difference_score(pairs[:, 0], 500, pairs[:, 1], 500, -0.1)
    found("non-inferiority by 10 points, 500 units each", z >= normal_quantile(ALPHA), 0.92)


def test_non_inferiority_keeps_its_error_at_the_margin() -> None:
    for p, margin, n in ((0.3, 0.1, 200), (0.05, 0.02, 1_500)):
        pairs = drawn(708, n, n, p - margin, p)
        z = difference_score(pairs[:, 0], n, pairs[:, 1], n, -margin)
        error_kept(f"non-inferiority at the margin, {p:g} less {margin:g}", z >= normal_quantile(ALPHA), ALPHA)
        # a p-value of "no difference" read as "not inferior": nearly always shown with so few units
        careless = np.abs(difference_score(pairs[:, 0], n, pairs[:, 1], n, 0.0)) < normal_quantile(ALPHA / 2)
        error_broken(f"no significant difference taken for non-inferiority, {p:g}", careless, ALPHA)


def test_where_score_tests_are_liberal_the_simulation_sees_it_and_a_warning_is_given() -> None:
    pairs = drawn(709, 30, 120, 0.01, 0.01)
    z = difference_score(pairs[:, 0], 30, pairs[:, 1], 120, 0.0)
    wrong = np.nan_to_num(z) >= normal_quantile(ALPHA)
    error_broken("one-sided score test, 1 % of 30 and 120 units", wrong, ALPHA)
    warned = flagged(lambda x, y: bool(miettinen_nurminen((x, 30), (y, 120)).warnings), pairs)
    error_kept("the same, where no warning is given", wrong & ~warned, ALPHA)


def test_exact_tests_keep_the_error_where_others_do_not() -> None:
    for p in (0.01, 0.05, 0.3):
        pairs = drawn(710, 30, 120, p, p)
        for side in ("two_sided", "greater"):
            wrong = flagged(significant(fisher_exact, 30, 120, alternative=side), pairs)
            error_kept(f"Fisher {side}, {p:g} of 30 and 120 units", wrong, ALPHA)
        pairs = drawn(711, 8, 6, p, p)
        error_kept(f"Boschloo, {p:g} of 8 and 6 units", flagged(significant(boschloo_exact, 8, 6), pairs), ALPHA)
    pairs = drawn(712, 8, 6, 0.95, 0.1)
    found("Boschloo, 95 % against 10 %", flagged(significant(boschloo_exact, 8, 6), pairs), 0.85)
    pairs = drawn(714, 100, 100, 0.3, 0.5)
    found("Fisher, 30 % against 50 %, 100 units each", flagged(significant(fisher_exact, 100, 100), pairs), 0.75)
    # Wald's unpooled z for the same small unequal arms
    wald = significant(two_proportion_z, 60, 6, pooled=False)
    error_broken("Wald's unpooled z, 10 % of 60 and 6 units", flagged(wald, drawn(715, 60, 6, 0.1, 0.1)), ALPHA)


def test_chi_square_of_many_variants() -> None:
    def draw(seed: int, sizes: tuple[int, ...], shares: tuple[float, ...]) -> list[list[tuple[int, int]]]:
        rng = np.random.default_rng(seed)
        columns = [rng.binomial(n, p, REPLICATIONS) for n, p in zip(sizes, shares, strict=True)]
        return [list(zip(map(int, row), sizes, strict=True)) for row in np.stack(columns, axis=1)]

    def alarm(rows: list[tuple[int, int]]) -> bool:
        p = chi_square_shares(rows).p_value
        return isinstance(p, float) and p <= ALPHA

    for sizes, p in (((1_000,) * 4, 0.01), ((500, 1_000, 200), 0.05), ((30,) * 3, 0.3), ((20_000, 5_000), 0.001)):
        wrong = np.array([alarm(rows) for rows in draw(716, sizes, (p,) * len(sizes))])
        error_kept(f"chi-square of {len(sizes)} variants, {p:g}", wrong, ALPHA)
    one_better = draw(717, (2_000,) * 4, (0.05, 0.05, 0.05, 0.075))
    found("chi-square, one of four variants better", np.array([alarm(rows) for rows in one_better]), 0.8)
    # comparing each with the control, at α each
    same = draw(718, (1_000,) * 5, (0.05,) * 5)
    pairwise = [any(alarm([rows[0], row]) for row in rows[1:]) for rows in same]
    error_broken("four uncorrected comparisons in place of one chi-square", np.array(pairwise), ALPHA)
