"""The package and the vectorised twin say the same at random looks, so what is simulated is what is shipped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.model.metric import Measure, Metric, MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.plan import Plan
from assay.model.result import Comparison, Interval, Validity
from assay.stats.experiment import analyse_metrics
from assay.stats.sequential.mixture import tuned_rho_squared
from tests.sim.sequence_twin import mean_rejects, share_ratio_rejects, share_rejects
from tests.sim.unit_streams import (
    Array,
    Counts,
    Pair,
    Pairs,
    Sums,
    as_adjusted,
    as_means,
    as_ratios,
    conversions,
    looks,
    paired,
)

ALPHA, TUNING = 0.05, 1_000
RHO_SQUARED = tuned_rho_squared(TUNING, ALPHA)


def compared(kind: MetricKind, treatment: Moments, control: Moments) -> Comparison:
    denominator = Measure(event="d") if kind is MetricKind.RATIO else None
    metric = Metric(key="m", kind=kind, event="e", field="f", denominator=denominator)
    (result,), _ = analyse_metrics(
        [metric],
        {"m": {"control": control, "treatment": treatment}},
        control="control",
        plan=Plan(alpha=ALPHA),
        validity=Validity.ANYTIME,
        tuning_units=TUNING,
    )
    return result.comparisons[0]


def leaves_out(interval: object, value: float) -> bool:
    if not isinstance(interval, Interval):
        return False
    below = interval.lower is not None and value < interval.lower
    return below or (interval.upper is not None and value > interval.upper)


def points(rng: np.random.Generator, rejected: Array, count: int = 100) -> list[tuple[int, int]]:
    """Random looks, random rejected ones, and the looks at which the answer turns."""
    every = np.stack([rng.integers(size, size=count) for size in rejected.shape], axis=1)
    hits, turns = np.argwhere(rejected), np.argwhere(rejected[:, 1:] != rejected[:, :-1])
    turned = turns[rng.integers(len(turns), size=count)]
    chosen = np.concatenate([every, hits[rng.integers(len(hits), size=count)], turned, np.add(turned, [0, 1])])
    return [(int(i), int(j)) for i, j in chosen]


@pytest.mark.parametrize(("p", "share"), [(0.01, 0.5), (0.05, 0.1), (0.3, 0.9), (0.6, 0.5)])
def test_shares(p: float, share: float) -> None:
    rng = np.random.default_rng(11)
    s: Counts = conversions(rng, looks(6_000), 400, 1.5 * p, p, share)
    null, shifted = share_rejects(s, RHO_SQUARED, ALPHA), share_rejects(s, RHO_SQUARED, ALPHA, 1.5 * p)
    rated = share_ratio_rejects(s, RHO_SQUARED, ALPHA, 3.0)
    for i, j in points(rng, null):
        counts = [int(part[i, j]) for part in (s.x_t, s.n_t, s.x_c, s.n_c)]
        item = compared(MetricKind.CONVERSION, Moments.of_counts(*counts[:2]), Moments.of_counts(*counts[2:]))
        assert (isinstance(item.p_value, float) and item.p_value < ALPHA) == null[i, j]
        assert leaves_out(item.absolute_interval, 0.0) == null[i, j]
        assert leaves_out(item.absolute_interval, 1.5 * p) == shifted[i, j]
        if isinstance(item.relative_interval, Interval):
            assert leaves_out(item.relative_interval, 2.0) == rated[i, j]


def numbers(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    x = rng.exponential(1.0, shape) + 0.2
    return x + rng.exponential(1.0, shape), x


CASES: list[tuple[MetricKind, str, Callable[[Pairs], Sums], tuple[str, ...]]] = [
    (MetricKind.MEAN, "mean", as_means, (VALUE,)),
    (MetricKind.RATIO, "ratio", as_ratios, (VALUE, DENOMINATOR)),
    (MetricKind.SUM, "cuped", as_adjusted, (VALUE, COVARIATE)),
]


@pytest.mark.parametrize(
    ("kind", "name", "reduce", "columns"), CASES, ids=lambda item: item if type(item) is str else ""
)
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_means(
    kind: MetricKind, name: str, reduce: Callable[[Pairs], Sums], columns: tuple[str, ...], share: float
) -> None:
    rng = np.random.default_rng(12)
    pairs = paired(rng, looks(2_000), 200, numbers, 1.1, share)
    s = reduce(pairs)
    null, lifted = mean_rejects(s, RHO_SQUARED, ALPHA), mean_rejects(s, RHO_SQUARED, ALPHA, ratio=1.3)
    for i, j in points(rng, null):
        moments = [_moments(side, i, j, columns) for side in (pairs.t, pairs.c)]
        item = compared(kind, *moments)
        assert (isinstance(item.p_value, float) and item.p_value < ALPHA) == null[i, j], name
        assert leaves_out(item.absolute_interval, 0.0) == null[i, j]
        if isinstance(item.relative_interval, Interval):
            assert leaves_out(item.relative_interval, 0.3) == lifted[i, j]


def _moments(side: Pair, i: int, j: int, columns: tuple[str, ...]) -> Moments:
    n, y, x, yy, yx, xx = (float(getattr(side, part)[i, j]) for part in ("n", "y", "x", "yy", "yx", "xx"))
    if len(columns) == 1:
        return Moments(int(n), columns, (y,), (max(0.0, yy),))
    return Moments(int(n), columns, (y, x), (max(0.0, yy), yx, max(0.0, xx)))
