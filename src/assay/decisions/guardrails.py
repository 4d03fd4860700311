"""Guardrails: harm to a metric that must not suffer, against the control and against an absolute bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay import wording
from assay.model.metric import Direction, MetricKind, Role
from assay.model.result import ArmEstimate, GuardrailState, Interval, MetricResult


def guardrail_states(metrics: Sequence[MetricResult], control: str, titles: Mapping[str, str]) -> list[GuardrailState]:
    """Every guardrail for every treatment."""
    return [
        _state(metric, arm, titles.get(arm.variant, arm.variant))
        for metric in metrics
        if metric.role is Role.GUARDRAIL
        for arm in metric.arms
        if arm.variant != control
    ]


def _state(metric: MetricResult, arm: ArmEstimate, title: str) -> GuardrailState:
    worse = (item := metric.comparison(arm.variant)) is not None and item.better is False
    value = arm.value
    if not isinstance(value, float):
        reason = f"The guardrail {metric.title} has no value for {title}: {value.reason}."
        return _of(metric, arm, reason, unknown=True)
    show = wording.percent if metric.kind is MetricKind.CONVERSION else wording.amount
    exceeds = metric.threshold is not None and _beyond(metric, value)
    surely = exceeds and isinstance(arm.interval, Interval) and _beyond(metric, _near_end(metric, arm.interval))
    if exceeds and metric.threshold is not None:
        how = "surely" if surely else "not yet surely"
        reason = f"{title} is {how} beyond the guardrail {metric.title}: {show(value)}, bound {show(metric.threshold)}."
    else:
        reason = f"{title} is significantly worse on the guardrail {metric.title}." if worse else ""
    return _of(metric, arm, reason, exceeds=exceeds, alarm=surely or worse)


def _of(
    metric: MetricResult,
    arm: ArmEstimate,
    reason: str,
    *,
    exceeds: bool = False,
    alarm: bool = False,
    unknown: bool = False,
) -> GuardrailState:
    return GuardrailState(
        metric=metric.metric, variant=arm.variant, exceeds=exceeds, alarm=alarm, unknown=unknown, reason=reason
    )


def _beyond(metric: MetricResult, value: float | None) -> bool:
    if value is None or metric.threshold is None:
        return False
    return value > metric.threshold if metric.direction is Direction.DECREASE else value < metric.threshold


def _near_end(metric: MetricResult, interval: Interval) -> float | None:
    """The end of an interval that is nearest to being fine."""
    return interval.lower if metric.direction is Direction.DECREASE else interval.upper
