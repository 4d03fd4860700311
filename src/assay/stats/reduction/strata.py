"""Post-stratification: strata known before exposure, weighted alike in every variant.

Miratrix, Sekhon & Yu 2013, "Adjusting treatment effect estimates by post-stratification in randomized experiments".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, ONE_UNIT, ZERO_DENOMINATOR, Arm, Shared, arm_of, sound
from assay.stats.checks import is_finite
from assay.stats.reduction.linear import (
    Coefficients,
    Floats,
    Linear,
    common_covariates,
    linear,
    pooled_coefficients,
    residuals,
    with_means,
)
from assay.stats.reduction.report import Reduced

Strata = Mapping[str, Mapping[str, Moments]]
"""Stratum → variant → moments."""

MIN_UNITS = 10
"""Units of every variant that a stratum should expect: a cell then has fewer than 2 once in 2,000."""
_FEW_IN_A_CELL = 5
SMALL_CELLS = "A stratum has fewer than 5 units of a variant; false alarms may be more frequent than alpha."
ONE_STRATUM = NoEstimate("one_stratum", "all units are in one stratum, so there is nothing to adjust")
STRATA_TOO_SMALL = NoEstimate(
    "strata_too_small", "the strata are too small to be told apart: no two have enough units of every variant"
)


@dataclass(frozen=True, slots=True)
class _Group:
    """Strata taken as one."""

    keys: tuple[str, ...] = ()
    moments: Mapping[str, Moments] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(item.n for item in self.moments.values())

    @property
    def least(self) -> int:
        return min(item.n for item in self.moments.values())

    def with_(self, other: _Group) -> _Group:
        both = {name: self.moments[name].merge(item) if self.keys else item for name, item in other.moments.items()}
        return _Group(self.keys + other.keys, both)


def post_stratified(
    strata: Strata, *, kind: MetricKind = MetricKind.MEAN, min_units: int = MIN_UNITS
) -> Reduced | NoEstimate:
    """The arms of all variants, post-stratified. strata: stratum → variant → moments; none means no units.

    With weights W_k = N_k / N from the units of all variants, a variant's value is Σ W_k m_k and its variance Σ
    W_k² s_k² / n_k, given its n_k units in stratum k. On average over the split this is Σ W_k s_k² / n + Σ (1 -
    W_k) s_k² / n²: the second term is what uneven splits within strata cost (`post_stratified_variance`). Where
    strata respond differently, 2/N · Σ W_k u_k² is added less its own noise, u_k the part of m_k - m that is this
    variant's alone: the uncertainty of W itself, exact for two variants and too large for more. What W does to all
    variants alike is left out, as a difference does not notice it; lifts do, so the arms carry it along
    (`Arm.shared`). Ratios are linearised around Σ W_k ȳ_k / Σ W_k d̄_k. Moments with covariates are adjusted too,
    by one θ pooled over all strata and variants.

    Strata too small to expect `min_units` units of every variant are merged with their neighbours by name (`merged`).
    Variants without an estimate, or of one unit, are left out. Simulated, strata of the default size are no more
    liberal than the same comparison without them; cells of 2 to 5 units are (10 % of 200 units in one variant, few
    conversions: 12 % of A/A tests significant at 5 %, without strata 9 %), and a warning says so.
    Raises InvalidInput for columns that differ, or `min_units` below 2.
    """
    if not (is_finite(min_units) and min_units >= 2):
        raise InvalidInput("min_units", min_units, "2 or more, as one unit has no variance")
    columns = _columns(strata)
    if not all(sound(item) for by in strata.values() for item in by.values()):
        return BAD_MOMENTS
    totals = totals_of(strata)
    plain = {name: arm for name, item in totals.items() if item.n > 1 and isinstance(arm := arm_of(kind, item), Arm)}
    if not plain:
        return ONE_UNIT if any(item.n for item in totals.values()) else EMPTY_ARM
    sized = {key: {name: by.get(name, Moments.zeros(0, columns)) for name in plain} for key, by in strata.items()}
    used = {key: by for key, by in sized.items() if any(item.n for item in by.values())}
    if len(used) < 2:
        return ONE_STRATUM
    groups, warnings = merged(used, min_units)
    if len(groups) < 2:
        return STRATA_TOO_SMALL
    weights = np.array([sum(item.n for item in by.values()) for by in groups], dtype=np.float64)
    n_units = float(weights.sum())
    weights /= n_units
    if min(item.n for by in groups for item in by.values()) < _FEW_IN_A_CELL:
        warnings.append(SMALL_CELLS)
    names = common_covariates(list(totals.values()))
    cells = {}
    for variant in plain:
        around = _around([by[variant] for by in groups], weights) if kind is MetricKind.RATIO else None
        if isinstance(around, NoEstimate):
            return around
        cells[variant] = [linear(by[variant], names, around) for by in groups]
    by = pooled_coefficients([cell for row in cells.values() for cell in row], names) if names else None
    if isinstance(by, NoEstimate):
        warnings, by = [*warnings, f"Covariates were not used within the strata: {by.reason}."], None
    return Reduced(
        name="stratified",
        plain=plain,
        arms=_arms(cells, weights, n_units, by),
        strata=len(groups),
        covariates=tuple(names[i] for i in by.kept) if by else (),
        warnings=(*warnings, *(by.warnings if by else ())),
    )


def post_stratified_variance(weights: ArrayLike, variances: ArrayLike, n: int) -> float:
    """Expected variance of a post-stratified mean of n units: Σ W_k s_k² / n + Σ (1 - W_k) s_k² / n².

    For planning, before counts per stratum are known. weights: shares of the strata. variances: of units within them.
    Source: Cochran 1977, "Sampling Techniques", eq. 5A.42 without the finite population correction.
    """
    w, s = np.asarray(weights, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if w.ndim != 1 or not w.size or (w < 0).any() or not math.isclose(float(w.sum()), 1, rel_tol=1e-6):
        raise InvalidInput("weights", w.tolist(), "shares of the strata that sum to 1")
    if s.shape != w.shape or not (np.isfinite(s) & (s >= 0)).all():
        raise InvalidInput("variances", s.tolist(), "one number of at least 0 for each stratum")
    if not (is_finite(n) and n >= 1):
        raise InvalidInput("n", n, "1 unit or more")
    return float(w @ s) / n + float((1 - w) @ s) / n / n


def merged(strata: Strata, min_units: float) -> tuple[list[dict[str, Moments]], list[str]]:
    """Strata so merged that each can expect `min_units` units of every variant, and what was merged, in words.

    Small strata join their neighbours by name until they are large enough. Only sizes over all variants decide: to
    pick strata by their own split would pick the uneven ones, and false alarms with them.
    """
    totals = totals_of(strata)
    needed = min_units * sum(item.n for item in totals.values()) / min(item.n for item in totals.values())
    large: list[_Group] = []
    small: list[_Group] = []
    waiting = _Group()
    for key in sorted(strata):
        one = _Group((key,), strata[key])
        if one.size >= needed:
            large.append(one)
            continue
        waiting = waiting.with_(one)
        if waiting.size >= needed:
            small, waiting = [*small, waiting], _Group()
    groups = large + small
    if waiting.keys and groups:
        nearest = min(small or large, key=lambda group: (group.size, group.keys))
        groups[groups.index(nearest)] = nearest.with_(waiting)
    elif waiting.keys:
        groups = [waiting]
    # a rare split leaves a variant without the two units that a variance needs
    while len(groups) > 1 and (bare := next((one for one in groups if one.least < 2), None)):
        groups.remove(bare)
        nearest = min(groups, key=lambda group: (group.size, group.keys))
        groups[groups.index(nearest)] = nearest.with_(bare)
    joined = [key for group in groups if len(group.keys) > 1 for key in group.keys]
    if not joined:
        return [dict(group.moments) for group in groups], []
    into = sum(len(group.keys) > 1 for group in groups)
    shown = ", ".join(key or "(none)" for key in joined[:5]) + (", …" if len(joined) > 5 else "")
    note = f"{len(joined)} strata were merged into {into}, too small for {min_units:g} units of every variant: {shown}."
    return [dict(group.moments) for group in groups], [note]


def _arms(
    cells: Mapping[str, list[Linear]], weights: Floats, n_units: float, by: Coefficients | None
) -> dict[str, Arm]:
    adjusted = {
        variant: [(cell.value, cell.squares) if by is None else residuals(cell, by) for cell in row]
        for variant, row in cells.items()
    }
    counts = np.array([[cell.n for cell in row] for row in cells.values()], dtype=np.float64)
    means = np.array([[mean for mean, _ in row] for row in adjusted.values()])
    noise = np.array([[squares for _, squares in row] for row in adjusted.values()]) / (counts - 1) / counts
    start = means[:, :1]
    values = start[:, 0] + (means - start) @ weights
    variances = noise @ weights**2
    excess, deviations = _composition(means - values[:, None], noise, weights)
    variances += excess / n_units
    totals = counts.sum(axis=1)
    shared = _shared(cells, weights, n_units, deviations, by)
    return {
        variant: Arm(int(n), float(value), float(n * variance), shared[variant])
        for variant, n, value, variance in zip(cells, totals, values, variances, strict=True)
    }


def _shared(
    cells: Mapping[str, list[Linear]], weights: Floats, n_units: float, deviations: Floats, by: Coefficients | None
) -> dict[str, Shared]:
    """What the strata's weights, and the covariates' means over all units, do to each variant."""
    rows = list(cells.values())
    own = np.zeros(len(rows))
    within: tuple[float, ...] = ()
    if by is not None:
        kept = list(by.kept)
        counts = np.array([[cell.n for cell in row] for row in rows], dtype=np.float64)
        xs = np.array([[cell.means[kept] for cell in row] for row in rows])
        of_strata = (counts[:, :, None] * (xs - by.means)).sum(axis=0) / counts.sum(axis=0)[:, None]
        deviations = deviations + of_strata @ by.theta
        within = (math.sqrt(by.means_variance),)
        own = np.array([[with_means(cell, by) for cell in row] for row in rows]) @ weights
    loadings = deviations * np.sqrt(weights / n_units)
    return {
        variant: Shared((*within, *of_variant.tolist()), float(each))
        for variant, of_variant, each in zip(cells, loadings, own, strict=True)
    }


def _composition(deviations: Floats, noise: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """2 Σ W_k u_k² of each variant without what chance alone makes of it, at least 0, and the deviations with u_k so.

    With all of u_k in what arms share, and less of it in their own variance, a lift could have a variance below 0.
    """
    variants = len(deviations)
    common = deviations.mean(axis=0)
    own = deviations - common
    expected = (1 - 2 / variants) * noise + noise.sum(axis=0) / variants**2
    seen = 2 * (own**2 @ weights)
    excess: Floats = np.maximum(0.0, seen - 2 * (expected @ weights))
    share = excess / np.where(seen > 0, seen, 1.0)
    return excess, common + np.sqrt(share)[:, None] * own


def _around(groups: Sequence[Moments], weights: Floats) -> tuple[float, float] | NoEstimate:
    """(R, D) of a variant over all strata."""
    above, below = (float(weights @ np.array([item.mean(name) for item in groups])) for name in (VALUE, DENOMINATOR))
    return (above / below, below) if abs(below) > 1e-60 else ZERO_DENOMINATOR


def _columns(strata: Strata) -> tuple[str, ...]:
    found = {item.columns for by in strata.values() for item in by.values()}
    if len(found) > 1:
        raise InvalidInput("strata", sorted(found), "moments of the same columns in every stratum and variant")
    return next(iter(found), (VALUE,))


def totals_of(strata: Strata) -> dict[str, Moments]:
    """Each variant's moments over all strata."""
    totals: dict[str, Moments] = {}
    for by in strata.values():
        for name, item in by.items():
            totals[name] = totals[name].merge(item) if name in totals else item
    return totals
