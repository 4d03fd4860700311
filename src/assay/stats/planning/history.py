"""From one's own history to a design: baseline, spread, covariate correlation, intraclass correlation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE, mean_arm, proportion_arm, ratio_arm, sound
from assay.stats.inputs import Floats, array_moments, units_of
from assay.stats.planning.design import Clusters, Design
from assay.stats.planning.measured import MeanMeasure, Measured, RateMeasure, RatioMeasure, ShareMeasure

_KINDS = ("share", "mean", "ratio", "rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What past units say. correlation: of value and covariate, None without one. clusters: None without labels.

    n_units: units looked at. n_clusters: different labels among them, None without labels.
    """

    measured: Measured
    n_units: int
    correlation: float | None = None
    clusters: Clusters | NoEstimate | None = None
    n_clusters: int | None = None

    def design(self, **choices: Any) -> Design:
        """A design with this baseline and spread, and with the covariate and clusters where they are known."""
        found: dict[str, Any] = {"measured": self.measured}
        if self.correlation is not None:
            found["correlation"] = self.correlation
        if isinstance(self.clusters, Clusters):
            found["clusters"] = self.clusters
        return Design(**{**found, **choices})


def estimate_from_history(
    values: Moments | ArrayLike,
    *,
    kind: str | None = None,
    denominator: ArrayLike | None = None,
    covariate: ArrayLike | None = None,
    exposure: ArrayLike | float | None = None,
    labels: ArrayLike | None = None,
) -> History | NoEstimate:
    """What a design needs to know, from past units that were in no experiment.

    values: one number per unit, or moments (with columns denominator or covariate where they matter). kind: share,
    mean, ratio or rate; when None ratio with a denominator, rate with an exposure, share where all values are 0 or 1
    (never for moments), else mean. labels: the cluster each unit belongs to, for the intraclass correlation; with a
    covariate that of what the covariate leaves, because a design multiplies it by 1 - correlation².
    A ratio has no correlation with a covariate here, and rates none either: their spread is not that of a mean.
    """
    if isinstance(values, Moments):
        for name, given in (("denominator", denominator), ("covariate", covariate), ("labels", labels)):
            if given is not None:
                raise InvalidInput(name, type(given).__name__, "nothing beside moments, which have it or not")
        if exposure is not None:
            raise InvalidInput("exposure", type(exposure).__name__, "nothing beside moments; a rate needs the values")
        return _of_moments(values, _kind(kind, "ratio" if DENOMINATOR in values.columns else "mean"))
    numbers = units_of(values, "values")
    guess = "ratio" if denominator is not None else "rate" if exposure is not None else None
    if guess is None:
        guess = "share" if numbers.size and np.isin(numbers, (0.0, 1.0)).all() else "mean"
    chosen = _kind(kind, guess)
    columns = {VALUE: numbers}
    for name, given, needed in ((DENOMINATOR, denominator, chosen == "ratio"), (COVARIATE, covariate, False)):
        if given is not None:
            columns[name] = _beside(given, name, numbers)
        elif needed:
            raise InvalidInput(name, None, "one number per unit, for a ratio")
    if chosen == "rate":
        found = _of_rates(numbers, exposure)
    else:
        found = _of_moments(array_moments(tuple(columns), tuple(columns.values())), chosen)
    if isinstance(found, NoEstimate) or labels is None:
        return found
    return _with_clusters(found, _residuals(found.measured, columns), labels)


def intraclass_correlation(values: ArrayLike, labels: ArrayLike) -> float | NoEstimate:
    """ICC by analysis of variance, (MSC - MSW) / (MSC + (m₀ - 1) MSW), at least 0.

    m₀ = (N - Σ m² / N) / (k - 1) for clusters of unequal sizes m. Source: Donner & Klar 2000, section 6.2.1.
    """
    numbers = units_of(values, "values")
    _, at, sizes = _labelled(labels, numbers)
    k, n = sizes.size, numbers.size
    if n == 0:
        return EMPTY_ARM
    if k < 2:
        return NoEstimate("one_cluster", "one cluster says nothing about how much clusters differ")
    if k == n:
        return NoEstimate("single_units", "every cluster has one unit, so units within clusters cannot be compared")
    centred = numbers - numbers.mean()
    means = np.bincount(at, weights=centred) / sizes
    between = float(sizes @ means**2) / (k - 1)
    within = float(np.sum((centred - means[at]) ** 2)) / (n - k)
    if between <= 0 and within <= 0:
        return ZERO_VARIANCE
    average = (n - float(np.sum(sizes**2)) / n) / (k - 1)
    return max(0.0, float((between - within) / (between + (average - 1) * within)))


