"""Covariates must be known before exposure: refuse those measured later, and sound an alarm for those that look so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
from scipy.special import fdtrc

from assay.errors import InvalidInput
from assay.model.moments import Moments
from assay.model.result import NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE, sound
from assay.stats.distributions import floored
from assay.stats.inputs import Floats, check_alpha
from assay.stats.reduction.linear import NO_COVARIATE, common_covariates

_ROUNDING_OF_VALUES = 1e-13


def check_covariate_time(measured_at: Any, exposed_at: Any, *, name: str = "covariate") -> None:
    """Raises InvalidInput naming the covariate when it was measured after a unit's first exposure.

    measured_at: when each unit's covariate was last measured, or one time for all, such as the end of the period
    before. exposed_at: each unit's first exposure, or the first of all. Times are datetimes, NumPy datetimes, or
    numbers of seconds, both of the same sort. A measurement at the moment of exposure is accepted. A missing
    measured_at (None, NaT, NaN) means that nothing was measured, which cannot be late; exposures must be known.
    The message says how many units are affected and the worst delay.
    """
    measured, sort = _seconds(measured_at, f"{name} measured_at")
    exposed, other = _seconds(exposed_at, "exposed_at")
    if sort and other and sort != other:
        raise InvalidInput(f"{name} measured_at", sort, f"the same sort of times as exposed_at: {other}")
    unknown = int(np.count_nonzero(np.isnan(exposed)))
    if unknown:
        raise InvalidInput("exposed_at", f"{unknown} of {exposed.size} times missing", "a time for every unit")
    if measured.size != exposed.size and 1 not in (measured.size, exposed.size):
        raise InvalidInput(f"{name} measured_at", f"{measured.size} times", f"one, or one for each of {exposed.size}")
    delays = measured - exposed
    late = delays > 0
    if late.any():
        worst = timedelta(seconds=min(float(np.nanmax(delays)), 1e13))
        raise InvalidInput(
            name,
            f"measured after exposure for {int(late.sum()):,} of {delays.size:,} units, at worst {worst} too late",
            "what was known before each unit's first exposure",
            hint="a treatment can move a covariate measured later, and the adjustment would hide its effect",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateAlarm:
    """Whether covariates differ between variants. p_values: one for each covariate. alpha: the alarm's own.

    p_value: of all covariates together, the smallest times their number (Bonferroni). affected: p_value ≤ alpha.
    warning: a sentence to show, None without alarm.
    """

    p_values: Mapping[str, float]
    p_value: float
    alpha: float
    affected: bool
    warning: str | None


def covariate_affected(moments: Mapping[str, Moments], *, alpha: float = 0.001) -> CovariateAlarm | NoEstimate:
    """An alarm for covariates that the variants share out unevenly: measured after exposure, or a broken split.

    What was known before exposure differs between variants by chance alone, so a small p-value says that something
    is wrong, not that the treatment works. Each covariate's means are compared over all variants by Welch's analysis
    of variance (Welch 1951, "On the comparison of several mean values"), for two variants Welch's t-test.
    moments: variant → moments with columns whose names start with "covariate". alpha: small, because the alarm is for
    every look and metric; it holds for one look. A quiet alarm proves nothing: check times too.
    Variants of fewer than two units are left out. p-values below what a float holds are its smallest number.
    """
    check_alpha(alpha)
    arms = [item for item in moments.values() if item.n > 1]
    if len(arms) < 2:
        return ONE_UNIT if any(item.n == 1 for item in moments.values()) else EMPTY_ARM
    if not all(map(sound, arms)):
        return BAD_MOMENTS
    names = common_covariates(arms)
    if not names:
        return NO_COVARIATE
    n = np.array([item.n for item in arms], dtype=np.float64)
    found = {}
    for name in names:
        means = np.array([item.mean(name) for item in arms])
        squares = np.array([item.comoment(name) for item in arms])
        p = _welch_anova(n, means, squares / (n - 1))
        if p is not None:
            found[name] = p
    if not found:
        return ZERO_VARIANCE
    worst = min(found, key=lambda name: found[name])
    p_value = min(1.0, len(found) * found[worst])
    affected = p_value <= alpha
    warning = (
        f"Covariate {worst} differs between the variants (p = {p_value:.2g}): it may have been measured after "
        "exposure, or the split is broken. Adjusted numbers are not to be trusted."
    )
    return CovariateAlarm(
        p_values=found, p_value=p_value, alpha=alpha, affected=affected, warning=warning if affected else None
    )


def _welch_anova(n: Floats, means: Floats, variances: Floats) -> float | None:
    """p-value of equal means with unequal variances; None where nothing varies, within variants or between them."""
    groups = len(n)
    shifted = means - means[0]
    constant = variances <= (_ROUNDING_OF_VALUES * np.abs(means)) ** 2
    if constant.any():
        # a variant without variance would get all the weight; take the pooled variance for every variant instead
        pooled = float((n - 1) @ variances) / float((n - 1).sum())
        if pooled <= (_ROUNDING_OF_VALUES * float(np.abs(means).max())) ** 2:
            return (
                None if float(np.abs(shifted).max()) <= _ROUNDING_OF_VALUES * float(np.abs(means).max()) else floored(0)
            )
        variances = np.full(groups, pooled)
    weights = n / variances
    shares = weights / weights.sum()
    centre = float(shares @ shifted)
    spread = float(((1 - shares) ** 2 / (n - 1)).sum())
    above = float(weights @ (shifted - centre) ** 2) / (groups - 1)
    below = 1 + 2 * (groups - 2) / (groups**2 - 1) * spread
    return floored(float(fdtrc(groups - 1, (groups**2 - 1) / (3 * spread), above / below)))


def _seconds(given: Any, name: str) -> tuple[Floats, str]:
    """Times as seconds, NaN where missing, and their sort: numbers, times with a zone, or times without."""
    accepted = "datetimes, or numbers of seconds, one per unit"
    try:
        array = np.atleast_1d(np.asarray(given))
    except ValueError:
        raise InvalidInput(name, "lists of different lengths", accepted) from None
    if array.dtype.kind == "M":
        micro = array.astype("datetime64[us]")
        return np.where(np.isnat(micro), math.nan, micro.astype(np.int64) / 1e6), "times without a zone"
    if array.dtype.kind in "iuf":
        return array.astype(np.float64), "numbers"
    if array.dtype.kind == "O" and array.ndim == 1:
        known = [item for item in array if not _missing(item)]
        if all(isinstance(item, datetime) for item in known):
            zoned = {item.tzinfo is not None for item in known}
            if len(zoned) < 2:
                sort = {True: "times with a zone", False: "times without a zone"}[zoned.pop()] if zoned else ""
                return np.array([_epoch(item) for item in array]), sort
        if not known:
            return np.full(array.size, math.nan), ""
    raise InvalidInput(name, f"{array.dtype} of shape {array.shape}", accepted)


def _missing(item: object) -> bool:
    """None, or a time or number that is not even itself (NaT, NaN)."""
    return item is None or item != item


def _epoch(item: datetime) -> float:
    if _missing(item):
        return math.nan
    return (item - (_START if item.tzinfo is not None else _START.replace(tzinfo=None))).total_seconds()


_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
