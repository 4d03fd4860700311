"""A planned design in sentences, and what to beware of beyond the numbers."""

from __future__ import annotations

import math

from assay import wording
from assay.model.metric import Direction, Hypothesis
from assay.model.plan import Correction
from assay.model.result import NoEstimate
from assay.service.power_question import PowerQuestion
from assay.service.table_words import SPENDINGS
from assay.stats.planning.design import DUNNETT, Anytime, Design, Form, GroupSequential, Scale
from assay.stats.planning.measured import ShareMeasure, on_log_scale

_SHORT_DAYS = 7
_LONG_DAYS = 56


def words(question: PowerQuestion, design: Design) -> list[str]:
    """How the experiment will be judged, in sentences."""
    sentences = [_metric(question, design), _variants(design), _hypothesis(question, design), _level(design)]
    sentences.append(_method(question, design))
    if design.correlation:
        share = wording.percent(design.correlation**2)
        sentences.append(
            f"A covariate (CUPED) that correlates {design.correlation:g} takes {share} of the variance away."
        )
    if design.clusters is not None:
        sentences.append(
            f"Whole clusters of {design.clusters.mean_size:g} units on average are randomised: the variance is "
            f"{design.clusters.design_effect:.3g} times that of single units."
        )
    if design.form == Form.EXACT:
        sentences.append("Power is exact: it does not rest on the normal curve.")
    return sentences


def cautions(question: PowerQuestion, design: Design, days: int | NoEstimate) -> list[str]:
    """What to beware of that no formula says."""
    found = []
    if isinstance(days, int) and 0 < days < _SHORT_DAYS:
        found.append("Run at least one whole week all the same: weekdays and weekends differ.")
    if isinstance(days, int) and days > _LONG_DAYS:
        found.append(
            "That is more than eight weeks: people lose their cookies and seasons change; look for a larger effect."
        )
    if design.clusters is not None and design.correlation:
        found.append("The intraclass correlation must be that of what the covariate leaves, not of the plain values.")
    if question.method == "group_sequential" and design.hypothesis == Hypothesis.EQUIVALENCE:
        found.append(
            "For equivalence the cost of several looks is that of one one-sided test, which is near, not exact."
        )
    if question.method == "group_sequential" and question.sample_size is not None:
        found.append("The cost of several looks is that at the target power; at another power it is near, not exact.")
    return found


def formula_of(design: Design) -> str:
    """The formula of power for the smallest treatment."""
    if design.form == Form.EXACT:
        return "all outcomes of two binomials" if isinstance(design.measured, ShareMeasure) else "noncentral t"
    what = "log(treatment / control)" if on_log_scale(design.measured) else "treatment - control"
    text = (
        f"power = Phi((|{what}, less the margin| - critical_value * se) / se), "
        "se^2 = variance_factor * (unit_variance_treatment / n_treatment + unit_variance_control / n_control)"
    )
    if isinstance(design.method, GroupSequential):
        text += ", n divided by inflation"
    if isinstance(design.measured, ShareMeasure) and design.measured.pooled:
        text += ", the first se with the variance p (1 - p) of both arms together"
    if design.margin is not None and design.scale == Scale.RELATIVE:
        text += ", the control multiplied by 1 + margin or 1 - margin"
    return text


def _metric(question: PowerQuestion, design: Design) -> str:
    baseline = design.measured.baseline
    shown = wording.percent(baseline) if question.metric_type == "conversion" else wording.amount(baseline)
    name = {
        "conversion": "The share of units that convert",
        "mean": "A mean per unit",
        "ratio": "A ratio of means",
        "count": "Events per unit and time",
    }[question.metric_type]
    return f"{name}, {shown} in control."


def _variants(design: Design) -> str:
    n = len(design.weights)
    if len(set(design.weights)) == 1:
        return f"{n} variants of one size."
    total = math.fsum(design.weights)
    shares = ", ".join(wording.percent(weight / total) for weight in design.weights)
    return f"{n} variants, the control first: {shares} of the units."


def _hypothesis(question: PowerQuestion, design: Design) -> str:
    worse = "below" if design.direction == Direction.INCREASE else "above"
    better = "above" if design.direction == Direction.INCREASE else "below"
    if design.hypothesis == Hypothesis.DIFFERENCE:
        side = f"a value {better} the control's" if design.one_sided else "a difference in either direction"
        text = f"To be found: {side}"
    else:
        margin = _size(design.margin or 0.0, question, design)
        text = (
            "To be shown: "
            + {
                Hypothesis.SUPERIORITY: f"better than the control by more than {margin} (a value {better} it)",
                Hypothesis.NON_INFERIORITY: f"not worse than the control by {margin} (a value {worse} it)",
                Hypothesis.EQUIVALENCE: f"neither above nor below the control by {margin}",
            }[Hypothesis(design.hypothesis)]
        )
    text += f", with {wording.percent(question.power)} power"
    if question.effect is None:
        return f"{text}."
    return f"{text} if the effect is {_size(question.effect, question, design, signed=True)}."


def _size(effect: float, question: PowerQuestion, design: Design, *, signed: bool = False) -> str:
    if design.scale == Scale.RELATIVE:
        return wording.percent(effect, signed=signed)
    if question.metric_type == "conversion":
        return wording.points(effect, signed=signed)
    sign = "+" if signed and effect > 0 else ""
    return f"{sign}{wording.amount(effect)}"


def _level(design: Design) -> str:
    text = f"False alarms: {wording.percent(design.alpha)}"
    if design.correction == Correction.NONE or design.comparisons < 2:
        return f"{text} per comparison." if len(design.weights) > 2 else f"{text}."
    if design.correction == DUNNETT:
        return f"{text} over {design.comparisons} comparisons with one control, by Dunnett."
    return f"{text} over {design.comparisons} comparisons, sized as for Bonferroni ({design.correction})."


def _method(question: PowerQuestion, design: Design) -> str:
    if isinstance(design.method, Anytime):
        return "Sequential: the result may be read at any time, and it is right however often."
    if isinstance(design.method, GroupSequential):
        looks = question.looks if isinstance(question.looks, int) else len(question.looks or ()) or 4
        spending = SPENDINGS[question.spending or "obrien_fleming"]
        more = wording.percent(design.method.inflation - 1)
        return (
            f"Group sequential: {looks} planned looks with {spending} spending, at a cost of {more} more units at most."
        )
    return "Fixed horizon: the result is read once, when the sample is complete."
