"""One look of a group sequential experiment as the answer that all two-sample tests give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.estimate import relative_change
from assay.stats.group_sequential.design import GroupDesign
from assay.stats.group_sequential.looks import Look
from assay.stats.group_sequential.monitoring import NO_BOUNDARY, NO_LOOK, NO_STANDARD_ERROR, Monitoring, monitor
from assay.stats.outcome import Alternative, Outcome, nothing

NO_CONTROL = NoEstimate("no_control_value", "without the control's value nothing can be given relative to it")
NOT_ASKED = NoEstimate("not_asked", "the test of this look was not handed in, so the lift has no bounds")


class GroupPValue(StrEnum):
    """Which p-value. repeated: valid at every look. stagewise: valid once the experiment has ended at this look."""

    REPEATED = "repeated"
    STAGEWISE = "stagewise"


def group_sequential_outcome(
    design: GroupDesign,
    looks: Sequence[Look | Outcome | NoEstimate],
    *,
    p_value: GroupPValue | str = GroupPValue.REPEATED,
    maximum_information: float | None = None,
    null: float = 0.0,
    final: bool = False,
    control: float | None = None,
    test: Callable[[float], Outcome] | None = None,
) -> Outcome:
    """The last of some looks: its p-value and the repeated confidence interval (Jennison & Turnbull 2000, chapter 9).

    p_value: repeated (the default; p ≤ alpha exactly when the null is outside the interval, but for binding futility
    designs, whose interval is that of the non-binding one) or stagewise (p ≤ alpha at a look that crosses; at a look
    that does not cross it is for an experiment that ended there, and may disagree with the interval). looks,
    maximum_information, final: as in `monitor`; estimates need standard errors. control: the control's value, for
    the lift without bounds. test: the last look's own test as a function of alpha; it is asked again at the alpha
    that this look may use, for bounds of the lift. Repeated numbers hold at all looks together, provided that every
    look is handed in and that looks were not timed by the effect seen.
    """
    kind = _kind(p_value)
    course = monitor(design, looks, maximum_information=maximum_information, null=null, final=final)
    name, level = f"group_sequential_{kind}", 1 - design.alpha
    validity = Validity.ANYTIME if kind is GroupPValue.REPEATED else Validity.FIXED
    last = looks[-1] if looks else None
    report = course.looks[-1] if course.looks else None
    if last is None or report is None or report.uncounted is not None:
        why = NO_LOOK if report is None or report.uncounted is None else report.uncounted
        return nothing(name, why, alternative=design.alternative, null=null, level=level, validity=validity)
    difference = _difference(last)
    relative, bounds = _relative(last, difference, control, test, report.nominal_alpha, level)
    p, log_p = report.repeated_p_value, report.repeated_log_p
    if kind is GroupPValue.STAGEWISE:
        p, log_p = report.stagewise_p_value, report.stagewise_log_p
    z = report.z
    signed = -z if isinstance(z, float) and design.alternative is Alternative.LESS else z
    return Outcome(
        test=name,
        difference=difference,
        interval=report.repeated_interval,
        p_value=p,
        log_p=log_p,
        relative=relative,
        relative_interval=bounds,
        statistic=signed if isinstance(signed, float) else None,
        alternative=design.alternative,
        null=null,
        level=level,
        validity=validity,
        warnings=_warnings(course, last),
    )


def _difference(last: Look | Outcome | NoEstimate) -> float | NoEstimate:
    if isinstance(last, Outcome):
        return last.difference
    if isinstance(last, NoEstimate):
        return last
    return NO_STANDARD_ERROR if last.estimate is None else last.estimate


def _relative(
    last: Look | Outcome | NoEstimate,
    difference: float | NoEstimate,
    control: float | None,
    test: Callable[[float], Outcome] | None,
    nominal: float | None,
    level: float,
) -> tuple[float | NoEstimate, Interval | NoEstimate]:
    relative: float | NoEstimate = NO_CONTROL
    if isinstance(last, Outcome):
        relative = last.relative
    elif control is not None and not isinstance(difference, NoEstimate):
        relative = relative_change(difference, control)
    if test is None:
        return relative, NOT_ASKED
    if nominal is None:
        return relative, NO_BOUNDARY
    again = test(nominal)
    bounds = again.relative_interval
    return again.relative, Interval(bounds.lower, bounds.upper, level) if isinstance(bounds, Interval) else bounds


def _warnings(course: Monitoring, last: Look | Outcome | NoEstimate) -> tuple[str, ...]:
    skipped = sum(item.uncounted is not None for item in course.looks)
    said = []
    if skipped:
        said.append(f"{skipped} of {len(course.looks)} looks did not count: nothing to compute, or hardly anything new")
    stopped = course.stopped_at
    if stopped is not None and stopped < len(course.looks):
        said.append(f"a boundary was crossed at look {stopped} already; numbers of later looks need care")
    return (*said, *course.warnings, *(last.warnings if isinstance(last, Outcome) else ()))


def _kind(given: GroupPValue | str) -> GroupPValue:
    try:
        return GroupPValue(given)
    except ValueError:
        raise InvalidInput("p_value", given, "repeated or stagewise") from None
