"""Boundaries at the looks as they really were, and the repeated p-value that goes with them."""

from __future__ import annotations

import math

from scipy.special import log_ndtr

from assay.stats.group_sequential.boundaries import efficacy_bounds
from assay.stats.group_sequential.design import GroupDesign
from assay.stats.group_sequential.futility import Bounds, bounds_of
from assay.stats.group_sequential.spending import log_increments, sides_of
from assay.stats.outcome import Alternative

_FAR = 1e6


def actual_bounds(design: GroupDesign, information: tuple[float, ...], ends: bool) -> tuple[Bounds, list[float]]:
    """The design's bounds at actual information fractions, and log of what each look spends on each side."""
    side = design.alternative
    log_alphas = log_increments(design.spending, information, math.log(design.alpha / sides_of(side)), ends)
    log_betas = None
    if design.futility_spending is not None:
        log_betas = log_increments(design.futility_spending, information, math.log1p(-design.power), ends)
    bounds = bounds_of(
        information, log_alphas, log_betas, design.drift, binding=design.binding, alternative=side, ends=ends
    )
    return bounds, log_alphas


def free_bounds(design: GroupDesign, information: tuple[float, ...], ends: bool) -> list[float]:
    """Efficacy bounds that hold whether or not futility is obeyed: those of repeated intervals."""
    log_rate = math.log(design.alpha / sides_of(design.alternative))
    steps = log_increments(design.spending, information, log_rate, ends)
    return efficacy_bounds(information, steps, design.alternative)


def repeated_log_p(design: GroupDesign, information: tuple[float, ...], z: float, ends: bool) -> float:
    """log of the smallest alpha at which the design, spending that alpha, rejects with z at the last of these looks.

    The chance that it is ever at most α, at any look, is at most α (Jennison & Turnbull 2000, section 9.3).
    """
    from scipy.optimize import brentq

    side = design.alternative
    sides = sides_of(side)
    size = abs(z) if side is Alternative.TWO_SIDED else z

    def excess(log_rate: float) -> float:
        steps = log_increments(design.spending, information, log_rate, ends)
        bound = efficacy_bounds(information, steps, side)[-1]
        return max(-_FAR, min(_FAR, size - bound))

    low, high = float(log_ndtr(-size)), math.log1p(-1e-12) - math.log(sides)
    if low >= high or excess(high) <= 0:
        return 0.0
    if excess(low) >= 0:
        return min(0.0, low + math.log(sides))
    return min(0.0, float(brentq(excess, low, high, xtol=1e-13, rtol=1e-14)) + math.log(sides))
