"""Settings of what is taken: how much, of whom, and how its units are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from assay.errors import InvalidInput
from assay.service.filtering import Filters

_SHORTEST_KEY = 16
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def intake_settings(env: Mapping[str, str]) -> dict[str, Any]:
    """Those of the fields of Settings that the environment gives; raises InvalidInput naming the variable."""
    found: dict[str, Any] = {}
    for name, high in (("MAX_WAITING_EVENTS", 10_000_000), ("MAX_WAITING_BYTES", 2**33)):
        if name in env:
            found[name.lower()] = int(number(name, env[name], 1, high))
    if "UNIT_EVENTS_PER_SECOND" in env:
        found["unit_events_per_second"] = number("UNIT_EVENTS_PER_SECOND", env["UNIT_EVENTS_PER_SECOND"], 0, 1_000_000)
    if "UNIT_HASH_KEY" in env:
        found["unit_hash_key"] = _key("UNIT_HASH_KEY", env["UNIT_HASH_KEY"])
    return found | {"filters": _filters(env)}


def _key(name: str, text: str) -> str:
    if text and len(text) < _SHORTEST_KEY:
        # Not quoted: it is a secret.
        raise InvalidInput(name, f"{len(text)} characters", f"at least {_SHORTEST_KEY} characters, or nothing")
    return text


def _filters(env: Mapping[str, str]) -> Filters:
    units = _items(env.get("INTERNAL_UNITS", ""))
    return Filters(
        bots=_switch("FILTER_BOTS", env.get("FILTER_BOTS", "true")),
        units=frozenset(unit for unit in units if not unit.endswith("*")),
        prefixes=tuple(unit[:-1] for unit in units if unit.endswith("*")),
        properties=tuple(_property(item) for item in _items(env.get("INTERNAL_PROPERTIES", ""))),
        networks=tuple(_network(item) for item in _items(env.get("INTERNAL_NETWORKS", ""))),
    )


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def _switch(name: str, text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise InvalidInput(name, text, "true or false")
    return text.lower() in _YES


def _property(item: str) -> tuple[str, Any]:
    name, equals, value = item.partition("=")
    if not name or not equals:
        raise InvalidInput("INTERNAL_PROPERTIES", item, "names with values, like internal=true,team=qa")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _network(item: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(item)
    except ValueError:
        accepted = "networks like 10.0.0.0/8 or 2001:db8::/32, or addresses"
        raise InvalidInput("INTERNAL_NETWORKS", item, accepted) from None


def number(name: str, text: str, low: float, high: float) -> float:
    """The number that a variable gives, within bounds."""
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise InvalidInput(name, text, f"a number from {low:,g} to {high:,g}")
    return value
