"""The planner: how many units, with what power, what could be found, how long it takes, and what to beware of."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from assay.errors import InvalidInput
from assay.model.document import to_document
from assay.model.metric import Hypothesis
from assay.model.result import NoEstimate
from assay.service.power_question import Planned, PowerQuestion, named, planned_of
from assay.service.power_words import cautions, formula_of, words
from assay.stats.distributions import normal_quantile
from assay.stats.planning.answers import (
    SampleSize,
    minimum_effect,
    minimum_margin,
    power,
    sample_size,
    size_of_total,
    total_units,
    treated_value,
    units_of_size,
)
from assay.stats.planning.cautions import warnings_of
from assay.stats.planning.contrasts import tail_of
from assay.stats.planning.design import Anytime, Design, Form, GroupSequential
from assay.stats.planning.measured import ShareMeasure
from assay.stats.planning.search import MOST_UNITS
from assay.stats.planning.table import DetectableEffect, detectable_effects_table
from assay.stats.planning.traffic import days_for_units
from assay.stats.planning.watching import power_over_looks

NO_EFFECT = NoEstimate("no_effect", "no effect was given")
NO_SIZE = NoEstimate("no_size", "neither an effect to size for nor a sample size was given")
NO_TRAFFIC = NoEstimate("no_traffic", "no daily traffic was given")
NO_LOOKS_POWER = NoEstimate("given_size", "shown for the size that the plan of looks needs")
_SHARES_OF_SIZE = (0.25, 0.5, 1, 2, 4)
_WATCHED_LOOKS = 20
_MOST_DAYS = 36_525
MOST_EXACT = 300


def power_analysis(question: PowerQuestion) -> dict[str, Any]:
    """The answer as a document; what cannot be given is a reason. Raises InvalidInput by the question's names."""
    with named():
        return _answer(question, planned_of(question))


def _answer(question: PowerQuestion, planned: Planned) -> dict[str, Any]:
    design, effect = planned.design, question.effect
    _check_exact(question, design)
    required = _required(question, design)
    smallest: int | NoEstimate
    if question.sample_size is not None:
        smallest = question.sample_size
    else:
        smallest = required.smallest if isinstance(required, SampleSize) else required
    design = _tuned(design, smallest)
    units = smallest if isinstance(smallest, NoEstimate) else units_of_size(design, smallest)
    chance: float | NoEstimate
    if isinstance(smallest, NoEstimate) or effect is None:
        chance = smallest if isinstance(smallest, NoEstimate) else NO_EFFECT
    else:
        chance = power(design, smallest, effect)
    days = _days(question, design, smallest)
    return to_document(  # type: ignore[no-any-return]
        {
            "required_sample_per_variant": _of(required, "smallest"),
            "required_sample": _of(required, "units"),
            "required_clusters": _of(required, "clusters"),
            "total_sample_size": _of(required, "total"),
            "sample_size": {
                "source": "given" if question.sample_size is not None else "required",
                "per_variant": units,
                "total": units if isinstance(units, NoEstimate) else sum(units),
            },
            "power": chance,
            "minimum_detectable_effect": _minimum(design, smallest, question.power),
            "minimum_margin": _margin(design, smallest, question),
            "days_to_completion": days,
            "expected_sample_per_variant": _expected(question, planned, design, smallest),
            "detectable_effects": [_row(row) for row in _table(question, design, smallest)],
            "looks": _looks(question, planned, smallest),
            "design": words(question, design),
            "warnings": [*_warnings(question, design, required, units, chance), *cautions(question, design, days)],
            "assumptions": _assumptions(question, planned, design, units),
        }
    )


def _check_exact(question: PowerQuestion, design: Design) -> None:
    """Exact power of shares goes through all outcomes: only where they are few, and the normal curve is not as good."""
    if design.form != Form.EXACT or not isinstance(design.measured, ShareMeasure):
        return
    rough = _required(question, replace(design, form=Form.LARGE_SAMPLE))
    smallest = max(question.sample_size or 2, rough.smallest if isinstance(rough, SampleSize) else 2)
    value = design.measured.baseline if question.effect is None else treated_value(design, question.effect)
    spread = max(share * (1 - share) for share in (design.measured.baseline, value))
    if max(units_of_size(design, smallest)) * spread > MOST_EXACT:
        accepted = f"large_sample: with more than about {MOST_EXACT} conversions in a variant it is as good"
        raise InvalidInput("form", design.form, accepted)


