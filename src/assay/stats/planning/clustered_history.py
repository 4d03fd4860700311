"""From moments of every cluster to a design: what `estimate_from_history` does with a label for every unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, ZERO_VARIANCE
from assay.stats.planning.design import Clusters
from assay.stats.planning.history import History, estimate_from_history
from assay.stats.planning.measured import RatioMeasure

ONE_CLUSTER = NoEstimate("one_cluster", "one cluster says nothing about how much clusters differ")
SINGLE_UNITS = NoEstimate("single_units", "every cluster has one unit, so units within clusters cannot be compared")


def estimate_from_clusters(clusters: Iterable[Moments], *, kind: str) -> History | NoEstimate:
    """What a design of whole clusters needs to know, from the moments of each; empty clusters do not count.

    kind: share, mean or ratio. The intraclass correlation is by analysis of variance, (MSC - MSW) / (MSC + (m₀ - 1)
    MSW), at least 0 (Donner & Klar 2000, section 6.2.1); of a ratio R that of value - R · denominator, with a
    covariate that of the value less what the covariate tells, because the design multiplies it by 1 - ρ².
    """
    groups = [moments for moments in clusters if moments.n > 0]
    if not groups:
        return EMPTY_ARM
    total = reduce(Moments.merge, groups)
    found = estimate_from_history(total, kind=kind)
    if isinstance(found, NoEstimate):
        return found
    parts = _parts(found, total)
    sizes = np.array([moments.n for moments in groups], dtype=np.float64)
    clusters_found: Clusters | NoEstimate
    icc = _icc(groups, sizes, parts)
    if isinstance(icc, NoEstimate):
        clusters_found = icc
    else:
        mean = float(sizes.mean())
        clusters_found = Clusters(mean_size=mean, icc=icc, size_cv=float(sizes.std(ddof=1)) / mean)
    return replace(found, clusters=clusters_found, n_clusters=len(groups))


def _parts(found: History, total: Moments) -> dict[str, float]:
    """What varies between units, as a sum of columns: the value, less R · denominator or what the covariate tells."""
    if isinstance(found.measured, RatioMeasure):
        return {VALUE: 1.0, DENOMINATOR: -found.measured.baseline}
    if found.correlation:
        return {VALUE: 1.0, COVARIATE: -total.comoment(VALUE, COVARIATE) / total.comoment(COVARIATE)}
    return {VALUE: 1.0}


def _icc(groups: list[Moments], sizes: NDArray[np.float64], parts: dict[str, float]) -> float | NoEstimate:
    k, n = len(groups), float(sizes.sum())
    if k < 2:
        return ONE_CLUSTER
    if k == n:
        return SINGLE_UNITS
    means = np.array([sum(weight * moments.mean(name) for name, weight in parts.items()) for moments in groups])
    centred = means - float(sizes @ means) / n
    between = float(sizes @ centred**2) / (k - 1)
    within = sum(_squares(moments, parts) for moments in groups) / (n - k)
    if between <= 0 and within <= 0:
        return ZERO_VARIANCE
    average = (n - float(sizes @ sizes) / n) / (k - 1)
    return min(1.0, max(0.0, (between - within) / (between + (average - 1) * within)))


def _squares(moments: Moments, parts: dict[str, float]) -> float:
    """Sum of squares of the sum of columns about the cluster's own mean."""
    pairs = [(a, b) for a in parts for b in parts]
    return max(0.0, sum(parts[a] * parts[b] * moments.comoment(a, b) for a, b in pairs))
