"""Simultaneous intervals: all of a family cover at once, or those that are shown do on average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.model.plan import Correction
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import student_p, student_quantile
from assay.stats.inputs import check_alpha, check_freedom
from assay.stats.multiple.adjust import adjust
from assay.stats.multiple.dunnett import dunnett_critical

NO_INTERVALS = NoEstimate("no_simultaneous_intervals", "this correction has no simultaneous intervals of its own")
NOT_SELECTED = NoEstimate("not_selected", "intervals of this correction are of the rejected comparisons only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """One comparison: estimate, its standard error (at least 0) and degrees of freedom (infinite: normal).

    Raises InvalidInput for numbers that are none of these.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float = math.inf

    def __post_init__(self) -> None:
        if not is_finite(self.estimate):
            raise InvalidInput("estimate", self.estimate, "a finite number")
        if not (is_number(self.standard_error) and 0 <= self.standard_error < math.inf):
            raise InvalidInput("standard_error", self.standard_error, "a finite number of at least 0")
        check_freedom(self.degrees_of_freedom)

    @property
    def p_value(self) -> float:
        """Two-sided, of the hypothesis 0; standard_error must be above 0."""
        return student_p(self.estimate / self.standard_error, self.degrees_of_freedom)


def simultaneous_intervals(
    estimates: Sequence[Estimated],
    method: Correction | str,
    *,
    alpha: float = 0.05,
    sizes: Sequence[float] | None = None,
    control_size: float | None = None,
) -> list[Interval | NoEstimate]:
    """Two-sided intervals that belong to a correction, in the order given.

    none: each at 1 - α. bonferroni, holm: at 1 - α/m; all cover at once with at least 1 - α, and Holm's test may reject
    one that just includes 0 (`holm_lower_bounds` agrees with it on one side). hochberg and e_bh have none. dunnett: at
    the bound that the largest statistic exceeds with probability α; sizes and control_size as in `dunnett_critical`,
    degrees of freedom the smallest given. level: 1 - α, of all together.
    benjamini_hochberg: for the R rejected ones at 1 - R α / m, so that of the intervals shown at most a share α
    misses on average (Benjamini & Yekutieli 2005, "False discovery rate-adjusted multiple confidence intervals",
    section 3); benjamini_yekutieli: its own R at 1 - R α / (m (1 + 1/2 + … + 1/m)), under every dependence; those not
    rejected have none. A comparison without variance has none, and counts in m as not rejected.
    Raises InvalidInput for an unknown method or missing sizes.
    """
    check_alpha(alpha)
    kind = _method(method)
    usable = [item.standard_error > 0 for item in estimates]
    p_values = [item.p_value if ok else 1.0 for item, ok in zip(estimates, usable, strict=True)]
    m = len(estimates)
    if kind is Correction.DUNNETT:
        if sizes is None or control_size is None:
            raise InvalidInput("sizes", sizes, "the treatments' sizes, and control_size, for dunnett")
        if len(sizes) != m:
            raise InvalidInput("sizes", f"{len(sizes)} numbers", f"{m}, one for each estimate")
        if not m:
            return []
        nu = min(item.degrees_of_freedom for item in estimates)
        critical = dunnett_critical(alpha, sizes, control_size, nu)
        found: list[Interval | NoEstimate] = [_around(item, critical, 1 - alpha) for item in estimates]
    elif kind in (Correction.BENJAMINI_HOCHBERG, Correction.BENJAMINI_YEKUTIELI):
        rejected = [p <= alpha for p in adjust(p_values, kind)]
        factor = math.fsum(1 / i for i in range(1, m + 1)) if kind is Correction.BENJAMINI_YEKUTIELI else 1.0
        found = [
            _at(item, alpha * sum(rejected) / (factor * m), 1 - alpha) if chosen else NOT_SELECTED
            for item, chosen in zip(estimates, rejected, strict=True)
        ]
    elif kind in (Correction.NONE, Correction.BONFERRONI, Correction.HOLM):
        found = [_at(item, alpha / (1 if kind is Correction.NONE else m), 1 - alpha) for item in estimates]
    else:
        found = [NO_INTERVALS] * m
    return [item if ok else ZERO_VARIANCE for item, ok in zip(found, usable, strict=True)]


def holm_lower_bounds(estimates: Sequence[Estimated], *, alpha: float = 0.05) -> list[float | NoEstimate]:
    """One-sided lower bounds that agree with Holm's one-sided test and cover all at once with at least 1 - α.

    Rejected comparisons are bounded by 0, the others by the level α / (their number); where all are rejected each is
    bounded by the larger of 0 and its bound at α / m. Turn estimates around for upper bounds.
    Source: Strassburger & Bretz 2008, "Compatible simultaneous lower confidence bounds for the Holm procedure and other
    Bonferroni-based closed tests", section 3; Guilbaud 2008.
    """
    check_alpha(alpha)
    m = len(estimates)
    usable = [item.standard_error > 0 for item in estimates]
    p_values = [_upper_tail(item) if ok else 1.0 for item, ok in zip(estimates, usable, strict=True)]
    rejected = [p <= alpha for p in adjust(p_values, Correction.HOLM)]
    left = m - sum(rejected)
    bounds: list[float | NoEstimate] = []
    for item, ok, chosen in zip(estimates, usable, rejected, strict=True):
        if not ok:
            bounds.append(ZERO_VARIANCE)
        elif chosen and left:
            bounds.append(0.0)
        else:
            lower = item.estimate - student_quantile(alpha / (left or m), item.degrees_of_freedom) * item.standard_error
            bounds.append(max(0.0, lower) if chosen else lower)
    return bounds


def _upper_tail(item: Estimated) -> float:
    two_sided = item.p_value
    return two_sided / 2 if item.estimate > 0 else 1 - two_sided / 2


def _at(item: Estimated, alpha: float, level: float) -> Interval | NoEstimate:
    if item.standard_error <= 0:
        return ZERO_VARIANCE
    return _around(item, student_quantile(alpha / 2, item.degrees_of_freedom), level)


def _around(item: Estimated, critical: float, level: float) -> Interval:
    half = critical * item.standard_error
    return Interval(item.estimate - half, item.estimate + half, level)


def _method(given: Correction | str) -> Correction:
    try:
        return Correction(given)
    except ValueError:
        raise InvalidInput("method", given, ", ".join(Correction)) from None
