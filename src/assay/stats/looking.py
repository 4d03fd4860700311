"""A planned look of a group sequential plan: the test of one look, judged by the boundary that this look may use.

The boundary follows from the looks taken so far and the spending function; the test is asked again at the alpha it
amounts to, so that its interval is the repeated one. The p-value is the repeated p-value: valid at every look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from scipy.special import ndtri_exp

from assay.model.plan import Spending
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.group_sequential.design import GroupDesign, group_design
from assay.stats.group_sequential.looks import Look
from assay.stats.group_sequential.monitoring import monitor
from assay.stats.group_sequential.spending import (
    kim_demets_spending,
    obrien_fleming_spending,
    pocock_spending,
)
from assay.stats.outcome import Alternative, Outcome

BEFORE_FIRST_LOOK = NoEstimate("before_first_look", "the plan's first look is still to come")
_LEAST_Z = -37.0
"""A one-sided p-value of 1 stands for no finite z; below this one nothing changes."""
_RHO = 2.0
"""Kim and DeMets's power: between O'Brien and Fleming's (3) and Pocock's (1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Where a plan of looks stands.

    planned: shares of the planned sample, the last 1. taken: share at each look so far, this one last; empty before the
    first. final: this look is the end, although the plan is not fulfilled, for a reason other than the effect.
    """

    planned: tuple[float, ...]
    taken: tuple[float, ...]
    spending: Spending = Spending.OBRIEN_FLEMING
    final: bool = False


def at_look(test: Callable[[float], Outcome], looks: Looks, alpha: float) -> Outcome:
    """The outcome of the last look taken. test: alpha → the outcome of one look at that alpha."""
    plain = test(alpha)
    if not looks.taken:
        return _without(plain, BEFORE_FIRST_LOOK)
    if not isinstance(plain.log_p, float):
        return plain._replace(test=f"{plain.test}_group_sequential", validity=Validity.ANYTIME)
    one_sided = plain.alternative is not Alternative.TWO_SIDED or _has_margin(plain)
    design = _design(looks.planned, alpha, one_sided, looks.spending)
    z = max(_LEAST_Z, -float(ndtri_exp(plain.log_p - (0.0 if one_sided else math.log(2)))))
    before = [Look(information=share, z=0.0) for share in looks.taken[:-1]]
    course = monitor(design, [*before, Look(information=looks.taken[-1], z=z)], final=looks.final)
    report = course.looks[-1]
    if report.uncounted is not None or report.nominal_alpha is None:
        why = report.uncounted or NoEstimate("no_boundary", "this look has no error left to spend")
        return _without(plain, why)
    shown = test(report.nominal_alpha)
    return shown._replace(
        test=f"{plain.test}_group_sequential",
        interval=_at_level(shown.interval, plain.level),
        relative_interval=_at_level(shown.relative_interval, plain.level),
        p_value=report.repeated_p_value,
        log_p=report.repeated_log_p,
        level=plain.level,
        validity=Validity.ANYTIME,
    )


def inflation(planned: tuple[float, ...], alpha: float, power: float, spending: Spending) -> float:
    """How many times the sample of one look a plan of looks needs for the same power, at most."""
    return _design(planned, alpha, False, spending, power).inflation


def _has_margin(outcome: Outcome) -> bool:
    """Equivalence: two one-sided tests, of which the weaker is the p-value."""
    return outcome.null != 0


def _without(outcome: Outcome, why: NoEstimate) -> Outcome:
    """Estimates without a p-value and intervals."""
    return outcome._replace(
        test=f"{outcome.test}_group_sequential",
        interval=why,
        p_value=why,
        log_p=why,
        relative_interval=why,
        statistic=None,
        degrees_of_freedom=None,
        validity=Validity.ANYTIME,
    )


def _at_level(interval: Interval | NoEstimate, level: float) -> Interval | NoEstimate:
    return interval if isinstance(interval, NoEstimate) else replace(interval, level=level)


@lru_cache(maxsize=64)
def _design(
    planned: tuple[float, ...], alpha: float, one_sided: bool, spending: Spending, power: float = 0.8
) -> GroupDesign:
    if spending is Spending.OBRIEN_FLEMING:
        function = obrien_fleming_spending()
    else:
        function = pocock_spending() if spending is Spending.POCOCK else kim_demets_spending(_RHO)
    side = Alternative.GREATER if one_sided else Alternative.TWO_SIDED
    return group_design(planned, alpha=alpha, alternative=side, spending=function, power=power)
