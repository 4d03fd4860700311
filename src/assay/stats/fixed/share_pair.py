"""Two shares as checked counts, and the pieces that their tests have in common."""

from __future__ import annotations

import math
from typing import NamedTuple

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import EMPTY_ARM
from assay.stats.checks import is_number
from assay.stats.distributions import SMALLEST_P
from assay.stats.fixed.core import Shares
from assay.stats.inputs import check_alpha, share_of
from assay.stats.outcome import Alternative, alternative_of

Bound = float | None


class SharePair(NamedTuple):
    """x_t of n_t units of the treatment and x_c of n_c units of the control converted."""

    x_t: int
    n_t: int
    x_c: int
    n_c: int

    @property
    def difference(self) -> float:
        """Treatment minus control."""
        return self.x_t / self.n_t - self.x_c / self.n_c


_LARGEST_LIFT = 1e9


class Question(NamedTuple):
    """What a test is asked, checked."""

    alpha: float
    alternative: Alternative
    null: float

    @property
    def level(self) -> float:
        """Of the interval."""
        return 1 - self.alpha

    @property
    def tail(self) -> float:
        """The error allowed on one side."""
        return self.alpha / 2 if self.alternative is Alternative.TWO_SIDED else self.alpha

    def interval(self, lower: Bound, upper: Bound) -> Interval:
        """Both bounds, or the one that a one-sided test has."""
        if self.alternative is Alternative.GREATER:
            return Interval(lower, None, self.level)
        if self.alternative is Alternative.LESS:
            return Interval(None, upper, self.level)
        return Interval(lower, upper, self.level)


def share_pair(treatment: Shares, control: Shares) -> SharePair | NoEstimate:
    """Both shares, or why there is nothing to compare."""
    x_t, n_t = share_of(treatment, "treatment")
    x_c, n_c = share_of(control, "control")
    return SharePair(x_t, n_t, x_c, n_c) if n_t and n_c else EMPTY_ARM


def question(alpha: float, alternative: Alternative | str, null: float = 0.0) -> Question:
    """A checked question about a difference of two shares; the null lies above -1 and below 1."""
    if not (is_number(null) and -1 < null < 1):
        raise InvalidInput("null", null, "a difference of two shares, above -1 and below 1")
    return Question(check_alpha(alpha), alternative_of(alternative), float(null))


def relative_question(alpha: float, alternative: Alternative | str, null: float = 0.0) -> Question:
    """A checked question about treatment / control - 1; the null is finite and above -1."""
    if not (is_number(null) and -1 < null <= _LARGEST_LIFT):
        accepted = f"a relative change above -1, e.g. -0.02 for 2 % less, and at most {_LARGEST_LIFT:g}"
        raise InvalidInput("null", null, accepted)
    return Question(check_alpha(alpha), alternative_of(alternative), float(null))


def p_of(log_p: float) -> float:
    """The p-value of its logarithm; the smallest float where it would be below."""
    return min(1.0, max(SMALLEST_P, math.exp(min(0.0, log_p))))


def two_sided_log_p(log_below: float, log_above: float, alternative: Alternative) -> float:
    """Of the logarithms of the two one-sided p-values: the one looked for, or twice the smaller (at most 1)."""
    if alternative is Alternative.GREATER:
        return min(0.0, log_above)
    if alternative is Alternative.LESS:
        return min(0.0, log_below)
    return min(0.0, math.log(2) + min(log_below, log_above))