def _required(question: PowerQuestion, design: Design) -> SampleSize | NoEstimate:
    if question.effect is None:
        return NO_EFFECT
    try:
        return sample_size(design, question.effect, power=question.power)
    except InvalidInput as error:
        if question.sample_size is None or error.field != "effect":
            raise
        # What a given size can do may still be asked.
        treated_value(design, question.effect)
        return NoEstimate("no_size_is_enough", f"no size has this power; accepted: {error.accepted}")


def _tuned(design: Design, smallest: int | NoEstimate) -> Design:
    """A sequence is tuned once, to the size in question, whatever is asked about other sizes."""
    method = design.method
    if not isinstance(method, Anytime) or method.tuning_units is not None or isinstance(smallest, NoEstimate):
        return design
    units = units_of_size(design, smallest)
    return replace(design, method=replace(method, tuning_units=units[0] + min(units[1:])))


def _of(required: SampleSize | NoEstimate, name: str) -> Any:
    return required if isinstance(required, NoEstimate) else getattr(required, name)


def _minimum(design: Design, smallest: int | NoEstimate, target: float) -> dict[str, float | NoEstimate] | NoEstimate:
    if isinstance(smallest, NoEstimate):
        return smallest
    effect = minimum_effect(design, smallest, power=target)
    if isinstance(effect, NoEstimate):
        return effect
    baseline, value = design.measured.baseline, treated_value(design, effect)
    relative = (value - baseline) / baseline if baseline else NoEstimate("zero_baseline", "the baseline is 0")
    return {"effect": effect, "relative": relative, "absolute": value - baseline, "value": value}


def _margin(design: Design, smallest: int | NoEstimate, question: PowerQuestion) -> float | NoEstimate | None:
    if design.hypothesis not in (Hypothesis.NON_INFERIORITY, Hypothesis.EQUIVALENCE):
        return None
    if isinstance(smallest, NoEstimate):
        return smallest
    return minimum_margin(design, smallest, effect=question.effect or 0.0, power=question.power)


def _days(question: PowerQuestion, design: Design, smallest: int | NoEstimate) -> int | NoEstimate:
    traffic = question.daily_traffic
    if isinstance(smallest, NoEstimate) or traffic is None:
        return NO_TRAFFIC if traffic is None else smallest
    total = total_units(design, smallest)
    if not isinstance(traffic, tuple) and total > _MOST_DAYS * traffic * question.traffic_share:
        return NoEstimate("too_long", "more than a hundred years at this traffic")
    return days_for_units(total, traffic, traffic_share=question.traffic_share)


def _expected(
    question: PowerQuestion, planned: Planned, design: Design, smallest: int | NoEstimate
) -> int | NoEstimate:
    """Units of the smallest variant on average, where the experiment ends as soon as the effect is found."""
    if isinstance(smallest, NoEstimate) or not isinstance(design.method, (GroupSequential, Anytime)):
        return smallest
    if question.effect is None or design.hypothesis == Hypothesis.EQUIVALENCE:
        return NO_EFFECT if question.effect is None else NoEstimate("equivalence", "not known for equivalence")
    if planned.looks is not None:
        return NO_LOOKS_POWER if question.sample_size is not None else math.ceil(planned.looks.expected_h1 * smallest)
    return math.ceil(power_over_looks(design, smallest, question.effect, looks=_WATCHED_LOOKS).expected_smallest)


def _table(question: PowerQuestion, design: Design, smallest: int | NoEstimate) -> tuple[DetectableEffect, ...]:
    """By week where the traffic is known, else by size; of shares always by the normal curve."""
    if isinstance(design.measured, ShareMeasure):
        design = replace(design, form=Form.LARGE_SAMPLE)
    if question.daily_traffic is not None:
        return detectable_effects_table(
            design, question.daily_traffic, powers=(question.power,), traffic_share=question.traffic_share
        )
    if isinstance(smallest, NoEstimate):
        return ()
    sizes = [math.ceil(smallest * share) for share in _SHARES_OF_SIZE]
    totals = [total_units(design, size) for size in sizes if 2 <= size <= MOST_UNITS]
    totals = [total for total in totals if size_of_total(design, total) <= MOST_UNITS]
    return detectable_effects_table(design, totals=totals, powers=(question.power,))


