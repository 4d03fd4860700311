"""Targeting as people fill it in – places, times, behaviour, devices – turned into one audience.

Each list is 'one of these'; everything that is given must match. What an audience cannot say this way, `audience` can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import Field

from assay.errors import InvalidInput
from assay.http.entrance_payloads import Number, Payload, Share
from assay.model.audience import (
    All,
    Attribute,
    Audience,
    Condition,
    Operator,
    SegmentRef,
    Some,
    parse_condition,
)

Count = int | None


class TimezonesIn(Payload):
    """The unit's own time zone, and hours of its day."""

    timezones: list[str] | None = None
    time_ranges: list[dict[str, str]] | None = None


class GeographicIn(Payload):
    """Where the unit is. coordinates: north, south, east and west in degrees."""

    countries: list[str] | None = None
    regions: list[str] | None = None
    cities: list[str] | None = None
    coordinates: dict[str, Number] | None = None
    timezone: TimezonesIn | None = None


class FrequencyIn(Payload):
    """How often, within a period."""

    min: Count = None
    max: Count = None
    period_hours: Number | None = None


class RecencyIn(Payload):
    """How long ago the last time was."""

    min_hours: Number | None = None
    max_hours: Number | None = None


class UserActionIn(Payload):
    """An action and how it must have been done. value: the least that the actions must be worth together."""

    action_type: str
    frequency: FrequencyIn = FrequencyIn()
    recency: RecencyIn = RecencyIn()
    value: Number | None = None


class PurchasesIn(Payload):
    """Past purchases: actions of the type `purchase`; categories are the attribute purchased_categories."""

    min_count: Count = None
    max_count: Count = None
    min_value: Number | None = None
    max_value: Number | None = None
    within_days: Number | None = None
    categories: list[str] | None = None


class SessionIn(Payload):
    """The present session: the attributes session_pages, session_seconds, entry_page, referrer and returning."""

    min_pages: Number | None = None
    max_pages: Number | None = None
    min_seconds: Number | None = None
    max_seconds: Number | None = None
    entry_pages: list[str] | None = None
    referrers: list[str] | None = None
    returning: bool | None = None


class BehaviouralIn(Payload):
    """What the unit did. content_preferences: any of these in the attribute of that name."""

    user_actions: list[UserActionIn] | None = None
    engagement_levels: list[str] | None = None
    purchase_history: PurchasesIn | None = None
    content_preferences: list[str] | None = None
    session_behavior: SessionIn | None = None


class DeviceIn(Payload):
    """What the unit uses; a user-agent string in the context is read when the fields are not given themselves."""

    device_types: list[str] | None = None
    operating_systems: list[str] | None = None
    browsers: list[str] | None = None
    screen_sizes: list[dict[str, Any]] | None = None
    connection_types: list[str] | None = None


class CustomIn(Payload):
    """One comparison; with a weight it is a line of the score."""

    field: str
    operator: str = "eq"
    value: Any = None
    weight: Number | None = None


class TargetingIn(Payload):
    """An audience by its usual parts. threshold: of the weights of `custom` rules that match."""

    countries: list[str] | None = None
    platforms: list[str] | None = None
    user_segments: list[str] | None = None
    device_types: list[str] | None = None
    traffic_percentage: Share | None = None
    geographic: GeographicIn | None = None
    temporal: dict[str, Any] | None = None
    behavioral: BehaviouralIn | None = Field(None, validation_alias="behavioral")
    device: DeviceIn | None = None
    custom: list[CustomIn] | None = None
    operator: Literal["and", "or"] = "and"
    threshold: Number | None = None
    segments: list[str] | None = None


_LISTS = {
    "": {
        "countries": "country",
        "platforms": "platform",
        "user_segments": "user_segment",
        "device_types": "device_type",
    },
    "geographic": {"countries": "country", "regions": "region", "cities": "city"},
    "device": {
        "device_types": "device_type",
        "operating_systems": "os",
        "browsers": "browser",
        "connection_types": "connection_type",
    },
    "behavioral": {"engagement_levels": "engagement_level"},
}


def audience_of(targeting: TargetingIn) -> Audience:
    """The audience of a targeting; raises InvalidInput naming the part that is wrong."""
    return Audience(All(tuple(_conditions(targeting))))


def _conditions(given: TargetingIn) -> Iterator[Condition]:
    yield from _one_of(given, "")
    if given.geographic is not None:
        yield from _one_of(given.geographic, "geographic")
        yield from _place(given.geographic)
    if given.temporal is not None:
        yield _parsed({"temporal": given.temporal})
    if given.behavioral is not None:
        yield from _one_of(given.behavioral, "behavioral")
        yield from _behaviour(given.behavioral)
    if given.device is not None:
        yield from _one_of(given.device, "device")
        sizes = _some(given.device.screen_sizes, "device.screen_sizes")
        if sizes is not None:
            yield Some(tuple(_parsed({"screen": size}, f"device.screen_sizes[{i}]") for i, size in enumerate(sizes)))
    segments = _some(given.segments, "segments")
    if segments is not None:
        yield Some(tuple(SegmentRef(key) for key in segments))
    rules = _some(given.custom, "custom")
    if rules is not None:
        yield _custom(given, rules)


