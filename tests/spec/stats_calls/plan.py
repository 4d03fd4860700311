"""Calls of the planner: formulas of single tests, designs and their answers, looks, history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.model.result import NoEstimate
from assay.stats.planning import exact, families, formulas, history, simulate, stopping, watching
from assay.stats.planning.answers import minimum_effect, minimum_margin, power, power_of_family, sample_size
from assay.stats.planning.design import Anytime, Clusters, Design, GroupSequential
from assay.stats.planning.measured import MeanMeasure, Measured, RateMeasure, RatioMeasure, ShareMeasure
from assay.stats.planning.traffic import days_for_units

Found = dict[str, Any]
MEASURES: dict[str, Callable[..., Measured]] = {
    "share": ShareMeasure,
    "mean": MeanMeasure,
    "ratio": RatioMeasure,
    "rate": RateMeasure,
}


def designed(measured: dict[str, Any], **more: Any) -> Design:
    """A design from a document: measured = {kind, …}; looks, inflation and clusters as plain numbers."""
    kind = measured.pop("kind") if "kind" in measured else "share"
    if "weights" in more:
        more["weights"] = tuple(more["weights"])
    if "inflation" in more:
        more["method"] = GroupSequential(inflation=more.pop("inflation"))
    if "looks" in more:
        more["method"] = Anytime(looks=more.pop("looks"))
    if "clusters" in more:
        more["clusters"] = Clusters(**more["clusters"])
    return Design(measured=MEASURES[kind](**measured), **more)


def answers(design: dict[str, Any], **asked: Any) -> Found:
    """Whatever can be asked with the numbers given: effect → size, n → power and minimum effect."""
    made = designed(dict(design.pop("measured")), **design)
    target = asked.get("power", 0.8)
    found: Found = {}
    if "n" in asked:
        n = asked["n"]
        found["effect"] = minimum_effect(made, n, power=target)
        if made.margin is not None and made.hypothesis in ("non_inferiority", "equivalence"):
            found["margin"] = minimum_margin(made, n, effect=asked.get("effect", 0.0), power=target)
        if "effect" in asked:
            found["power"] = power(made, n, asked["effect"])
        if "effects" in asked:
            found["all"] = power_of_family(made, n, asked["effects"])
            found["any"] = power_of_family(made, n, asked["effects"], which="any")
    elif "effect" in asked:
        size = sample_size(made, asked["effect"], power=target)
        found |= {"n": size.smallest, "units": list(size.units), "total": size.total, "power": size.power}
        found["clusters"] = list(size.clusters or ())
    return found


def documented(call: Callable[..., Found]) -> Callable[..., Found]:
    """Calls with copies, because `designed` takes documents apart."""
    return lambda **inputs: call(**{k: dict(v) if isinstance(v, dict) else v for k, v in inputs.items()})


def size_of(function: str, target: float, least: int = 2, **inputs: Any) -> Found:
    """The smallest n of a formula; `n` is its first size."""
    names = {"power_anova": "n_per_group", "power_chi_square": "n"}
    name = names.get(function, "n_treatment")
    formula = getattr(formulas, function)
    n = formulas.sample_size_for(lambda size: formula(**{name: size}, **inputs), power=target, least=least)
    return {"n": n}


def from_history(**inputs: Any) -> Found:
    found = history.estimate_from_history(**inputs)
    assert not isinstance(found, NoEstimate)
    measured = found.measured
    numbers: Found = {"baseline": measured.baseline, "unit_variance": measured.variance(measured.baseline)}
    if isinstance(measured, RateMeasure):
        numbers["dispersion"] = measured.dispersion
    if found.correlation is not None:
        numbers["correlation"] = found.correlation
    if isinstance(found.clusters, Clusters):
        numbers |= {"icc": found.clusters.icc, "size_cv": found.clusters.size_cv, "m": found.clusters.mean_size}
    return numbers


def formula(name: str) -> Callable[..., Found]:
    return lambda **inputs: {"power": getattr(formulas, name)(**inputs)}


def exact_design_effect(**inputs: float) -> Found:
    return {"effect": Clusters(**inputs).design_effect}


def looked(design: dict[str, Any], **asked: Any) -> Found:
    made = designed(dict(design.pop("measured")), **design)
    watched = watching.power_over_looks(made, **asked)
    return {"powers": [row.power for row in watched.looks], "expected": watched.expected_smallest}


CALLS: dict[str, Callable[..., Found]] = {
    "plan_answers": documented(answers),
    "plan_looks": documented(looked),
    "plan_size_of": size_of,
    "plan_history": from_history,
    "plan_design_effect": exact_design_effect,
    **{
        f"plan_{name}": formula(name)
        for name in (
            "power_t",
            "power_shares",
            "power_shares_exact",
            "power_arcsine",
            "power_anova",
            "power_chi_square",
            "power_mann_whitney",
            "power_rate_ratio",
            "power_equivalence_t",
        )
    },
    "plan_power_fisher": lambda **inputs: {"power": exact.power_fisher(**inputs)},
    "plan_dunnett": lambda weights, alpha, sides: {
        "critical": families.dunnett_critical(tuple(weights), alpha, sides=sides)
    },
    "plan_ever_beyond": lambda **inputs: {"powers": list(stopping.ever_beyond(**inputs))},
    "plan_days": lambda **inputs: {"days": days_for_units(**inputs)},
    "plan_clopper_pearson": lambda found, n, level: dict(
        zip(("lower", "upper"), simulate.clopper_pearson(found, n, level), strict=True)
    ),
    "plan_intraclass": lambda **inputs: {"icc": history.intraclass_correlation(**inputs)},
}
