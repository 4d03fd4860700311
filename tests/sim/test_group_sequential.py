"""Group sequential looks: errors kept at planned and unplanned looks, power as designed, wrong habits caught."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.stats.group_sequential.boundaries import pocock_boundaries, spending_boundaries
from assay.stats.group_sequential.cautions import skewness_of_z
from assay.stats.group_sequential.design import GroupDesign, group_design, operating
from assay.stats.group_sequential.looks import Look
from assay.stats.group_sequential.monitoring import FinalEstimate, monitor
from assay.stats.group_sequential.repeated_looks import error_of_repeated_looks
from assay.stats.group_sequential.spending import Spending, obrien_fleming_spending, pocock_spending
from assay.stats.outcome import Alternative
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

Floats = NDArray[np.float64]
SEED = 20261124
PLANNED = (0.2, 0.4, 0.6, 0.8, 1.0)
LOOK_PLANS = {
    "planned": PLANNED,
    "unplanned": (0.05, 0.11, 0.13, 0.5, 0.52, 0.75, 0.97, 1.0),
    "every_100_units": tuple(k / 20 for k in range(1, 21)),
    "beyond": (0.3, 0.9, 1.4),
}
SPENDINGS = {"obrien_fleming": obrien_fleming_spending(), "pocock": pocock_spending()}


def rng_of(*key: object) -> np.random.Generator:
    return np.random.default_rng([SEED, *(sum(map(ord, str(item))) for item in key)])


def bounds_at(fractions: tuple[float, ...], **kwargs: object) -> Floats:
    found_ = spending_boundaries(fractions, **kwargs).efficacy  # type: ignore[arg-type]
    return np.array([math.inf if item is None else item for item in found_])


def share_paths(
    rng: np.random.Generator, shares: tuple[float, float], n_t: list[int], n_c: list[int]
) -> tuple[Floats, Floats, Floats]:
    """Pooled z, difference and unpooled standard error at each look: replications × looks."""
    counts = []
    for share, sizes in zip(shares, (n_t, n_c), strict=True):
        steps = np.diff(sizes, prepend=0)
        counts.append(rng.binomial(steps, share, (REPLICATIONS, len(steps))).cumsum(axis=1))
    nt, nc = np.array(n_t), np.array(n_c)
    a, b = counts[0] / nt, counts[1] / nc
    pooled = (counts[0] + counts[1]) / (nt + nc)
    null = np.sqrt(pooled * (1 - pooled) * (1 / nt + 1 / nc))
    error = np.sqrt(a * (1 - a) / nt + b * (1 - b) / nc)
    z = np.divide(a - b, null, out=np.zeros_like(a), where=null > 0)
    return z, a - b, error


def mean_paths(rng: np.random.Generator, kind: str, n_t: list[int], n_c: list[int]) -> Floats:
    """Welch's z of skewed values at each look."""
    arms = []
    for sizes in (n_t, n_c):
        sums, squares = [], []
        for step in np.diff(sizes, prepend=0):
            values = rng.standard_normal((REPLICATIONS, int(step)), dtype=np.float32)
            np.exp(values, out=values)
            if kind == "zero_inflated":
                values *= rng.random(values.shape, dtype=np.float32) < 0.2
            sums.append(values.sum(axis=1, dtype=np.float64))
            squares.append((values * values).sum(axis=1, dtype=np.float64))
        n = np.array(sizes)
        mean = np.cumsum(sums, axis=0).T / n
        arms.append((mean, (np.cumsum(squares, axis=0).T / n - mean**2) / (n - 1)))
    return np.asarray((arms[0][0] - arms[1][0]) / np.sqrt(arms[0][1] + arms[1][1]))


