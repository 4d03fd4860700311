"""Futility: lower boundaries that spend β, the chance to miss the planned effect, look by look.

At each look the lower boundary is undercut, under the planned effect, with the β that the look may spend; the last
one meets the efficacy boundary, which fixes the drift (Pampallona, Tsiatis & Kim 2001, Drug Information Journal
35:1113–1121; non-binding: Wassmer & Brannath 2016, "Group Sequential and Confirmatory Adaptive Designs", 2.3).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from assay.stats.group_sequential.process import Process
from assay.stats.outcome import Alternative


class Bounds(NamedTuple):
    """Bounds at each look in the direction of the alternative; infinite where there is none."""

    efficacy: list[float]
    futility: list[float]


def bounds_of(
    information: tuple[float, ...],
    log_alphas: list[float],
    log_betas: list[float] | None,
    drift: float,
    *,
    binding: bool,
    alternative: Alternative,
    ends: bool = True,
) -> Bounds:
    """Bounds that spend exp(log_alphas) on each side and, one-sided, exp(log_betas) on futility at a drift.

    ends: the last look is the end, so that its two bounds meet.
    """
    null, planned = Process(information), Process(information, drift)
    found = Bounds([], [])
    for k, log_alpha in enumerate(log_alphas):
        upper = null.bound_above(log_alpha)
        lower = -math.inf
        if log_betas is not None:
            last = ends and k == len(log_alphas) - 1
            lower = upper if last else min(upper, _lower(planned, log_betas[k]))
            planned.go_on(lower, upper)
        found.efficacy.append(upper)
        found.futility.append(lower)
        if alternative is Alternative.TWO_SIDED:
            null.go_on(-upper, upper)
        else:
            null.go_on(lower if binding else -math.inf, upper)
    return found


def drift_with_futility(
    information: tuple[float, ...],
    log_alphas: list[float],
    log_betas: list[float],
    *,
    binding: bool,
    start: float,
) -> float:
    """The drift at which all of β is spent exactly when the two boundaries meet at the last look."""
    from scipy.optimize import brentq

    beta = sum(map(math.exp, log_betas))

    def left(drift: float) -> float:
        """The chance to miss the effect, beyond β."""
        bounds = bounds_of(information, log_alphas, log_betas, drift, binding=binding, alternative=Alternative.GREATER)
        process, missed = Process(information, drift), 0.0
        for lower, upper in zip(bounds.futility, bounds.efficacy, strict=True):
            missed += process.below(lower)
            process.go_on(lower, upper)
        return missed - beta

    low = high = start
    while left(high) > 0:
        low, high = high, high * 1.1
    while left(low) < 0:
        low *= 0.9
    return float(brentq(left, low, high, xtol=1e-10)) if low < high else low


def _lower(planned: Process, log_beta: float) -> float:
    """The bound undercut with this chance; none where nothing is spent."""
    return planned.bound_below(log_beta) if log_beta > -math.inf else -math.inf
