"""Calls of group sequential designs: boundaries, designs, monitoring, conditional power."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.model.result import Interval
from assay.stats.group_sequential.boundaries import (
    Boundaries,
    haybittle_peto_boundaries,
    obrien_fleming_boundaries,
    obrien_fleming_constant,
    pocock_boundaries,
    pocock_constant,
    spending_boundaries,
    wang_tsiatis_boundaries,
)
from assay.stats.group_sequential.conditional_power import conditional_power, conditional_power_boundary
from assay.stats.group_sequential.design import GroupDesign, group_design, operating
from assay.stats.group_sequential.looks import Look
from assay.stats.group_sequential.monitoring import FinalEstimate, monitor
from assay.stats.group_sequential.repeated_looks import error_of_repeated_looks
from assay.stats.group_sequential.spending import (
    Spending,
    alpha_spent,
    hwang_shih_decani_spending,
    kim_demets_spending,
    obrien_fleming_spending,
    pocock_spending,
    table_spending,
)

Found = dict[str, Any]


def spending_of(given: Any) -> Spending:
    """A name, or a name with its parameter."""
    if given == "obrien_fleming":
        return obrien_fleming_spending()
    if given == "pocock":
        return pocock_spending()
    name, parameter = given
    if name == "kim_demets":
        return kim_demets_spending(parameter)
    return hwang_shih_decani_spending(parameter) if name == "hwang_shih_decani" else table_spending(parameter)


def classic_of(given: Sequence[Any], looks: int, alpha: float, alternative: str) -> Boundaries:
    name, *parameter = given
    if name == "wang_tsiatis":
        return wang_tsiatis_boundaries(looks, delta=parameter[0], alpha=alpha, alternative=alternative)
    if name == "haybittle_peto":
        return haybittle_peto_boundaries(looks, early=parameter[0], alpha=alpha, alternative=alternative)
    make = pocock_boundaries if name == "pocock" else obrien_fleming_boundaries
    return make(looks, alpha=alpha, alternative=alternative)


def group_constants(looks: int, alpha: float) -> Found:
    return {
        "pocock": pocock_constant(looks, alpha=alpha),
        "obrien_fleming": obrien_fleming_constant(looks, alpha=alpha),
    }


def group_inflation(looks: int, alpha: float, power: float) -> Found:
    makers = {"pocock": pocock_boundaries, "obrien_fleming": obrien_fleming_boundaries}
    return {
        name: group_design(looks, alpha=alpha, power=power, spending=make(looks, alpha=alpha)).inflation
        for name, make in makers.items()
    }


def group_spending(spending: Any, fractions: Sequence[float], alpha: float, alternative: str) -> Found:
    made = spending_of(spending)
    return {"spent": [alpha_spent(made, t, alpha=alpha, alternative=alternative) for t in fractions]}


def group_boundaries(information: Sequence[float], spending: Any, alpha: float, alternative: str, final: bool) -> Found:
    found = spending_boundaries(
        information, spending=spending_of(spending), alpha=alpha, alternative=alternative, final=final
    )
    return {"efficacy": list(found.efficacy)}


def group_classic(looks: int, kind: Sequence[Any], alpha: float, alternative: str) -> Found:
    return {"efficacy": list(classic_of(kind, looks, alpha, alternative).efficacy)}


def design_of(given: Mapping[str, Any]) -> GroupDesign:
    kinds = {name: spending_of(given[name]) for name in ("spending", "futility") if name in given}
    return group_design(**{**given, **kinds})


def group_plan(design: Mapping[str, Any], drift: float) -> Found:
    made, at = design_of(design), operating(design_of(design), drift)
    return {
        "efficacy": list(made.efficacy),
        "futility": list(made.futility[:-1]),
        "inflation": made.inflation,
        "shift": made.drift**2,
        "expected_h1": made.expected_h1 * made.inflation,
        "expected_h0": made.expected_h0 * made.inflation,
        "power": at.power,
        "expected_information": at.expected_information,
    }


def group_monitor(design: Mapping[str, Any], looks: Sequence[Sequence[float]]) -> Found:
    """looks: (events, log-rank z); the effect is the log hazard ratio, 2 z / √events."""
    most = looks[-1][2]
    seen = [
        Look(information=events / 4, estimate=2 * z / events**0.5, standard_error=2 / events**0.5)
        for events, z, _ in looks
    ]
    course = monitor(design_of(design), seen, maximum_information=most / 4)
    last = course.looks[-1]
    assert isinstance(last.repeated_interval, Interval)
    found: Found = {
        "repeated_p_value": [report.repeated_p_value for report in course.looks],
        "stagewise_p_value": last.stagewise_p_value,
        "repeated_lower": last.repeated_interval.lower,
    }
    if isinstance(course.estimate, FinalEstimate):
        found["final"] = [course.estimate.median_unbiased, course.estimate.interval.lower]
    return found


def group_conditional_power(
    design: Mapping[str, Any], looks: Sequence[Sequence[float]], prior: Sequence[float] | None = None
) -> Found:
    made = design_of(design)
    mean, sd = prior or (0.0, None)
    seen = [Look(information=t, z=z) for t, z in looks]
    found = conditional_power(made, seen, prior_mean=mean, prior_sd=sd)
    names = ("b_value", "planned", "current", "null", "predictive")
    return {"drift": made.drift, **{name: getattr(found, name) for name in names}}


def group_power_boundary(design: Mapping[str, Any], information: Sequence[float], below: float, trend: str) -> Found:
    return {"z": conditional_power_boundary(design_of(design), information, below=below, trend=trend)}


def group_repeated_looks(looks: int, alpha: float, alternative: str = "two_sided") -> Found:
    return {"error": error_of_repeated_looks(looks, alpha, alternative=alternative)}


CALLS: dict[str, Callable[..., Found]] = {
    "group_constants": group_constants,
    "group_inflation": group_inflation,
    "group_spending": group_spending,
    "group_boundaries": group_boundaries,
    "group_classic": group_classic,
    "group_plan": group_plan,
    "group_monitor": group_monitor,
    "group_conditional_power": group_conditional_power,
    "group_power_boundary": group_power_boundary,
    "group_repeated_looks": group_repeated_looks,
}
