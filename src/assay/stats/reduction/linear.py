"""Units of one arm (or one stratum of an arm) as a value and its covariates, ready for one pooled regression.

A mean is its own linear form. A ratio of means R = Y / D is linearised: a unit's part is z = R + (y - R d) / D, whose
mean is the ratio and whose variance is the delta method's (Budylin, Drutsa, Katsev & Tsoy 2018, "Consistent
Transformation of Ratio Metrics for Efficient Online Controlled Experiments"; Deng, Knoblich & Lu 2018, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import residual_squares

Floats = NDArray[np.float64]

NO_COVARIATE = NoEstimate("no_covariate", "no covariate was aggregated with the value")
NO_VARIANCE = NoEstimate("constant_covariate", "the covariate has the same value for every unit")
TOO_FEW_FOR_COVARIATES = NoEstimate(
    "too_few_units_for_covariates", "there are too few units for so many covariates; each costs a degree of freedom"
)
UNCERTAIN = "With so few units the covariate's coefficient is uncertain: some 6 % of A/A tests are significant at 5 %."
_ROUNDING_OF_VALUES = 1e-13
_NEARLY_EXPLAINED = 1e-6
"""A covariate of whose variance less than this share is its own says nothing that the others do not."""
_ROUNDING_OF_RESIDUALS = 1e-12
_FEW = 60
"""Degrees of freedom below which one covariate's coefficient is too uncertain for the published variance."""


class Linear(NamedTuple):
    """n units: mean and sum of squares of the value, its comoments with the covariates, theirs, and their means."""

    n: int
    value: float
    squares: float
    cross: Floats
    within: Floats
    means: Floats


class Coefficients(NamedTuple):
    """kept: which covariates are used. theta: one each. means: over all units. factor: of variances, at least 1.

    units: over which the means are; means_variance: of θ'x̄.
    """

    kept: tuple[int, ...]
    theta: Floats
    means: Floats
    factor: float
    warnings: tuple[str, ...]
    units: int
    means_variance: float


def covariate_names(moments: Moments) -> tuple[str, ...]:
    """The columns that are covariates: all whose names start with "covariate"."""
    return tuple(name for name in moments.columns if name.startswith(COVARIATE))


def common_covariates(arms: Sequence[Moments]) -> tuple[str, ...]:
    """The covariates of all arms. Raises InvalidInput when arms have different ones."""
    names = covariate_names(arms[0]) if arms else ()
    for item in arms:
        if covariate_names(item) != names:
            raise InvalidInput("moments", covariate_names(item), f"the same covariates in every variant: {list(names)}")
    return names


class _Places(NamedTuple):
    """Where the value, the denominator and some covariates stand in moments of given columns."""

    y: int
    d: int
    xs: NDArray[np.intp]
    comoments: NDArray[np.intp]
    """Of every pair of columns, the place in the upper triangle."""


@lru_cache(maxsize=256)
def _places(columns: tuple[str, ...], names: tuple[str, ...]) -> _Places:
    k = len(columns)
    full = np.zeros((k, k), dtype=np.intp)
    rows, others = np.triu_indices(k)
    full[rows, others] = full[others, rows] = np.arange(rows.size)
    y, d = columns.index(VALUE), columns.index(DENOMINATOR) if DENOMINATOR in columns else -1
    return _Places(y, d, np.array([columns.index(name) for name in names], dtype=np.intp), full)


def linear(moments: Moments, names: tuple[str, ...], ratio: tuple[float, float] | None = None) -> Linear:
    """Moments as a linear form. ratio: (R, D) to linearise value / denominator around, None for a mean."""
    y, d, xs, place = _places(moments.columns, names)
    means, comoments = np.array(moments.means), np.array(moments.comoments)
    within, cross = comoments[place[xs[:, None], xs]], comoments[place[y, xs]]
    squares = float(comoments[place[y, y]])
    if ratio is None:
        return Linear(moments.n, moments.means[y], squares, cross, within, means[xs])
    around, below = ratio
    value = around + (moments.means[y] - around * moments.means[d]) / below
    squares = residual_squares(squares, float(comoments[place[y, d]]), float(comoments[place[d, d]]), around)
    cross = (cross - around * comoments[place[d, xs]]) / below
    return Linear(moments.n, value, squares / (below * below), cross, within, means[xs])


