"""Lifts of adjusted arms: what the covariates' means and the strata's weights do to all arms at once is in them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.metric import Hypothesis, Metric, MetricKind
from assay.model.moments import Moments
from assay.model.plan import Plan
from assay.model.result import Interval, Validity
from assay.stats.arm import Arm, Shared, beside_variance
from assay.stats.batch import Columns, many_cuped
from assay.stats.bayesian.effects import effect_posterior
from assay.stats.bayesian.posteriors import Estimate
from assay.stats.bayesian.priors import EffectPrior, EffectScale
from assay.stats.believing import posteriors
from assay.stats.comparison import Tuning, compare, measure
from assay.stats.contrast import sequential_means
from assay.stats.fixed.core import compare_arms, cuped_t
from assay.stats.fixed.margins import margin_test
from assay.stats.outcome import Alternative
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import Reduced
from assay.stats.reduction.rows import unit_moments
from assay.stats.reduction.strata import post_stratified
from assay.stats.sequential.mixture import tuned_rho_squared

Floats = NDArray[np.float64]
UNITS = (700, 2_100)
RATIOS = (0.6, 0.9, 1.0, 1.25, 2.0)


class Drawn(NamedTuple):
    """A value, a covariate and a stratum for each unit of one arm."""

    y: Floats
    x: Floats
    stratum: NDArray[np.int64]


def drawn(rng: np.random.Generator, n: int, factor: float, shift: float) -> Drawn:
    stratum = rng.integers(0, 3, n)
    x = rng.lognormal(0.0, 1.0, n)
    return Drawn(factor * (2 * x + 3.0 * stratum + rng.standard_normal(n)) + shift, x, stratum)


def pair(factor: float = 1.0, shift: float = 0.0) -> dict[str, Drawn]:
    rng = np.random.default_rng(77)
    return {"t": drawn(rng, UNITS[0], factor, shift), "c": drawn(rng, UNITS[1], 1.0, 0.0)}


def adjusted(arms: dict[str, Drawn], *, strata: bool, covariate: bool) -> dict[str, Arm]:
    def moments(item: Drawn, rows: NDArray[np.bool_]) -> Moments:
        return unit_moments(item.y[rows], covariates=[item.x[rows]] if covariate else [])

    whole = {name: moments(item, np.ones(item.y.size, dtype=bool)) for name, item in arms.items()}
    cells = {str(k): {name: moments(item, item.stratum == k) for name, item in arms.items()} for k in range(3)}
    found = reduced_arms(MetricKind.MEAN, whole, cells if strata else None)
    assert isinstance(found, Reduced)
    return dict(found.arms)


def of_units(arms: dict[str, Drawn], r: float, *, strata: bool, covariate: bool) -> float:
    """Variance of t - r c as the sum of squares of what each unit moves it by."""
    names = ("t", "c")
    n = sum(item.y.size for item in arms.values())
    x_all = np.concatenate([arms[name].x for name in names])
    cells = {name: item.stratum if strata else np.zeros(item.y.size, dtype=np.int64) for name, item in arms.items()}
    every = np.concatenate([cells[name] for name in names])
    keys = np.unique(every)
    theta = 0.0
    if covariate:
        centred = []
        for name in names:
            for key in keys:
                rows = cells[name] == key
                x, y = arms[name].x[rows], arms[name].y[rows]
                centred.append(((x - x.mean()) @ (y - y.mean()), (x - x.mean()) @ (x - x.mean())))
        theta = sum(a for a, _ in centred) / sum(b for _, b in centred)
    left = {name: item.y - theta * item.x for name, item in arms.items()}
    weight = {key: float((every == key).mean()) for key in keys}
    mean = {(name, key): float(left[name][cells[name] == key].mean()) for name in names for key in keys}
    moves = []
    for name, factor in (("t", 1.0), ("c", -r)):
        for key in keys:
            rows = cells[name] == key
            own = factor * weight[key] * (left[name][rows] - mean[name, key]) / rows.sum()
            both = mean["t", key] - r * mean["c", key] + theta * (1 - r) * (arms[name].x[rows])
            centre = sum(weight[k] * (mean["t", k] - r * mean["c", k]) for k in keys) + theta * (1 - r) * x_all.mean()
            moves.append(own + (both - centre) / n)
    return float((np.concatenate(moves) ** 2).sum())


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (1.0, 2.0), (1.4, 0.0)])
@pytest.mark.parametrize(("strata", "covariate"), [(False, True), (True, False), (True, True)])
def test_the_variance_of_a_share_of_the_control_is_that_of_what_units_do(
    strata: bool, covariate: bool, factor: float, shift: float
) -> None:
    arms = pair(factor, shift)
    found = adjusted(arms, strata=strata, covariate=covariate)
    t, c = found["t"], found["c"]
    spread, tilt = beside_variance(t.shared, c.shared, t.variance, c.variance)
    for r in RATIOS:
        judged = t.variance + r * r * c.variance + spread * (1 - r) ** 2 + tilt * (1 - r * r)
        # degrees of freedom, and chance between a stratum's weights and its units, are what remains
        assert judged == pytest.approx(of_units(arms, r, strata=strata, covariate=covariate), rel=0.06)
    if covariate and factor == 1:
        assert of_units(arms, 2.0, strata=strata, covariate=True) > 1.2 * (t.variance + 4 * c.variance)


def accepted(t: Arm, c: Arm, q: float) -> tuple[float, float]:
    """The lifts not rejected at a critical value, by search."""
    spread, tilt = beside_variance(t.shared, c.shared, t.variance, c.variance)
    lifts = np.linspace(-0.9, 3.0, 3_900_001)
    r = 1 + lifts
    variance = t.variance + r * r * c.variance + spread * (1 - r) ** 2 + tilt * (1 - r * r)
    kept = lifts[(t.value - r * c.value) ** 2 <= q * q * variance]
    return float(kept.min()), float(kept.max())


ADJUSTED = [(False, True), (True, False), (True, True)]


@pytest.mark.parametrize(("strata", "covariate"), ADJUSTED)
def test_every_interval_of_a_lift_is_the_lifts_not_rejected(strata: bool, covariate: bool) -> None:
    found = adjusted(pair(1.1, 2.0), strata=strata, covariate=covariate)
    t, c = found["t"], found["c"]
    outcome = compare_arms("adjusted", t, c, alpha=0.05)
    from scipy.stats import norm
    from scipy.stats import t as student

    assert outcome.degrees_of_freedom is not None
    low, high = accepted(t, c, float(student.isf(0.025, outcome.degrees_of_freedom)))
    assert isinstance(outcome.relative_interval, Interval)
    assert (outcome.relative_interval.lower, outcome.relative_interval.upper) == pytest.approx((low, high), abs=3e-6)
    lift = effect_posterior(
        Estimate(t.value, math.sqrt(t.variance), t.shared),
        Estimate(c.value, math.sqrt(c.variance), c.shared),
        EffectPrior(scale=EffectScale.ABSOLUTE),
    ).lift()
    low, high = accepted(t, c, float(norm.isf(0.025)))
    assert [float(lift.quantile(p)[0]) for p in (0.025, 0.975)] == pytest.approx([low, high], abs=3e-6)
    w = sequential_means(t, c).relative[0]
    spread, tilt = beside_variance(t.shared, c.shared, t.variance, c.variance)
    for r in RATIOS:
        expected = t.variance + r * r * c.variance + spread * (1 - r) ** 2 + tilt * (1 - r * r)
        assert w[0] + w[1] * r + w[2] * r * r == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("strata", "covariate"), ADJUSTED)
@pytest.mark.parametrize("margin", [0.15, 0.22])
def test_margins_agree_with_the_interval_of_the_lift(strata: bool, covariate: bool, margin: float) -> None:
    found = adjusted(pair(1.05, 1.0), strata=strata, covariate=covariate)
    outcome = margin_test("adjusted", found["t"], found["c"], hypothesis=Hypothesis.SUPERIORITY, margin=margin)
    assert isinstance(outcome.p_value, float)
    # at the level of its own p-value the interval of the lift ends at the margin, but for the degrees of freedom
    above = outcome.p_value < 0.5
    alpha = outcome.p_value if above else 1 - outcome.p_value
    side = Alternative.GREATER if above else Alternative.LESS
    edge = compare_arms("lift", found["t"], found["c"], alpha=alpha, alternative=side)
    assert isinstance(edge.relative_interval, Interval)
    assert (edge.relative_interval.lower if above else edge.relative_interval.upper) == pytest.approx(margin, abs=2e-3)


def test_one_by_one_from_moments_and_many_at_once_are_the_same() -> None:
    arms = pair(1.3, 1.0)
    found = adjusted(arms, strata=False, covariate=True)
    t, c = (unit_moments(item.y, covariates=[item.x]) for item in arms.values())

    def columns(item: Moments) -> Columns:
        yy, yx, xx = item.comoments
        return Columns(item.n, item.means[0], item.means[1], yy, yx, xx)

    one, general = cuped_t(t, c), compare_arms("cuped_t", found["t"], found["c"])
    many = many_cuped(columns(t), columns(c))
    assert isinstance(one.relative_interval, Interval)
    assert isinstance(general.relative_interval, Interval)
    bounds = one.relative_interval.lower, one.relative_interval.upper
    assert bounds == pytest.approx((general.relative_interval.lower, general.relative_interval.upper), rel=1e-12)
    assert bounds == pytest.approx((many.relative_lower[0], many.relative_upper[0]), rel=1e-12)


def test_a_plan_shows_it_in_every_way_of_judging() -> None:
    arms = pair(1.0, 8.0)
    metric = Metric(key="value", kind=MetricKind.MEAN, event="e", field="x")
    moments = {name: unit_moments(item.y, covariates=[item.x]) for name, item in arms.items()}
    item = measure(metric, moments, Validity.FIXED)
    tuning = Tuning(2_800, tuned_rho_squared(2_800, 0.05))

    def width(found: object) -> float:
        assert isinstance(found, Interval)
        assert found.lower is not None
        assert found.upper is not None
        return found.upper - found.lower

    assert item.by is not None
    t, c = item.by.arms["t"], item.by.arms["c"]
    bare = compare_arms("bare", Arm(t.n, t.value, t.unit_variance), Arm(c.n, c.value, c.unit_variance))
    fixed = compare(item, "t", "c", Validity.FIXED, tuning, 0.05)
    anytime = compare(item, "t", "c", Validity.ANYTIME, tuning, 0.05)
    believed = posteriors(item, "c", Plan(method="bayesian"))["t"]
    assert width(fixed.relative_interval) > 1.2 * width(bare.relative_interval)
    assert width(anytime.relative_interval) > width(fixed.relative_interval)
    assert width(believed.relative_interval) == pytest.approx(width(fixed.relative_interval), rel=0.01)
    assert width(fixed.interval) == width(bare.interval)


def test_arms_that_share_nothing_are_as_they_were() -> None:
    assert beside_variance(None, Shared((1.0,)), 1.0, 1.0) == (0.0, 0.0)
    assert beside_variance(Shared((1.0, 2.0)), Shared((1.0, 2.0)), 1.0, 1.0) == (5.0, 0.0)


def few_units(rng: np.random.Generator, n: int, columns: int) -> Moments:
    x = rng.lognormal(0.0, 2.0, (n, columns))
    y = x @ np.full(columns, rng.normal(1.0, 1.5)) + rng.normal(0.0, 10 ** rng.uniform(-3, 1), n) + 3.0
    return unit_moments(y, covariates=list(x.T))


def check_of_every_lift(t: Arm, c: Arm) -> None:
    """Whatever the lift, the variance is above 0; intervals have the estimate in them, and nest; margins have a p."""
    spread, tilt = beside_variance(t.shared, c.shared, t.variance, c.variance)
    r = np.concatenate([-np.logspace(-3, 3, 61), np.logspace(-3, 3, 61)])
    assert (t.variance + r * r * c.variance + spread * (1 - r) ** 2 + tilt * (1 - r * r) > 0).all()
    before: Interval | None = None
    for alpha in (0.5, 0.2, 0.05, 0.01):
        found = compare_arms("adjusted", t, c, alpha=alpha)
        lift = found.relative_interval
        if not isinstance(lift, Interval):
            continue
        assert isinstance(found.relative, float)
        assert lift.lower is not None
        assert lift.upper is not None
        assert lift.lower <= found.relative <= lift.upper
        if before is not None:
            assert before.lower is not None
            assert before.upper is not None
            assert lift.lower <= before.lower + 1e-9 * abs(before.lower)
            assert lift.upper >= before.upper - 1e-9 * abs(before.upper)
        before = lift
    for hypothesis in (Hypothesis.SUPERIORITY, Hypothesis.NON_INFERIORITY, Hypothesis.EQUIVALENCE):
        for margin in (0.01, 0.3, 0.9):
            for higher in (True, False):
                outcome = margin_test("adjusted", t, c, hypothesis=hypothesis, margin=margin, higher_is_better=higher)
                assert c.value <= 0 or isinstance(outcome.p_value, float)


@pytest.mark.parametrize("columns", [1, 2])
def test_no_lift_has_a_variance_below_0_with_a_few_units_beside_many(columns: int) -> None:
    rng = np.random.default_rng(5)
    tried = 0
    for _ in range(300):
        sizes = int(rng.integers(2, 6)), int(rng.choice([2, 5, 50, 1000]))
        item = {"t": few_units(rng, sizes[0], columns), "c": few_units(rng, sizes[1], columns)}
        found = reduced_arms(MetricKind.MEAN, item)
        if not isinstance(found, Reduced) or found.arms["t"].variance + found.arms["c"].variance <= 0:
            continue
        check_of_every_lift(found.arms["t"], found.arms["c"])
        tried += 1
        if columns == 1:
            one, general = cuped_t(item["t"], item["c"]), compare_arms("x", found.arms["t"], found.arms["c"])
            assert type(one.relative_interval) is type(general.relative_interval)
    assert tried > 150


@pytest.mark.parametrize("variants", ["tc", "tcd"])
def test_no_lift_has_a_variance_below_0_with_small_strata(variants: str) -> None:
    rng = np.random.default_rng(6)
    tried = 0
    for _ in range(300):
        strata = {
            str(k): {name: few_units(rng, int(rng.choice([2, 3, 5, 12, 200])), 1).only(("value",)) for name in variants}
            for k in range(3)
        }
        found = post_stratified(strata, min_units=2)
        if isinstance(found, Reduced) and found.arms["t"].variance + found.arms["c"].variance > 0:
            check_of_every_lift(found.arms["t"], found.arms["c"])
            tried += 1
    assert tried > 200
