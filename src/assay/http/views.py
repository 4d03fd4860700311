"""Answers of the control plane: the model's words as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from assay.http.entrance_views import entrance_view
from assay.model.document import format_time, to_document
from assay.model.experiment import Experiment, Variant
from assay.model.metric import Metric, MetricKind, Role
from assay.model.result import ArmEstimate, Comparison, ExperimentResult, Interval, MetricResult, NoEstimate
from assay.model.shares import PARTS
from assay.service.checklist import Check
from assay.service.planning import planned_sample

_SECONDS_PER_DAY = 86_400


def experiment_view(experiment: Experiment) -> dict[str, Any]:
    """A definition."""
    times = ("planned_start", "planned_end", "created_at", "updated_at", "started_at", "ended_at")
    shown = {name: _time(getattr(experiment, name)) for name in times}
    plan = to_document(experiment.plan)
    plan["required_per_variant"] = planned_sample(experiment)
    return {
        "experiment_id": experiment.key,
        "name": experiment.name,
        "type": experiment.type.value,
        "status": experiment.status.value,
        "stage": experiment.stage.value,
        "description": experiment.description,
        "hypothesis": experiment.hypothesis,
        "owner": experiment.owner,
        "tags": list(experiment.tags),
        "links": list(experiment.links),
        "requires_approval": experiment.requires_approval,
        "submitted_by": experiment.submitted_by or None,
        "approved_by": experiment.approved_by or None,
        "config_schema": to_document(experiment.config_schema),
        "variants": [variant_view(variant) for variant in experiment.variants],
        "audience": to_document(experiment.audience),
        **entrance_view(experiment),
        "metrics": [metric_view(metric) for metric in experiment.metrics],
        "plan": plan,
        "salt": experiment.salt,
        "version": experiment.version,
        "revision": experiment.revision,
        "winner": experiment.winner,
        "start_date": shown.pop("planned_start"),
        "end_date": shown.pop("planned_end"),
        **shown,
    }


def variant_view(variant: Variant) -> dict[str, Any]:
    """One arm."""
    return {
        "id": variant.key,
        "name": variant.title,
        "description": variant.description,
        "traffic_allocation": variant.weight / PARTS,
        "is_control": variant.control,
        "config": dict(variant.config),
        "levels": dict(variant.levels),
        "version": variant.version,
        "author": variant.author,
        "tags": list(variant.tags),
    }


def metric_view(metric: Metric) -> dict[str, Any]:
    """One metric."""
    document: dict[str, Any] = to_document(metric)
    document["name"] = metric.title
    document["type"] = document.pop("kind")
    return document


def created_view(experiment: Experiment, checks: Sequence[Check]) -> dict[str, Any]:
    """A new draft with what the checklist says of it."""
    return experiment_view(experiment) | {
        "sample_size_estimate": {"required_sample_per_variant": planned_sample(experiment)},
        "validation": validation_view(experiment, checks),
    }


def validation_view(experiment: Experiment, checks: Sequence[Check]) -> dict[str, Any]:
    """The checklist."""
    ok = {check.name: check.ok for check in checks}
    return {
        "traffic_allocation_sum": sum(variant.weight for variant in experiment.variants) / PARTS,
        "has_control": ok["control"],
        "has_primary_metric": ok["primary_metric"],
        "has_guardrails": ok["guardrails"],
        "sample_size_adequate": ok["sample_size"],
        "can_start": all(check.ok for check in checks if check.blocking),
        "problems": [check.message for check in checks if check.blocking and not check.ok],
        "warnings": [check.message for check in checks if not check.blocking and not check.ok],
    }


def results_view(experiment: Experiment, result: ExperimentResult | None, now: datetime) -> dict[str, Any]:
    """Results: per variant for reading, and the whole result document under `analysis`."""
    head = {
        "experiment_id": experiment.key,
        "name": experiment.name,
        "status": experiment.status.value,
        "start_date": _time(experiment.started_at),
        "days_running": _days_running(experiment, now),
    }
    if result is None:
        return head | {"total_users_exposed": 0, "variants": [], "recommendation": None, "last_updated": None}
    reductions = [
        item.variance_reduction
        for metric in result.metrics
        for item in metric.comparisons
        if item.variance_reduction is not None
    ]
    recommendation = result.recommendation
    return head | {
        "total_users_exposed": result.n_units,
        "validity": result.validity.value,
        "variants": [_variant_results(variant, result) for variant in experiment.variants],
        "guardrail_metrics": _guardrails(experiment, result),
        "sample_ratio": to_document(result.sample_ratio),
        "recommendation": {
            "action": recommendation.action.value,
            "winning_variant": recommendation.winner,
            "reasoning": recommendation.sentence,
            "reasons": list(recommendation.reasons),
            "warnings": list(recommendation.warnings),
        },
        "sample_size_progress": {
            "required_per_variant": result.progress.required_per_variant,
            "progress_by_variant": dict(result.progress.share_by_variant),
            "estimated_days_to_completion": result.progress.days_left,
        },
        "cuped_enabled": bool(reductions),
        "cuped_variance_reduction": reductions[0] if reductions else None,
        "data_quality": to_document(result.quality),
        "failures": dict(result.failures),
        "final": result.final,
        "last_updated": format_time(result.at),
        "analysis": to_document(result),
    }


def _variant_results(variant: Variant, result: ExperimentResult) -> dict[str, Any]:
    metrics = {
        metric.metric: _metric_of_variant(metric, arm)
        for metric in result.metrics
        if (arm := metric.arm(variant.key)) is not None
    }
    if result.sample_ratio.mismatch:
        for shown in metrics.values():
            if "vs_control" in shown:
                shown["vs_control"] |= {"is_significant": False, "blocked": "sample_ratio_mismatch"}
    return {
        "variant_id": variant.key,
        "name": variant.title,
        "is_control": variant.control,
        "users_exposed": result.units.get(variant.key, 0),
        "metrics": metrics,
    }


def _metric_of_variant(metric: MetricResult, arm: ArmEstimate) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "value": _number(arm.value),
        "sample_size": arm.n_units,
        "std_dev": _number(arm.standard_deviation),
        "std_error": _number(arm.standard_error),
        "confidence_interval": _interval(arm.interval),
        "confidence_level": arm.interval.level if isinstance(arm.interval, Interval) else None,
    }
    if metric.kind is MetricKind.CONVERSION and isinstance(arm.value, float):
        shown |= {"count": round(arm.value * arm.n_units), "total": arm.n_units}
    comparison = metric.comparison(arm.variant)
    if comparison is not None:
        shown["vs_control"] = _comparison(comparison)
    return shown


def _comparison(item: Comparison) -> dict[str, Any]:
    level = item.absolute_interval.level if isinstance(item.absolute_interval, Interval) else None
    return {
        "absolute_lift": _number(item.absolute),
        "absolute_interval": _interval(item.absolute_interval),
        "relative_lift": _number(item.relative),
        "relative_interval": _interval(item.relative_interval),
        "p_value": _number(item.p_value),
        "p_value_adjusted": _number(item.p_value_adjusted),
        "is_significant": item.significant,
        "confidence_level": level,
        "test_type": item.test,
        "validity": item.validity.value,
        "log_p_value": to_document(item.log_p_value),
        "alternative": item.alternative,
        "hypothesis": item.hypothesis.value,
        "margin": item.margin,
        "variance_reduction": item.variance_reduction,
        "effect_size": to_document(item.effect_size),
        "posterior": to_document(item.posterior),
        "warnings": list(item.warnings),
        "scale": item.scale,
    }


def _guardrails(experiment: Experiment, result: ExperimentResult) -> list[dict[str, Any]]:
    shown = []
    for metric in experiment.metrics:
        found = result.metric(metric.key)
        if metric.role is not Role.GUARDRAIL or found is None:
            continue
        mine = [state for state in result.guardrails if state.metric == metric.key]
        shown.append(
            {
                "name": metric.title,
                "threshold": metric.threshold,
                "values": {arm.variant: _number(arm.value) for arm in found.arms},
                "exceeds_threshold": [state.variant for state in mine if state.exceeds],
                "without_data": [state.variant for state in mine if state.unknown],
                "alert_triggered": any(state.alarm for state in mine),
                "reasons": [state.reason for state in mine if state.reason],
            }
        )
    return shown


def _number(value: float | NoEstimate) -> Any:
    return to_document(value)


def _interval(value: Interval | NoEstimate) -> Any:
    return [value.lower, value.upper] if isinstance(value, Interval) else to_document(value)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _days_running(experiment: Experiment, now: datetime) -> float:
    if experiment.started_at is None:
        return 0.0
    return round(((experiment.ended_at or now) - experiment.started_at).total_seconds() / _SECONDS_PER_DAY, 2)
