"""The sample-size calculator: units, days, and what smaller samples could find."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from assay.errors import InvalidInput
from assay.stats.planning.power import sample_size_mean, sample_size_proportion
from assay.stats.sequential.mixture import equivalent_alpha

_TRAFFICS = {"daily_traffic_10k": 10_000, "daily_traffic_50k": 50_000, "daily_traffic_100k": 100_000}
_EFFECTS = (0.05, 0.10, 0.15)
_LEAST_ALPHA = 1e-15


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSizeQuestion:
    """baseline: expected value in control. baseline_sd: None for a share. relative_effect: 0.1 = +10 %.

    corrected: alpha is divided by the number of treatments, so that the whole family keeps it.
    sequential: results are looked at whenever one likes, two-sided.
    """

    baseline: float
    baseline_name: str
    baseline_sd: float | None
    relative_effect: float
    alpha: float
    power: float
    n_variants: int
    two_sided: bool
    corrected: bool
    daily_traffic: float | None
    sequential: bool = False


def answer(question: SampleSizeQuestion) -> dict[str, Any]:
    """The answer as a document; raises InvalidInput naming what makes no sense."""
    if 0 < question.alpha < _LEAST_ALPHA:
        raise InvalidInput("alpha", question.alpha, f"a number of at least {_LEAST_ALPHA:g} and below 0.5")
    n_comparisons = question.n_variants - 1 if question.corrected else 1
    required = _required(question, question.relative_effect, n_comparisons)
    total = required * question.n_variants
    treatment = _plain(question.baseline * (1 + question.relative_effect))
    days = {name: math.ceil(total / traffic) for name, traffic in _TRAFFICS.items()}
    if question.daily_traffic is not None:
        days["daily_traffic_given"] = math.ceil(total / question.daily_traffic)
    return {
        "required_sample_per_variant": required,
        "required_without_correction": _required(question, question.relative_effect, 1),
        "required_for_looking_at_any_time": _required(
            question, question.relative_effect, n_comparisons, sequential=True
        ),
        "total_sample_size": total,
        "days_to_completion": days,
        "detectable_effect_sizes": _effects(question, n_comparisons),
        "assumptions": {
            question.baseline_name: question.baseline,
            question.baseline_name.replace("baseline", "treatment"): treatment,
            "treatment_value": treatment,
            "effect_size": question.relative_effect,
            "alpha": question.alpha,
            "alpha_per_comparison": question.alpha / n_comparisons,
            "comparisons": n_comparisons,
            "power": question.power,
            "method": "sequential" if question.sequential else "fixed",
            "two_tailed": question.two_sided,
            "formula": "n = (z_alpha + z_beta)^2 (var_control + var_treatment) / difference^2, per variant",
        },
    }


def _effects(question: SampleSizeQuestion, n_comparisons: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for effect in _EFFECTS:
        name = f"{effect * 100:.0f}_percent_relative_lift"
        if question.baseline_sd is None and question.baseline * (1 + effect) >= 1:
            shown[name] = {"no_estimate": "impossible_rate", "reason": "the treatment's rate would reach 1"}
            continue
        try:
            n = _required(question, effect, n_comparisons)
        except InvalidInput as error:
            shown[name] = {"no_estimate": "impossible_effect", "reason": error.accepted}
            continue
        days = math.ceil(n * question.n_variants / _TRAFFICS["daily_traffic_50k"])
        shown[name] = {"sample_size_per_variant": n, "days_at_50k_traffic": days}
    return shown


def _required(
    question: SampleSizeQuestion, effect: float, n_comparisons: int, *, sequential: bool | None = None
) -> int:
    watched = question.sequential if sequential is None else sequential
    if watched and 0 < question.alpha < 0.5:
        alpha = equivalent_alpha(question.alpha, n_comparisons)
        fixed = replace(question, alpha=alpha, two_sided=True, sequential=False)
        return _required(fixed, effect, 1, sequential=False)
    if question.baseline_sd is None:
        return sample_size_proportion(
            question.baseline,
            effect,
            alpha=question.alpha,
            power=question.power,
            two_sided=question.two_sided,
            n_comparisons=n_comparisons,
        )
    return sample_size_mean(
        question.baseline,
        question.baseline_sd,
        effect,
        alpha=question.alpha,
        power=question.power,
        two_sided=question.two_sided,
        n_comparisons=n_comparisons,
    )


def _plain(value: float) -> float:
    """Without the dust of binary fractions: 0.05500000000000001 → 0.055."""
    return float(f"{value:.12g}")
