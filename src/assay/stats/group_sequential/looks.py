"""Looks as people have them: a z, an estimate with its standard error, or the outcome of a test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scipy.special import ndtri, ndtri_exp

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.checks import is_finite
from assay.stats.distributions import normal_quantile
from assay.stats.group_sequential.boundaries import FULL
from assay.stats.group_sequential.process import LEAST_GROWTH, MOST_LOOKS
from assay.stats.outcome import Alternative, Outcome

NO_NEW_INFORMATION = NoEstimate(
    "no_new_information", "the information has hardly grown since the look before, so this look does not count"
)
_DEGENERATE = 1e-12
"""A one-sided p-value this near to 1 no longer tells its z."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the data.

    information: in any unit that grows as the variance of the estimate falls (units seen, or 1 / variance, or the
    fraction of the plan); None is 1 / standard_error². Give z, or estimate and standard_error (z is then
    (estimate - null) / standard_error), or all three. skewness: of z (see `skewness_of_z`), for a warning where the
    normal curve is a poor fit.
    """

    information: float | None = None
    z: float | None = None
    estimate: float | None = None
    standard_error: float | None = None
    skewness: float | None = None

    def __post_init__(self) -> None:
        for name in ("information", "z", "estimate", "standard_error", "skewness"):
            value = getattr(self, name)
            if value is not None and not is_finite(value):
                raise InvalidInput(name, value, "a finite number")
        if self.standard_error is not None and self.standard_error < 0:
            raise InvalidInput("standard_error", self.standard_error, "a number of at least 0")
        if (self.estimate is None) != (self.standard_error is None):
            raise InvalidInput(
                "standard_error", self.standard_error, "a number wherever an estimate is given, else None"
            )
        if self.z is None and self.estimate is None:
            raise InvalidInput("z", None, "a number, or an estimate and its standard_error")
        if self.information is None and self.standard_error is None:
            raise InvalidInput("information", None, "a number above 0, or a standard_error")
        if self.information is not None and self.information <= 0:
            raise InvalidInput("information", self.information, "a number above 0")


class Seen(NamedTuple):
    """A look that counts. fraction: of the planned information. z: in the direction of the alternative."""

    fraction: float
    z: float
    estimate: float | None
    standard_error: float | None
    skewness: float | None


def look_of_outcome(outcome: Outcome, information: float | None = None) -> Look | NoEstimate:
    """A look from any test's outcome: z is the normal quantile of its p-value, with the sign of the difference.

    The standard error is the one that makes difference and z agree (so that Student's t is allowed for).
    """
    difference, log_p = outcome.difference, outcome.log_p
    if isinstance(difference, NoEstimate):
        return difference
    if isinstance(log_p, NoEstimate):
        return log_p
    above = difference - outcome.null
    if outcome.alternative is Alternative.TWO_SIDED:
        z = math.copysign(-float(ndtri_exp(min(log_p, 0.0) - math.log(2))), above)
    elif -math.expm1(log_p) > _DEGENERATE:
        tail = -float(ndtri_exp(log_p)) if log_p < -0.5 else float(ndtri(-math.expm1(log_p)))
        z = tail if outcome.alternative is Alternative.GREATER else -tail
    else:
        z = -7.0 if outcome.alternative is Alternative.GREATER else 7.0
    if (above * z > 0 and abs(z) < 7) or (outcome.alternative is Alternative.TWO_SIDED and above != 0):
        return Look(information=information, z=z, estimate=difference, standard_error=above / z)
    error = _error_from_interval(difference, outcome)
    return (
        error
        if isinstance(error, NoEstimate)
        else Look(information=information, estimate=difference, standard_error=error, z=above / error)
    )


def counted(
    looks: Sequence[Look | Outcome | NoEstimate],
    *,
    alternative: Alternative,
    null: float,
    maximum_information: float | None,
) -> list[Seen | NoEstimate]:
    """Each look in order: as it counts, or why it does not."""
    if len(looks) > MOST_LOOKS:
        raise InvalidInput("looks", f"{len(looks)} looks", f"at most {MOST_LOOKS}")
    if maximum_information is not None and not 0 < maximum_information < math.inf:
        raise InvalidInput("maximum_information", maximum_information, "a number above 0")
    found: list[Seen | NoEstimate] = []
    before = 0.0
    for number, item in enumerate(looks):
        seen = _seen(item, f"looks[{number}]", alternative, null, maximum_information)
        if isinstance(seen, Seen) and seen.fraction < before * LEAST_GROWTH:
            seen = NO_NEW_INFORMATION
        if isinstance(seen, Seen):
            before = seen.fraction
        found.append(seen)
    return found


def _seen(
    item: Look | Outcome | NoEstimate, name: str, side: Alternative, null: float, maximum: float | None
) -> Seen | NoEstimate:
    if isinstance(item, Outcome):
        if item.null != null:
            raise InvalidInput(f"{name}.null", item.null, f"the null of all looks, {null:g}")
        item = look_of_outcome(item)
    if isinstance(item, NoEstimate):
        return item
    if item.standard_error == 0:
        return ZERO_VARIANCE
    if item.information is None:
        assert item.standard_error is not None
        if maximum is None:
            raise InvalidInput("maximum_information", None, "the planned 1 / standard_error² of the last look")
        fraction = item.standard_error**-2 / maximum
    else:
        fraction = item.information / (maximum or 1.0)
        if maximum is None and fraction > 10:
            accepted = "the planned information at the end, where looks do not give fractions of it"
            raise InvalidInput("maximum_information", None, accepted)
    if FULL <= fraction < 1:
        fraction = 1.0
    z = item.z
    if z is None:
        assert item.estimate is not None
        assert item.standard_error is not None
        z = (item.estimate - null) / item.standard_error
    return Seen(fraction, -z if side is Alternative.LESS else z, item.estimate, item.standard_error, item.skewness)


def _error_from_interval(difference: float, outcome: Outcome) -> float | NoEstimate:
    """The standard error that the test's own interval speaks of."""
    if not isinstance(outcome.interval, Interval):
        return outcome.interval
    sides = 2 if outcome.alternative is Alternative.TWO_SIDED else 1
    lower, upper = outcome.interval.lower, outcome.interval.upper
    widths = [
        width
        for width in (
            difference - lower if lower is not None else 0.0,
            upper - difference if upper is not None else 0.0,
        )
        if width > 0
    ]
    return max(widths) / normal_quantile((1 - outcome.interval.level) / sides) if widths else ZERO_VARIANCE
