"""Planning: how many units, how long, and what could be found with fewer."""

from __future__ import annotations

import math

from assay.errors import InvalidInput
from assay.model.experiment import Experiment
from assay.model.metric import MetricKind
from assay.model.plan import Correction, Method, Plan
from assay.service.metric_tests import Tests, check_tests
from assay.stats.looking import inflation
from assay.stats.planning.power import power_mean, power_proportion, sample_size_mean, sample_size_proportion
from assay.stats.sequential.mixture import equivalent_alpha

_FAMILYWISE = (Correction.HOLM, Correction.BONFERRONI, Correction.HOCHBERG, Correction.DUNNETT)
"""Corrections that bound the chance of any false alarm; a plan is sized as for Bonferroni's."""

DEFAULT_TUNING_UNITS = 10_000
"""Units in two arms at which sequences are tightest when the plan names no sample."""


def comparisons_of(experiment: Experiment) -> int:
    """Tests that share alpha in the primary family: one per treatment when the plan corrects, else one."""
    treatments = sum(1 for variant in experiment.variants if not variant.control and variant.weight > 0)
    return max(1, treatments) if experiment.plan.correction in _FAMILYWISE else 1


def check_plan(experiment: Experiment, tests: Tests) -> None:
    """Raise InvalidInput, naming the field, when the plan's numbers make no sense for the primary metric, or when a
    metric's test does not fit. tests: installed beside Assay."""
    check_tests(experiment.metrics, experiment.plan, tests)
    try:
        _by_formula(experiment)
    except InvalidInput as error:
        name = _NAMES.get(error.field, error.field)
        raise error.at(f"plan.{name}") from None


_NAMES = {"relative_effect": "minimum_effect", "standard_deviation": "baseline_sd"}
"""What the formulas call a thing → what the plan calls it."""


def planned_sample(experiment: Experiment) -> int | None:
    """Units per variant: what the plan names, else what it needs by formula, else None."""
    given = experiment.plan.required_per_variant
    return given if given is not None else needed_sample(experiment)


def needed_sample(experiment: Experiment) -> int | None:
    """Units per variant that give the plan's power for its method; None when the plan does not say enough."""
    try:
        return _by_formula(experiment)
    except InvalidInput:
        return None


def power_of_plan(experiment: Experiment, n_per_variant: int) -> float | None:
    """The power the plan would have with `n_per_variant` units, if it can be computed."""
    plan, primary = experiment.plan, experiment.primary_metric
    if primary is None or plan.baseline is None or plan.minimum_effect is None:
        return None
    alpha = _alpha_per_test(experiment)
    if primary.kind is MetricKind.CONVERSION:
        return power_proportion(plan.baseline, plan.minimum_effect, n_per_variant, alpha=alpha)
    if plan.baseline_sd is None:
        return None
    return power_mean(plan.baseline, plan.baseline_sd, plan.minimum_effect, n_per_variant, alpha=alpha)


def _alpha_per_test(experiment: Experiment) -> float:
    """The level of each test of the primary family, as a fixed-horizon one: a sequence pays for being looked at."""
    alpha, n_comparisons = experiment.plan.alpha, comparisons_of(experiment)
    if experiment.plan.method in (Method.SEQUENTIAL, Method.BAYESIAN):
        return equivalent_alpha(alpha, n_comparisons)
    return alpha / n_comparisons


def _by_formula(experiment: Experiment) -> int | None:
    plan, primary = experiment.plan, experiment.primary_metric
    if primary is None or plan.baseline is None or plan.minimum_effect is None:
        return None
    alpha = _alpha_per_test(experiment)
    if primary.kind is MetricKind.QUANTILE:
        return None
    if primary.kind is MetricKind.CONVERSION:
        one_look = sample_size_proportion(plan.baseline, plan.minimum_effect, alpha=alpha, power=plan.power)
    elif plan.baseline_sd is None:
        return None
    else:
        one_look = sample_size_mean(plan.baseline, plan.baseline_sd, plan.minimum_effect, alpha=alpha, power=plan.power)
    if plan.method is not Method.GROUP_SEQUENTIAL:
        return one_look
    return math.ceil(one_look * inflation(plan.planned_looks, alpha, plan.power, plan.spending))


def tuning_units(plan: Plan, required_per_variant: int | None) -> int:
    """Units in two arms at which confidence sequences are tightest; fixed by the plan, never by the data."""
    if plan.tuning_units is not None:
        return plan.tuning_units
    return 2 * required_per_variant if required_per_variant is not None else DEFAULT_TUNING_UNITS
