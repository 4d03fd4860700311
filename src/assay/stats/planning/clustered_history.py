"""From moments of every cluster to a design: what `estimate_from_history` does with a label for every unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

import numpy as np

from assay.model.moments import DENOMINATOR, VALUE, Moments
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
    MSW), at least 0 (Donner & Klar 2000, section 6.2.1); of a ratio R that of value - R · denominator.
    """
    groups = [moments for moments in clusters if moments.n > 0]
    if not groups:
        return EMPTY_ARM
    found = estimate_from_history(reduce(Moments.merge, groups), kind=kind)
    if isinstance(found, NoEstimate):
        return found
    ratio = found.measured.baseline if isinstance(found.measured, RatioMeasure) else None
    sizes = np.array([moments.n for moments in groups], dtype=np.float64)
    clusters_found: Clusters | NoEstimate
    icc = _icc(groups, sizes, ratio)
    if isinstance(icc, NoEstimate):
        clusters_found = icc
    else:
        mean = float(sizes.mean())
        clusters_found = Clusters(mean_size=mean, icc=icc, size_cv=float(sizes.std(ddof=1)) / mean)
    return replace(found, clusters=clusters_found, n_clusters=len(groups))


def _icc(groups: list[Moments], sizes: np.ndarray, ratio: float | None) -> float | NoEstimate:
    k, n = len(groups), float(sizes.sum())
    if k < 2:
        return ONE_CLUSTER
    if k == n:
        return SINGLE_UNITS
    means = np.array([_mean(moments, ratio) for moments in groups])
    centred = means - float(sizes @ means) / n
    between = float(sizes @ centred**2) / (k - 1)
    within = sum(_squares(moments, ratio) for moments in groups) / (n - k)
    if between <= 0 and within <= 0:
        return ZERO_VARIANCE
    average = (n - float(sizes @ sizes) / n) / (k - 1)
    return min(1.0, max(0.0, (between - within) / (between + (average - 1) * within)))


def _mean(moments: Moments, ratio: float | None) -> float:
    return moments.mean(VALUE) - (0.0 if ratio is None else ratio * moments.mean(DENOMINATOR))


def _squares(moments: Moments, ratio: float | None) -> float:
    """Sum of squares about the cluster's own mean."""
    own = moments.comoment(VALUE)
    if ratio is None:
        return own
    crossed, below = moments.comoment(VALUE, DENOMINATOR), moments.comoment(DENOMINATOR)
    return max(0.0, own - 2 * ratio * crossed + ratio**2 * below)