def pooled_coefficients(groups: Sequence[Linear], names: Sequence[str]) -> Coefficients | NoEstimate:
    """θ = (Σ_g S_xx)⁻¹ Σ_g S_xz over all groups g, from comoments within groups, scaled to correlations.

    Covariates that are constant, or explained by those before them to all but a millionth, are left out.
    factor: with k ≥ 2 covariates and f = Σ (n_g - 1) degrees of freedom, f / (f - k) · (f - 1) / (f - k - 1): the
    residuals' own degrees of freedom, and what estimating θ adds on average to the variance of a difference (for normal
    covariates; Cox & McCullagh 1982, "Some aspects of analysis of covariance"). 1 with one covariate, as
    CUPED is published.
    """
    if not names:
        return NO_COVARIATE
    n_units = sum(item.n for item in groups)
    if n_units <= 0:
        return NO_VARIANCE
    # around the first group's means, so that large means keep their digits
    start = groups[0].means
    shift = sum((item.n / n_units * (item.means - start) for item in groups), np.zeros(len(names)))
    means = start + shift
    within = sum((item.within for item in groups), np.zeros((len(names), len(names))))
    cross = sum((item.cross for item in groups), np.zeros(len(names)))
    kept, factor, warnings = _independent(within, means, n_units, names)
    if not kept:
        return NO_VARIANCE
    rows = list(kept)
    scale = 1 / np.sqrt(np.diag(within)[rows])
    theta = scale * np.linalg.solve(factor.T, np.linalg.solve(factor, scale * cross[rows]))
    k, f = len(kept), sum(max(0, item.n - 1) for item in groups)
    # group by group, as their residuals' variances and covariances are, so that no variance of a lift is below 0
    moved = [
        item.n / (item.n - 1) * float(theta @ item.within[np.ix_(rows, rows)] @ theta) for item in groups if item.n > 1
    ]
    of_means = n_units, sum(moved) / n_units / n_units
    if k == 1:
        if f < _FEW:
            warnings = (*warnings, UNCERTAIN)
        return Coefficients(kept, theta, means[rows], 1.0, warnings, *of_means)
    if f <= k + 1:
        return TOO_FEW_FOR_COVARIATES
    return Coefficients(kept, theta, means[rows], f / (f - k) * ((f - 1) / (f - k - 1)), warnings, *of_means)


def residuals(group: Linear, by: Coefficients) -> tuple[float, float]:
    """Mean and sum of squares of z - θ'(x - x̄); the latter 0 where it is only what rounding left."""
    rows = np.array(by.kept)
    within = group.within[rows[:, None], rows]
    value = group.value - float(by.theta @ (group.means[rows] - by.means))
    explained = float(by.theta @ within @ by.theta)
    squares = group.squares - 2 * float(by.theta @ group.cross[rows]) + explained
    terms = group.squares + float(np.abs(by.theta) @ np.abs(within) @ np.abs(by.theta))
    return value, by.factor * squares if squares > _ROUNDING_OF_RESIDUALS * terms else 0.0


def with_means(group: Linear, by: Coefficients) -> float:
    """Covariance of the group's mean of z - θ'x with θ'x̄; 0 on average over groups, by the choice of θ."""
    if group.n < 2:
        return 0.0
    rows = np.array(by.kept)
    left = group.cross[rows] - group.within[rows[:, None], rows] @ by.theta
    return float(by.theta @ left) / (group.n - 1) / by.units


def _independent(
    within: Floats, means: Floats, n_units: int, names: Sequence[str]
) -> tuple[tuple[int, ...], Floats, tuple[str, ...]]:
    """Which covariates to keep, the lower Cholesky factor of their correlations, and what was left out."""
    squares = np.diag(within)
    constant = squares <= n_units * (_ROUNDING_OF_VALUES * means) ** 2
    kept: list[int] = []
    factor = np.zeros((0, 0))
    warnings = []
    for j, name in enumerate(names):
        if constant[j]:
            warnings.append(f"Covariate {name} was left out: it has the same value for every unit of a variant.")
            continue
        beside = within[kept, j] / np.sqrt(squares[kept]) / np.sqrt(squares[j])
        row = np.linalg.solve(factor, beside) if kept else beside
        own = 1 - float(row @ row)
        if own <= _NEARLY_EXPLAINED:
            warnings.append(f"Covariate {name} was left out: the covariates before it say the same.")
            continue
        size = len(kept)
        grown = np.zeros((size + 1, size + 1))
        grown[:size, :size], grown[size, :size], grown[size, size] = factor, row, np.sqrt(own)
        kept, factor = [*kept, j], grown
    return tuple(kept), factor, tuple(warnings)