def _place(given: GeographicIn) -> Iterator[Condition]:
    if given.coordinates is not None:
        yield _parsed({"coordinates": given.coordinates}, "geographic")
    if given.timezone is not None:
        zones = _some(given.timezone.timezones, "geographic.timezone.timezones")
        if zones is not None:
            yield Attribute("timezone", Operator.IN, tuple(zones))
        hours = _some(given.timezone.time_ranges, "geographic.timezone.time_ranges")
        if hours is not None:
            document = {"temporal": {"time_ranges": hours, "timezone": "unit"}}
            yield _parsed(document, "geographic.timezone")


def _behaviour(given: BehaviouralIn) -> Iterator[Condition]:
    for i, item in enumerate(given.user_actions or ()):
        document = {
            "type": item.action_type,
            "min_count": item.frequency.min,
            "max_count": item.frequency.max,
            "within_hours": item.frequency.period_hours,
            "min_hours_ago": item.recency.min_hours,
            "max_hours_ago": item.recency.max_hours,
            "min_value": item.value,
        }
        yield _parsed({"action": document}, f"behavioral.user_actions[{i}]")
    bought = given.purchase_history
    if bought is not None:
        document = bought.model_dump(exclude={"categories", "within_days"})
        document["within_hours"] = None if bought.within_days is None else bought.within_days * 24
        if any(value is not None for value in document.values()):
            yield _parsed({"action": {"type": "purchase", **document}}, "behavioral.purchase_history")
        categories = _some(bought.categories, "behavioral.purchase_history.categories")
        if categories is not None:
            yield Attribute("purchased_categories", Operator.CONTAINS_ANY, tuple(categories))
    liked = _some(given.content_preferences, "behavioral.content_preferences")
    if liked is not None:
        yield Attribute("content_preferences", Operator.CONTAINS_ANY, tuple(liked))
    if given.session_behavior is not None:
        yield from _session(given.session_behavior)


def _session(given: SessionIn) -> Iterator[Condition]:
    bounds = {
        "session_pages": (given.min_pages, given.max_pages),
        "session_seconds": (given.min_seconds, given.max_seconds),
    }
    for name, (least, most) in bounds.items():
        if least is not None:
            yield Attribute(name, Operator.GTE, least)
        if most is not None:
            yield Attribute(name, Operator.LTE, most)
    for name, values in (("entry_page", given.entry_pages), ("referrer", given.referrers)):
        if values is not None:
            yield Attribute(name, Operator.IN, tuple(_some(values, f"behavioral.session_behavior.{name}s") or ()))
    if given.returning is not None:
        yield Attribute("returning", Operator.EQ, given.returning)


def _custom(given: TargetingIn, rules: Sequence[CustomIn]) -> Condition:
    parts = []
    for i, rule in enumerate(rules):
        document = {"attribute": rule.field, "op": rule.operator}
        if rule.value is not None:
            document["value"] = rule.value
        parts.append(_parsed(document, f"custom[{i}]").to_document())
    if given.threshold is None:
        weighted = [i for i, rule in enumerate(rules) if rule.weight is not None]
        if weighted:
            raise InvalidInput(
                f"targeting.custom[{weighted[0]}].weight", rules[weighted[0]].weight, "a threshold with it"
            )
        return _parsed({given.operator: parts}, "custom")
    lines = [{"weight": 1.0 if r.weight is None else r.weight, "if": p} for r, p in zip(rules, parts, strict=True)]
    return _parsed({"score": {"at_least": given.threshold, "of": lines}}, "custom")


def _one_of(given: Payload, group: str) -> Iterator[Condition]:
    for field, attribute in _LISTS[group].items():
        values = _some(getattr(given, field), f"{group}.{field}".lstrip("."))
        if values is not None:
            yield Attribute(attribute, Operator.IN, tuple(values))


def _some(values: list[Any] | None, field: str) -> list[Any] | None:
    if values is not None and not values:
        raise InvalidInput(f"targeting.{field}", values, "at least one value (leave it out for everyone)")
    return values


def _parsed(document: dict[str, Any], path: str = "") -> Condition:
    ((word, inner),) = document.items() if len(document) == 1 else ((None, document),)
    if isinstance(inner, dict):
        cleaned = {name: value for name, value in inner.items() if value is not None}
        document = cleaned if word is None else {word: cleaned}
    return parse_condition(document, f"targeting.{path}".rstrip("."))
