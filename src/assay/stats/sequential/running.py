"""What all looks so far say together: the intersection of their intervals, the smallest of their p-values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.distributions import floored
from assay.stats.outcome import Alternative, Outcome
from assay.stats.sequential.answers import SequenceEstimate

EMPTY = NoEstimate(
    "empty_sequence",
    "the intervals of two looks have nothing in common: either this is one of the few sequences that err, or what is "
    "measured has changed between the looks",
)
NO_LOOK = NoEstimate("no_look", "nothing has been looked at yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSequence:
    """An immutable record of looks at one sequence; each look gives a new one.

    A confidence sequence holds at all looks at once, so the truth is in every interval, and their intersection is a
    confidence sequence that never widens; likewise the smallest p-value stays valid. Only for a quantity that stays the
    same: where an effect drifts, the intersection becomes empty and says so for ever after.

    looks: those with an interval or a p-value. interval: the intersection; relative_interval: of the lifts, where the
    looks have one. Looks without a number leave it as it was. p_value, log_p: the smallest. test, level, null and
    alternative: of the first look; others are refused.
    """

    looks: int = 0
    test: str | None = None
    level: float | None = None
    alternative: Alternative | None = None
    null: float | None = None
    interval: Interval | NoEstimate = NO_LOOK
    relative_interval: Interval | NoEstimate = NO_LOOK
    p_value: float | NoEstimate = NO_LOOK
    log_p: float | NoEstimate = NO_LOOK

    @property
    def empty(self) -> bool:
        """Whether two looks contradict each other, in the difference or in the lift."""
        return EMPTY in (self.interval, self.relative_interval)

    def significant(self) -> bool:
        """Whether any look so far was: once significant, always."""

        return isinstance(self.log_p, float) and self.level is not None and self.log_p <= math.log(1 - self.level)

    def look(self, found: Outcome | SequenceEstimate) -> RunningSequence:
        """With one look more. Raises InvalidInput for one that does not hold at every look, or of another test."""
        if found.validity is not Validity.ANYTIME:
            raise InvalidInput("found", found.validity, "an answer that is valid at every look (anytime)")
        test = found.test if isinstance(found, Outcome) else found.method
        asked = (test, found.level, found.alternative, found.null)
        if self.test is not None and asked != (self.test, self.level, self.alternative, self.null):
            raise InvalidInput("found", list(asked), "the test, level, alternative and null of the first look")
        relative = found.relative_interval if isinstance(found, Outcome) else NO_LOOK
        seen = isinstance(found.interval, Interval) or isinstance(found.p_value, float)
        p_value, log_p = _smaller(self, found)
        return replace(
            self,
            looks=self.looks + seen,
            test=test,
            level=found.level,
            alternative=found.alternative,
            null=found.null,
            interval=_common(self.interval, found.interval),
            relative_interval=_common(self.relative_interval, relative),
            p_value=p_value,
            log_p=log_p,
        )


def _smaller(
    before: RunningSequence, found: Outcome | SequenceEstimate
) -> tuple[float | NoEstimate, float | NoEstimate]:
    if not isinstance(found.log_p, float):
        known = isinstance(before.log_p, float)
        return (before.p_value, before.log_p) if known else (found.p_value, found.log_p)
    if isinstance(before.log_p, float) and before.log_p <= found.log_p:
        return before.p_value, before.log_p
    return (floored(found.p_value) if isinstance(found.p_value, float) else found.p_value), found.log_p


def _common(before: Interval | NoEstimate, found: Interval | NoEstimate) -> Interval | NoEstimate:
    if before == EMPTY or (isinstance(found, NoEstimate) and isinstance(before, Interval)):
        return before
    if isinstance(found, NoEstimate) or isinstance(before, NoEstimate):
        return found
    lowers = [bound for bound in (before.lower, found.lower) if bound is not None]
    uppers = [bound for bound in (before.upper, found.upper) if bound is not None]
    lower, upper = max(lowers, default=None), min(uppers, default=None)
    if lower is not None and upper is not None and lower > upper:
        return EMPTY
    return Interval(lower, upper, found.level)
