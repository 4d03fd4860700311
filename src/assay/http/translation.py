"""From request bodies to the model's words."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from assay.errors import InvalidInput
from assay.http.entrance import entrance_of
from assay.http.payloads import ExperimentChange, ExperimentIn, MeasureIn, MetricIn, VariantIn
from assay.http.targeting import audience_of
from assay.model.audience import Audience, parse_condition
from assay.model.document import parse_time
from assay.model.experiment import Experiment, ExperimentType, Variant
from assay.model.metric import Aggregation, Direction, Hypothesis, Measure, Metric, MetricKind, Role
from assay.model.names import KEY_PATTERN, check_key, check_text, key_from_name
from assay.model.plan import Correction, Method, Plan, Spending
from assay.model.shares import PARTS, even_parts, parts_of, split_parts

_RESERVED = {"assign", "sample-size", "power-analysis"}
_KINDS = {
    "conversion": MetricKind.CONVERSION,
    "continuous": MetricKind.MEAN,
    "mean": MetricKind.MEAN,
    "count": MetricKind.COUNT,
    "sum": MetricKind.SUM,
    "revenue": MetricKind.SUM,
    "ratio": MetricKind.RATIO,
    "quantile": MetricKind.QUANTILE,
}


def new_experiment(payload: ExperimentIn) -> Experiment:
    """A draft from a creation request."""
    key = check_key(payload.id, "id") if payload.id is not None else key_from_name(payload.name)
    if key in _RESERVED and payload.id is None:
        key = f"{key}-experiment"
    if key in _RESERVED:
        raise InvalidInput("id", key, f"an id other than {', '.join(sorted(_RESERVED))}: those are paths of the API")
    salt = check_key(payload.salt, "salt") if payload.salt is not None else secrets.token_hex(4)
    return changed(Experiment(key=key, name=payload.name, salt=salt), payload)


def changed(experiment: Experiment, payload: ExperimentChange) -> Experiment:
    """The experiment with the fields that the request sets."""
    values: dict[str, Any] = {}
    for name in ("name", "description", "hypothesis", "owner"):
        given = getattr(payload, name)
        if given is not None:
            values[name] = given
    for name in ("tags", "links"):
        if getattr(payload, name) is not None:
            values[name] = tuple(getattr(payload, name))
    if payload.requires_approval is not None:
        values["requires_approval"] = payload.requires_approval
    if "config_schema" in payload.model_fields_set:
        values["config_schema"] = payload.config_schema
    if payload.type is not None:
        values["type"] = ExperimentType(payload.type)
    if payload.start_date is not None:
        values["planned_start"] = parse_time(payload.start_date, "start_date")
    if payload.end_date is not None:
        values["planned_end"] = parse_time(payload.end_date, "end_date")
    if payload.variants is not None:
        if payload.factors:
            raise InvalidInput(
                "variants", f"{len(payload.variants)} variants", "nothing beside factors: they make the cells"
            )
        values["variants"], values["factors"] = variants_of(payload.variants), ()
    values |= _who(payload)
    values |= entrance_of(payload)
    if values.get("factors") and payload.type is None:
        values["type"] = ExperimentType.MULTIVARIATE
    metrics = _metrics_of(payload, experiment.metrics)
    if metrics is not None:
        values["metrics"] = metrics
    values["plan"] = _plan_of(payload, experiment.plan)
    fields = {name: getattr(experiment, name) for name in experiment.__dataclass_fields__}
    return Experiment(**(fields | values))


def variants_of(payloads: Sequence[VariantIn]) -> tuple[Variant, ...]:
    """All variants of a request together: weights that sum to one, or none given and an even split."""
    given = [payload.traffic_allocation for payload in payloads]
    if not payloads:
        return ()
    if all(share is None for share in given):
        weights = even_parts(len(payloads))
    else:
        for i, share in enumerate(given):
            if share is None:
                raise InvalidInput(f"variants[{i}].traffic_allocation", None, "a share for every variant, or for none")
        weights = split_parts([share or 0.0 for share in given], "variants.traffic_allocation")
    nobody_flagged = not any(payload.is_control for payload in payloads)
    return tuple(
        _variant(payload, weight, nobody_flagged, f"variants[{i}]")
        for i, (payload, weight) in enumerate(zip(payloads, weights, strict=True))
    )


def single_variant(payload: VariantIn, existing: Sequence[Variant]) -> Variant:
    """One more variant for a draft; without a share it takes what is left."""
    left = PARTS - sum(variant.weight for variant in existing)
    share = payload.traffic_allocation
    weight = left if share is None else parts_of(share, "traffic_allocation")
    return _variant(payload, weight, not any(variant.control for variant in existing), "variant")


def _variant(payload: VariantIn, weight: int, nobody_flagged: bool, path: str) -> Variant:
    if payload.id is None and not payload.name:
        raise InvalidInput(f"{path}.id", None, "an id or a name")
    key = check_key(payload.id, f"{path}.id") if payload.id is not None else key_from_name(payload.name)
    control = payload.is_control if payload.is_control is not None else nobody_flagged and key == "control"
    try:
        return Variant(
            key=key,
            name=payload.name,
            description=payload.description,
            weight=weight,
            control=control,
            config=payload.config,
            version=payload.version,
            author=payload.author,
            tags=tuple(payload.tags),
        )
    except InvalidInput as error:
        raise error.at(f"{path}.{error.field}") from None


def metric_of(payload: MetricIn, role: Role) -> Metric:
    """One metric."""
    check_text(payload.name, "metric.name", most=200)
    key = _metric_key(payload)
    kind = _KINDS[payload.type]
    event, field = payload.event, payload.field
    if event is None and field is None:
        # A metric that says no more than its name: that event for shares and counts, that field of any event else.
        event, field = (key, None) if kind in (MetricKind.CONVERSION, MetricKind.COUNT) else (None, key)
    return Metric(
        key=key,
        kind=kind,
        event=event,
        field=field,
        aggregation=Aggregation(payload.aggregation) if payload.aggregation else None,
        denominator=_denominator(payload, kind),
        role=role,
        direction=_direction(payload),
        window_hours=payload.window_hours,
        cap=payload.cap,
        covariate_hours=payload.covariate_hours,
        threshold=payload.threshold,
        quantile=payload.quantile,
        test=payload.test,
        hypothesis=Hypothesis(payload.hypothesis),
        margin=payload.margin,
        one_sided=payload.one_sided,
        name=payload.name if payload.name != key else "",
    )


def _metric_key(payload: MetricIn) -> str:
    if payload.key is not None:
        return check_key(payload.key, "metric.key")
    if not payload.name.strip():
        raise InvalidInput("metric.name", payload.name, "a name or a key")
    return payload.name if KEY_PATTERN.fullmatch(payload.name) else key_from_name(payload.name)


def _denominator(payload: MetricIn, kind: MetricKind) -> Measure | None:
    if not isinstance(payload.denominator, MeasureIn):
        if kind is MetricKind.RATIO:
            raise InvalidInput("denominator", payload.denominator, "an object with event, field or both")
        return None
    given = payload.denominator
    default = "count" if given.field is None else "sum"
    return Measure(event=given.event, field=given.field, aggregation=Aggregation(given.aggregation or default))


def _direction(payload: MetricIn) -> Direction:
    if payload.direction is not None:
        return Direction(payload.direction)
    if payload.alert_on_decrease:
        return Direction.INCREASE
    # An alarm on a rise, or on degradation past an upper threshold, says that less is better.
    upper = payload.alert_on_degradation and payload.threshold is not None
    return Direction.DECREASE if payload.alert_on_increase or upper else Direction.INCREASE


def _metrics_of(payload: ExperimentChange, existing: tuple[Metric, ...]) -> tuple[Metric, ...] | None:
    groups: dict[Role, list[MetricIn] | None] = {
        Role.PRIMARY: [payload.primary_metric] if payload.primary_metric is not None else None,
        Role.SECONDARY: payload.secondary_metrics,
        Role.GUARDRAIL: payload.guardrail_metrics,
    }
    if payload.metrics is None and all(group is None for group in groups.values()):
        return None
    if payload.metrics is not None:
        roles = [
            Role(item.role) if item.role else Role.PRIMARY if i == 0 else Role.SECONDARY
            for i, item in enumerate(payload.metrics)
        ]
        chosen = [metric_of(item, role) for item, role in zip(payload.metrics, roles, strict=True)]
    else:
        chosen = []
    for role, group in groups.items():
        if group is not None:
            chosen.extend(metric_of(item, role) for item in group)
        elif payload.metrics is None:
            chosen.extend(metric for metric in existing if metric.role is role)
    return tuple(chosen)


def _who(payload: ExperimentChange) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if payload.audience is not None:
        values["audience"] = Audience(parse_condition(payload.audience, "audience"))
    if payload.targeting is not None:
        if payload.audience is not None:
            raise InvalidInput("targeting", "beside an audience", "either targeting or audience")
        values["audience"] = audience_of(payload.targeting)
        if payload.targeting.traffic_percentage is not None:
            values["traffic"] = parts_of(payload.targeting.traffic_percentage, "targeting.traffic_percentage")
    if payload.traffic_allocation is not None:
        values["traffic"] = parts_of(payload.traffic_allocation, "traffic_allocation")
    return values


def _plan_of(payload: ExperimentChange, plan: Plan) -> Plan:
    values = {name: getattr(plan, name) for name in plan.__dataclass_fields__}
    if payload.sample_size is not None:
        given = payload.sample_size
        named = {
            "minimum_effect": given.mde,
            "baseline": given.baseline_rate,
            "baseline_sd": given.baseline_sd,
            "alpha": given.alpha,
            "power": given.power,
            "required_per_variant": given.required_sample_per_variant,
        }
        values |= {name: value for name, value in named.items() if value is not None}
    if payload.plan is not None:
        values |= payload.plan.model_dump(exclude_unset=True, exclude_none=True)
    values["method"], values["correction"] = Method(values["method"]), Correction(values["correction"])
    values["spending"], values["looks"] = Spending(values["spending"]), tuple(values["looks"])
    try:
        return Plan(**values)
    except InvalidInput as error:
        raise error.at(f"plan.{error.field}") from None