def brownian(rng: np.random.Generator, fractions: tuple[float, ...], drift: float, replications: int) -> Floats:
    t = np.array(fractions)
    steps = rng.standard_normal((replications, len(t))) * np.sqrt(np.diff(t, prepend=0))
    return np.asarray(steps.cumsum(axis=1) / np.sqrt(t) + drift * np.sqrt(t))


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("looks", LOOK_PLANS)
@pytest.mark.parametrize("spending", SPENDINGS)
def test_shares_err_at_most_at_alpha(share: float, looks: str, spending: str) -> None:
    fractions, most = LOOK_PLANS[looks], 20_000 if share < 0.01 else 2_000
    sizes = [round(most * t) for t in fractions]
    z, _, _ = share_paths(rng_of(share, looks, spending), (share, share), sizes, sizes)
    crossed = (np.abs(z) >= bounds_at(fractions, spending=SPENDINGS[spending])).any(axis=1)
    error_kept(f"group sequential, share {share}, {looks} looks, {spending}", crossed, 0.05)


@pytest.mark.parametrize("spending", SPENDINGS)
@pytest.mark.parametrize("share", [0.01, 0.3])
def test_unequal_arms_err_at_most_at_alpha(share: float, spending: str) -> None:
    n_t, n_c = ([round(most * t) for t in PLANNED] for most in (1_000, 4_000))
    z, _, _ = share_paths(rng_of("unequal", share, spending), (share, share), n_t, n_c)
    crossed = (np.abs(z) >= bounds_at(PLANNED, spending=SPENDINGS[spending])).any(axis=1)
    error_kept(f"group sequential, arms 1 : 4, share {share}, {spending}", crossed, 0.05)


@pytest.mark.parametrize("kind", ["lognormal", "zero_inflated"])
@pytest.mark.parametrize("looks", ["planned", "unplanned"])
def test_means_err_at_most_at_alpha(kind: str, looks: str) -> None:
    fractions = LOOK_PLANS[looks]
    sizes = [round(1_000 * t) for t in fractions]
    z = mean_paths(rng_of(kind, looks), kind, sizes, sizes)
    for name, spending in SPENDINGS.items():
        crossed = (np.abs(z) >= bounds_at(fractions, spending=spending)).any(axis=1)
        error_kept(f"group sequential, {kind} means, {looks} looks, {name}", crossed, 0.05)


def test_skewed_means_in_unequal_arms_break_alpha_and_are_warned_of() -> None:
    n_t, n_c = ([round(most * t) for t in PLANNED] for most in (150, 600))
    z = mean_paths(rng_of("skewed"), "zero_inflated", n_t, n_c)
    crossed = (np.abs(z) >= bounds_at(PLANNED, spending=pocock_spending())).any(axis=1)
    error_broken("zero-inflated lognormal means, arms of 150 and 600", crossed, 0.05)
    for smaller, larger, warned in ((n_t, n_c, True), (n_c, n_c, False)):
        # the skewness of such a unit is about 11
        looks = [
            Look(information=t, z=0.0, skewness=skewness_of_z(11.0, a, b))
            for t, a, b in zip(PLANNED, smaller, larger, strict=True)
        ]
        assert bool(monitor(group_design(5, spending=pocock_spending()), looks).warnings) is warned


@pytest.mark.parametrize(("share", "lift"), [(0.01, 0.5), (0.05, 0.2), (0.3, 0.1)])
def test_power_is_as_designed(share: float, lift: float) -> None:
    design = group_design(5, power=0.8)
    treated = share * (1 + lift)
    variance = share * (1 - share) + treated * (1 - treated)
    fixed = variance * (1.959963984540054 + 0.8416212335729143) ** 2 / (treated - share) ** 2
    sizes = list(design.sample_sizes(fixed))
    z, _, _ = share_paths(rng_of("power", share), (treated, share), sizes, sizes)
    crossed = (z >= bounds_at(PLANNED)).any(axis=1)
    found(f"group sequential power, share {share} + {lift:.0%}", crossed, 0.79)


def test_the_sample_of_one_look_is_too_small_for_five() -> None:
    bound = bounds_at(PLANNED, spending=pocock_spending())
    fixed = 1.959963984540054 + 0.8416212335729143
    design = group_design(5, spending=pocock_spending(), power=0.8)
    z = brownian(rng_of("inflation"), PLANNED, fixed, REPLICATIONS)
    error_broken("five looks at the sample of one: effects missed", ~(z >= bound).any(axis=1), 0.2)
    z = brownian(rng_of("inflated"), PLANNED, fixed * math.sqrt(design.inflation), REPLICATIONS)
    error_kept("five looks at the inflated sample: effects missed", ~(z >= bound).any(axis=1), 0.2)


