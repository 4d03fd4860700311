"""Replicated estimates of two arms, judged: difference and lift with their intervals and p-value."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.estimate import relative_change
from assay.stats.fixed.replicates import BootstrapOutcome, Correction, read_off
from assay.stats.inputs import Floats
from assay.stats.outcome import Alternative, Outcome, nothing

UNDEFINED = NoEstimate("undefined_statistic", "the statistic has no value for these units")
TOO_OFTEN_UNDEFINED = NoEstimate("undefined_replications", "the statistic has no value in many resamples")
NO_RATIO = NoEstimate("control_near_zero", "resamples of the control are 0 or change sign")
_TWO_SIDED = Alternative.TWO_SIDED


class Pulls(NamedTuple):
    """How far a unit of each row pulls its arm's estimate, and how many units each row has."""

    pulls: Floats
    counts: Floats


class Replicated(NamedTuple):
    """An arm's estimate and replicates, with standard errors where they are asked for.

    rows: different units, or all where that is not known.
    """

    rows: int
    estimate: float
    replicates: Floats
    error: float = 0.0
    errors: Floats | None = None


def judge_replicates(
    t: Replicated,
    c: Replicated,
    pulls: tuple[Pulls, Pulls] | None,
    seed: int,
    alpha: float,
    looked_for: Alternative,
    null: float,
    warnings: tuple[str, ...],
) -> BootstrapOutcome:
    """The outcome of two independent arms. pulls: for bias-corrected and accelerated bounds, else None."""
    if not (math.isfinite(t.estimate) and math.isfinite(c.estimate)):
        return no_bootstrap(UNDEFINED, seed, alpha, looked_for, null)
    fine = np.isfinite(t.replicates) & np.isfinite(c.replicates)
    used = int(np.count_nonzero(fine))
    difference = t.estimate - c.estimate
    if t.rows == c.rows == 1:
        return no_bootstrap(ZERO_VARIANCE, seed, alpha, looked_for, null, difference)
    if used < 0.95 * fine.size or used < math.ceil(2 / alpha):
        return no_bootstrap(TOO_OFTEN_UNDEFINED, seed, alpha, looked_for, null, difference)
    t_star, c_star = t.replicates[fine], c.replicates[fine]
    with np.errstate(over="ignore"):
        differences = t_star - c_star
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(differences.std(ddof=1))
    if not math.isfinite(spread):
        return no_bootstrap(UNDEFINED, seed, alpha, looked_for, null, difference)
    if spread <= 1e-13 * max(abs(t.estimate), abs(c.estimate)):
        return no_bootstrap(ZERO_VARIANCE, seed, alpha, looked_for, null, difference)
    pivots, correction = differences, Correction()
    if t.errors is not None and c.errors is not None:
        errors = np.hypot(t.errors, c.errors)[fine]
        pivots = _studentized(difference, math.hypot(t.error, c.error), differences, errors)
    elif pulls is not None:
        correction = _correction(differences, difference, pulls, 1.0, 1.0)
    read = read_off(pivots, null, alpha, looked_for, correction)
    level = 1 - alpha
    dropped = fine.size - used
    outcome = Outcome(
        "poisson_bootstrap",
        difference,
        Interval(read.lower, read.upper, level),
        read.p_value,
        math.log(read.p_value),
        relative_change(difference, c.estimate),
        _relative(t, c, fine, pulls, alpha, looked_for),
        None,
        None,
        looked_for,
        null,
        level,
        warnings=(*warnings, f"{dropped} resamples without a value were left out") if dropped else warnings,
    )
    return BootstrapOutcome(
        outcome=outcome,
        replications=used,
        seed=seed,
        standard_error=spread,
        bias=float(differences.mean()) - difference,
        p_value_error=read.p_error,
        interval_error=(read.lower_error, read.upper_error),
    )


def _relative(
    t: Replicated,
    c: Replicated,
    fine: np.ndarray,
    pulls: tuple[Pulls, Pulls] | None,
    alpha: float,
    looked_for: Alternative,
) -> Interval | NoEstimate:
    if c.estimate == 0 or float((c.replicates[fine] * c.estimate).min()) <= 0:
        return NO_RATIO
    lift = (t.estimate - c.estimate) / c.estimate
    lifts = (t.replicates[fine] - c.replicates[fine]) / c.replicates[fine]
    side = looked_for
    if c.estimate < 0 and looked_for is not _TWO_SIDED:
        side = Alternative.LESS if looked_for is Alternative.GREATER else Alternative.GREATER
    pivots, correction = lifts, Correction()
    if t.errors is not None and c.errors is not None:
        errors = np.hypot(t.errors[fine], (1 + lifts) * c.errors[fine]) / np.abs(c.replicates[fine])
        error = math.hypot(t.error, (1 + lift) * c.error) / abs(c.estimate)
        pivots = _studentized(lift, error, lifts, errors)
    elif pulls is not None:
        correction = _correction(lifts, lift, pulls, 1 / c.estimate, (1 + lift) / c.estimate)
    read = read_off(pivots, 0.0, alpha, side, correction)
    return Interval(read.lower, read.upper, 1 - alpha)


def _studentized(estimate: float, error: float, replicates: Floats, errors: Floats) -> Floats:
    """estimate - error · t*: values whose percentiles are the studentised bounds. Without spread t* is 0 or endless."""
    away = replicates - estimate
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(away == 0, estimate, estimate - error * away / errors)


def _correction(
    replicates: Floats, estimate: float, pulls: tuple[Pulls, Pulls], on_t: float, on_c: float
) -> Correction:
    """Efron 1987: bias from the share of replicates below the estimate, acceleration from the jackknife's skewness.

    on_t, on_c: how the judged number follows the treatment's estimate, and falls with the control's.
    """
    below = (np.count_nonzero(replicates < estimate) + np.count_nonzero(replicates <= estimate)) / 2 / replicates.size
    edge = 0.5 / replicates.size
    t, c = on_t * pulls[0].pulls, -on_c * pulls[1].pulls
    squares = float(pulls[0].counts @ t**2 + pulls[1].counts @ c**2)
    cubes = float(pulls[0].counts @ t**3 + pulls[1].counts @ c**3)
    acceleration = cubes / (6 * squares**1.5) if squares > 0 else 0.0
    return Correction(float(ndtri(min(1 - edge, max(edge, below)))), acceleration)


def no_bootstrap(
    why: NoEstimate,
    seed: int,
    alpha: float,
    looked_for: Alternative,
    null: float,
    difference: float | None = None,
) -> BootstrapOutcome:
    """The outcome where nothing can be resampled."""
    outcome = nothing("poisson_bootstrap", why, alternative=looked_for, null=null, level=1 - alpha)
    if difference is not None:
        outcome = outcome._replace(difference=difference)
    return BootstrapOutcome(
        outcome=outcome,
        replications=0,
        seed=seed,
        standard_error=why,
        bias=why,
        p_value_error=why,
        interval_error=(None, None),
    )
