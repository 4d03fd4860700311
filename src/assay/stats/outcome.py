"""What one test of a treatment against a control says: the answer that all two-sample tests give."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity


class Alternative(StrEnum):
    """What the test looks for. greater: the treatment above the control; less: below it; two_sided: either.

    The interval of a one-sided test is bounded on one side: `greater` gives (lower, None).
    """

    TWO_SIDED = "two_sided"
    GREATER = "greater"
    LESS = "less"


def alternative_of(given: Alternative | str) -> Alternative:
    """An alternative by its name. Raises InvalidInput for another."""
    if type(given) is Alternative:
        return given
    try:
        return Alternative(given)
    except ValueError:
        raise InvalidInput("alternative", given, "two_sided, greater or less") from None


class Outcome(NamedTuple):
    """What one test says. Every number that cannot be computed is a NoEstimate with its reason.

    test: the name of the method, e.g. "welch_t". difference: treatment - control, in the metric's unit (tests with a
    scale of their own say so in their docstring). relative: treatment / control - 1. log_p: natural logarithm of the
    p-value, right also where the p-value itself is below what a float can hold. null: the difference under the
    hypothesis. level: 1 - alpha, of both intervals.
    """

    test: str
    difference: float | NoEstimate
    interval: Interval | NoEstimate
    p_value: float | NoEstimate
    log_p: float | NoEstimate
    relative: float | NoEstimate
    relative_interval: Interval | NoEstimate
    statistic: float | None = None
    degrees_of_freedom: float | None = None
    alternative: Alternative = Alternative.TWO_SIDED
    null: float = 0.0
    level: float = 0.95
    validity: Validity = Validity.FIXED
    warnings: tuple[str, ...] = ()

    def significant(self) -> bool:
        """Whether the p-value is at most 1 - level; False where there is none."""
        return isinstance(self.log_p, float) and self.log_p <= math.log(1 - self.level)


def nothing(
    test: str,
    why: NoEstimate,
    *,
    alternative: Alternative = Alternative.TWO_SIDED,
    null: float = 0.0,
    level: float = 0.95,
    validity: Validity = Validity.FIXED,
) -> Outcome:
    """The outcome of a test that cannot be computed at all."""
    return Outcome(test, why, why, why, why, why, why, None, None, alternative, null, level, validity)