def test_expected_sample_is_as_designed() -> None:
    design = group_design(5, power=0.8)
    for drift in (0.0, design.drift):
        z = brownian(rng_of("asn", drift), PLANNED, drift, 40_000)
        crossed = np.abs(z) >= bounds_at(PLANNED)
        at = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
        information = np.array(PLANNED)[at]
        error = information.std() / math.sqrt(information.size)
        assert information.mean() == pytest.approx(operating(design, drift).expected_information, abs=5 * error)


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_naive_looks_break_alpha_by_what_is_said(share: float) -> None:
    sizes = [2_000 * k for k in range(1, 11)]
    z, _, _ = share_paths(rng_of("naive", share), (share, share), sizes, sizes)
    crossed = (np.abs(z) >= 1.959963984540054).any(axis=1)
    error_broken(f"ten naive looks, share {share}", crossed, 0.05)
    said = error_of_repeated_looks(10)
    error_kept(f"ten naive looks err as said, share {share}", crossed, said)
    found(f"ten naive looks err as much as said, share {share}", crossed, said - 0.005)


def test_boundaries_of_the_plan_at_more_looks_break_alpha() -> None:
    more = tuple(k / 40 for k in range(1, 41))
    z = brownian(rng_of("more"), more, 0.0, REPLICATIONS)
    planned = pocock_boundaries(2).efficacy[0]
    assert planned is not None
    error_broken("two looks planned, forty taken, planned boundary", (np.abs(z) >= planned).any(axis=1), 0.05)
    kept = (np.abs(z) >= bounds_at(more, spending=pocock_boundaries(2).as_spending())).any(axis=1)
    error_kept("two looks planned, forty taken, boundaries by spending", kept, 0.05)


def test_an_end_before_the_plan_keeps_alpha_and_must_be_the_end() -> None:
    fractions = (0.3, 0.6)
    z = np.abs(brownian(rng_of("short"), fractions, 0.0, REPLICATIONS))
    ended = bounds_at(fractions, final=True)
    error_kept("ends at 60 % of the plan", (z >= ended).any(axis=1), 0.05)
    found("an end before the plan wastes no alpha", (z >= ended).any(axis=1), 0.048)
    waits = bounds_at(fractions, final=False)
    assert np.count_nonzero((z >= waits).any(axis=1)) < np.count_nonzero((z >= ended).any(axis=1)) / 2
    on = np.abs(brownian(rng_of("on"), (0.3, 0.6, 1.0), 0.0, REPLICATIONS))
    again = np.append(ended, bounds_at((1.0,)))
    error_broken("told to be the end, gone on after it with a fresh alpha", (on >= again).any(axis=1), 0.05)


@pytest.mark.parametrize("binding", [False, True])
def test_ignoring_futility_is_safe_only_where_it_does_not_bind(binding: bool) -> None:
    design = group_design(5, alpha=0.05, alternative="greater", power=0.6, futility=pocock_spending(), binding=binding)
    z = brownian(rng_of("futility", binding), PLANNED, 0.0, 8 * REPLICATIONS)
    upper, stop = (np.array(item, dtype=float) for item in (design.efficacy, design.futility))
    ignored = (z >= upper).any(axis=1)
    first_up = np.where(z >= upper, np.arange(5), 9).min(axis=1)
    first_down = np.where(z[:, :-1] <= stop[:-1], np.arange(4), 9).min(axis=1)
    obeyed = first_up < np.minimum(first_down, 9)
    error_kept(f"futility obeyed, binding {binding}", obeyed, 0.05)
    if binding:
        error_broken("binding futility ignored", ignored, 0.05)
        found("binding futility spends all of alpha", obeyed, 0.048)
    else:
        error_kept("futility that does not bind ignored", ignored, 0.05)