def _of_moments(moments: Moments, kind: str) -> History | NoEstimate:
    if moments.n <= 0:
        return EMPTY_ARM
    if moments.n == 1:
        return ONE_UNIT
    if not sound(moments):
        return BAD_MOMENTS
    if kind == "rate":
        raise InvalidInput("kind", kind, "share, mean or ratio of moments; a rate needs the values")
    if kind == "ratio" and DENOMINATOR not in moments.columns:
        raise InvalidInput("values", list(moments.columns), "moments with a column denominator, for a ratio")
    arm = {"share": proportion_arm, "mean": mean_arm, "ratio": ratio_arm}[kind](moments)
    if isinstance(arm, NoEstimate):
        return arm
    if arm.unit_variance <= 0:
        return ZERO_VARIANCE
    measured: Measured
    if kind == "share":
        measured = ShareMeasure(baseline=arm.value)
    elif kind == "mean":
        measured = MeanMeasure(baseline=arm.value, standard_deviation=math.sqrt(arm.unit_variance))
    else:
        measured = RatioMeasure(baseline=arm.value, unit_variance=arm.unit_variance)
    return History(measured=measured, n_units=moments.n, correlation=_correlation(moments, kind))


def _correlation(moments: Moments, kind: str) -> float | None:
    if COVARIATE not in moments.columns or kind == "ratio":
        return None
    spread = math.sqrt(moments.comoment(VALUE)) * math.sqrt(moments.comoment(COVARIATE))
    # A covariate that explains everything would promise an experiment without units.
    return max(-0.999, min(0.999, moments.comoment(VALUE, COVARIATE) / spread)) if spread > 0 else 0.0


def _of_rates(counts: Floats, exposure: ArrayLike | float | None) -> History | NoEstimate:
    """Rate Σ y / Σ e; dispersion by Pearson's chi-square over n - 1 (McCullagh & Nelder 1989, section 6.2.3)."""
    given = 1.0 if exposure is None else exposure
    spans = (
        np.full(counts.size, float(given)) if isinstance(given, (int, float)) else _beside(given, "exposure", counts)
    )
    if not (spans > 0).all() or not np.isfinite(spans).all():
        raise InvalidInput("exposure", "0 or less", "a span above 0 for every unit")
    if (counts < 0).any():
        raise InvalidInput("values", float(counts.min()), "counts of at least 0, for a rate")
    if counts.size < 2:
        return ONE_UNIT if counts.size else EMPTY_ARM
    rate = float(counts.sum() / spans.sum())
    if rate == 0:
        return ZERO_VARIANCE
    expected = rate * spans
    dispersion = float(np.sum((counts - expected) ** 2 / expected)) / (counts.size - 1)
    if dispersion <= 1e-12:
        return ZERO_VARIANCE
    measured = RateMeasure(baseline=rate, exposure=float(spans.mean()), dispersion=dispersion)
    return History(measured=measured, n_units=counts.size)


def _residuals(measured: Measured, columns: dict[str, Floats]) -> Floats:
    """What varies between units: the value, less R · denominator for a ratio, less what a covariate tells else."""
    if isinstance(measured, RatioMeasure):
        return columns[VALUE] - measured.baseline * columns[DENOMINATOR]
    if COVARIATE not in columns or isinstance(measured, RateMeasure):
        return columns[VALUE]
    centred = columns[COVARIATE] - columns[COVARIATE].mean()
    spread = float(centred @ centred)
    slope = float(centred @ (columns[VALUE] - columns[VALUE].mean())) / spread if spread > 0 else 0.0
    return np.asarray(columns[VALUE] - slope * centred, dtype=np.float64)


def _with_clusters(found: History, residuals: Floats, labels: ArrayLike) -> History:
    _, _, sizes = _labelled(labels, residuals)
    icc = intraclass_correlation(residuals, labels)
    clusters: Clusters | NoEstimate
    if isinstance(icc, NoEstimate):
        clusters = icc
    else:
        mean = float(sizes.mean())
        clusters = Clusters(mean_size=mean, icc=icc, size_cv=float(sizes.std(ddof=1)) / mean)
    return History(
        measured=found.measured,
        n_units=found.n_units,
        correlation=found.correlation,
        clusters=clusters,
        n_clusters=int(sizes.size),
    )


def _labelled(labels: ArrayLike, numbers: Floats) -> tuple[Any, Any, Any]:
    """(different labels, their place per unit, units of each)."""
    given = np.asarray(labels)
    if given.shape != numbers.shape:
        raise InvalidInput("labels", f"an array of shape {given.shape}", f"one label for each of {numbers.size} units")
    return np.unique(given, return_inverse=True, return_counts=True)


def _beside(given: ArrayLike, name: str, numbers: Floats) -> Floats:
    found = units_of(given, name)
    if found.size != numbers.size:
        raise InvalidInput(name, f"{found.size} numbers", f"one for each of {numbers.size} units")
    return found


def _kind(given: str | None, guess: str) -> str:
    if given is not None and given not in _KINDS:
        raise InvalidInput("kind", given, ", ".join(_KINDS))
    return guess if given is None else given
