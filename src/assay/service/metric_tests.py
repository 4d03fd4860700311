"""Which test each metric is given, what the warehouse must aggregate for it, and what does not go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.errors import InvalidInput
from assay.model.metric import Hypothesis, Metric, MetricKind
from assay.model.plan import Correction, Method, Plan
from assay.stats.registry import NamedTest, Needs, chosen_test

_AT_LOOKS = (Method.FIXED, Method.GROUP_SEQUENTIAL)

Tests = Mapping[str, NamedTest]


def counted_metrics(metrics: Sequence[Metric], installed: Tests) -> tuple[str, ...]:
    """Keys of the metrics whose test reads exact value counts. An unknown test is left to the analysis to name."""
    keys = []
    for metric in metrics:
        try:
            needs = chosen_test(metric, installed).needs
        except InvalidInput:
            continue
        if needs is Needs.VALUE_COUNTS:
            keys.append(metric.key)
    return tuple(keys)


def check_tests(metrics: Sequence[Metric], plan: Plan, installed: Tests) -> None:
    """Raise InvalidInput, naming metric and field, for tests and hypotheses that do not fit the metric or the plan."""
    for metric in metrics:
        try:
            _check(metric, plan, installed)
        except InvalidInput as error:
            raise error.at(f"metrics.{metric.key}.{error.field}") from None
    if plan.correction is Correction.E_BH and plan.method in _AT_LOOKS:
        raise InvalidInput(
            "plan.correction", plan.correction.value, "another correction: e_bh needs the e-values of a sequential plan"
        )


def _check(metric: Metric, plan: Plan, installed: Tests) -> None:
    test = chosen_test(metric, installed)
    if metric.test is not None and not test.is_default and plan.method not in _AT_LOOKS:
        accepted = "nothing: a sequential plan has its own tests; for others use plan.method fixed or group_sequential"
        raise InvalidInput("test", metric.test, accepted)
    if metric.hypothesis is Hypothesis.DIFFERENCE:
        return
    if metric.kind is MetricKind.QUANTILE or not test.is_default:
        accepted = f"difference: {test.title} has no margin relative to the control"
        raise InvalidInput("hypothesis", metric.hypothesis.value, accepted)