def test_futility_misses_no_more_than_beta() -> None:
    design = group_design(5, alpha=0.025, alternative="greater", power=0.8, futility=obrien_fleming_spending())
    z = brownian(rng_of("beta"), PLANNED, design.drift, REPLICATIONS)
    upper, stop = (np.array(item, dtype=float) for item in (design.efficacy, design.futility))
    first_up = np.where(z >= upper, np.arange(5), 9).min(axis=1)
    first_down = np.where(z[:, :-1] <= stop[:-1], np.arange(4), 9).min(axis=1)
    found("power with futility obeyed", first_up < np.minimum(first_down, 9), 0.8)
    error_kept("effects missed with futility obeyed", first_up >= np.minimum(first_down, 9), 0.2)


@pytest.mark.parametrize(("treated", "control"), [(0.01, 0.01), (0.06, 0.05), (0.25, 0.3)])
@pytest.mark.parametrize("spending", SPENDINGS)
def test_repeated_intervals_cover_at_all_looks(treated: float, control: float, spending: str) -> None:
    sizes = [round(10_000 * t) for t in PLANNED]
    _, difference, error = share_paths(rng_of("cover", treated, spending), (treated, control), sizes, sizes)
    away = np.abs(difference - (treated - control)) / error
    bounds = bounds_at(PLANNED, spending=SPENDINGS[spending])
    error_kept(f"repeated intervals, {treated} against {control}, {spending}", (away > bounds).any(axis=1), 0.05)
    error_broken(f"plain intervals at each look, {treated}, {spending}", (away > 1.96).any(axis=1), 0.05)


def test_p_values_and_estimates_after_stopping() -> None:
    """The public functions themselves, on paths with an effect: coverage, median, and p-values without one."""
    design, fractions = group_design(2, spending=pocock_spending()), (0.4, 1.0)
    count = REPLICATIONS // 4
    effect, out, above = 2.5, [], []
    for path in brownian(rng_of("after"), fractions, effect, count):
        course = monitor(design, looks_of(path, fractions))
        end = course.estimate
        assert isinstance(end, FinalEstimate)
        lower, upper = end.interval.lower, end.interval.upper
        assert lower is not None
        assert upper is not None
        out.append(not lower <= effect <= upper)
        above.append(end.median_unbiased > effect)
    error_kept("interval after stopping", np.array(out), 0.05)
    error_kept("median-unbiased estimate too high", np.array(above), 0.5)
    found("median-unbiased estimate too high as often as too low", np.array(above), 0.5)
    more = brownian(rng_of("plain"), fractions, effect, 8 * REPLICATIONS)
    stopped = np.abs(more[:, 0]) >= bounds_at(fractions, spending=pocock_spending())[0]
    plain = np.where(stopped, more[:, 0] / math.sqrt(fractions[0]), more[:, 1])
    error_broken("plain estimate after stopping too high", plain > effect, 0.5)
    p_repeated, p_stage = [], []
    for path in brownian(rng_of("p"), fractions, 0.0, count):
        course = monitor(design, looks_of(path, fractions))
        assert isinstance(course.estimate, FinalEstimate)
        p_stage.append(course.estimate.p_value)
        p_repeated.append(min(p for report in course.looks if isinstance(p := report.repeated_p_value, float)))
    for level in (0.01, 0.05, 0.2):
        error_kept(f"smallest repeated p-value at most {level}", np.array(p_repeated) <= level, level)
        error_kept(f"stagewise p-value at most {level}", np.array(p_stage) <= level, level)
        found(f"stagewise p-value reaches {level}", np.array(p_stage) <= level, level)


def looks_of(path: Floats, fractions: tuple[float, ...]) -> list[Look]:
    return [
        Look(information=t, estimate=float(z) / math.sqrt(t), standard_error=1 / math.sqrt(t))
        for t, z in zip(fractions, path, strict=True)
    ]


def test_the_simulated_boundaries_are_those_that_monitoring_uses() -> None:
    design: GroupDesign = group_design(5)
    fractions = LOOK_PLANS["unplanned"]
    course = monitor(design, [Look(information=t, z=0.0) for t in fractions])
    assert [report.efficacy for report in course.looks] == pytest.approx(list(bounds_at(fractions)))
    spending: Spending = design.spending
    assert spending == SPENDINGS["obrien_fleming"]
    assert design.alternative is Alternative.TWO_SIDED