def _row(row: DetectableEffect) -> dict[str, Any]:
    return {
        "weeks": row.weeks,
        "total_sample_size": row.units,
        "sample_per_variant": row.smallest,
        "effect": row.effect,
        "relative": row.relative,
        "absolute": row.absolute,
        "value": row.value,
    }


def _looks(question: PowerQuestion, planned: Planned, smallest: int | NoEstimate) -> list[dict[str, Any]]:
    """The looks of a group sequential plan: when, from which z on to stop, and how likely that is by then."""
    if planned.looks is None:
        return []
    from assay.stats.group_sequential.design import operating

    plan, found, rows = planned.looks, 0.0, []
    one_contrast = planned.design.hypothesis != Hypothesis.EQUIVALENCE
    known = one_contrast and question.sample_size is None and question.effect is not None
    rejects = operating(plan, plan.drift).rejects if known else ()
    for k, (share, bound, spent) in enumerate(zip(plan.information, plan.efficacy, plan.alpha_spent, strict=True)):
        found += rejects[k] if known else 0.0
        rows.append(
            {
                "information": share,
                "sample_per_variant": smallest if isinstance(smallest, NoEstimate) else math.ceil(smallest * share),
                "critical_value": bound,
                "alpha_spent": spent,
                "power_by_then": found if known else NO_LOOKS_POWER,
            }
        )
    return rows


def _warnings(
    question: PowerQuestion,
    design: Design,
    required: SampleSize | NoEstimate,
    units: tuple[int, ...] | NoEstimate,
    chance: float | NoEstimate,
) -> tuple[str, ...]:
    if question.sample_size is None and isinstance(required, SampleSize):
        return required.warnings
    if isinstance(units, NoEstimate) or isinstance(chance, NoEstimate) or question.effect is None:
        return ()
    return warnings_of(design, units, treated_value(design, question.effect), chance)


def _assumptions(
    question: PowerQuestion, planned: Planned, design: Design, units: tuple[int, ...] | NoEstimate
) -> dict[str, Any]:
    """Everything that the numbers rest on, so that they can be checked by hand."""
    measured = design.measured
    value = NO_EFFECT if question.effect is None else treated_value(design, question.effect)
    at = measured.baseline if isinstance(value, NoEstimate) else value
    needs_size = isinstance(design.method, Anytime)
    tail: float | NoEstimate
    if isinstance(units, NoEstimate):
        tail = units if needs_size else tail_of(design, ())
    else:
        tail = tail_of(design, units, min(range(1, len(units)), key=lambda which: units[which]))
    total = math.fsum(design.weights)
    return {
        "metric_type": question.metric_type,
        "baseline": measured.baseline,
        "treatment_value": _plain(value),
        "effect": NO_EFFECT if question.effect is None else question.effect,
        "scale": design.scale,
        "unit_variance_control": _plain(measured.variance(measured.baseline)),
        "unit_variance_treatment": _plain(measured.variance(at, treatment=True)),
        "variance_factor": design.variance_factor,
        "covariate_correlation": design.correlation,
        "clusters": None
        if design.clusters is None
        else asdict(design.clusters) | {"design_effect": design.clusters.design_effect},
        "power": question.power,
        "alpha": design.alpha,
        "alpha_per_comparison": tail if isinstance(tail, NoEstimate) else tail * design.sides,
        "critical_value": tail if isinstance(tail, NoEstimate) else normal_quantile(tail),
        "comparisons": design.comparisons,
        "correction": design.correction,
        "two_sided": design.sides == 2,
        "hypothesis": design.hypothesis,
        "margin": design.margin,
        "direction": design.direction,
        "traffic_allocation": [weight / total for weight in design.weights],
        "method": question.method,
        "inflation": design.method.inflation if isinstance(design.method, GroupSequential) else 1.0,
        "spending": planned.looks.spending.kind if planned.looks is not None else None,
        "tuning_units": design.method.tuning_units if isinstance(design.method, Anytime) else None,
        "pooled_variance": question.pooled or False,
        "exact": design.form == Form.EXACT,
        "daily_traffic": question.daily_traffic,
        "traffic_share": question.traffic_share,
        "formula": formula_of(design),
    }


def _plain(value: float | NoEstimate) -> float | NoEstimate:
    """Without the dust of binary fractions: 0.05500000000000001 → 0.055."""
    return value if isinstance(value, NoEstimate) else float(f"{value:.12g}")
