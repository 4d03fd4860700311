"""Settings of what is taken: read, or refused by the variable's name."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from assay.app.settings import Settings
from assay.errors import InvalidInput
from assay.service.filtering import Filters
from assay.service.intake import Room


def test_all_of_them() -> None:
    found = Settings.from_environment(
        {
            "MAX_WAITING_EVENTS": "500",
            "MAX_WAITING_BYTES": "1e6",
            "UNIT_EVENTS_PER_SECOND": "0",
            "UNIT_HASH_KEY": "sixteen letters!",
            "FILTER_BOTS": "No",
            "INTERNAL_UNITS": "boss, qa-*,",
            "INTERNAL_PROPERTIES": "internal=true, team=qa, level=3",
            "INTERNAL_NETWORKS": "10.0.0.0/8,::1",
        }
    )
    assert (found.max_waiting_events, found.max_waiting_bytes, found.unit_events_per_second) == (500, 1_000_000, 0)
    assert found.unit_hash_key == "sixteen letters!"
    assert found.filters == Filters(
        bots=False,
        units=frozenset({"boss"}),
        prefixes=("qa-",),
        properties=(("internal", True), ("team", "qa"), ("level", 3)),
        networks=(ip_network("10.0.0.0/8"), ip_network("::1/128")),
    )
    assert "sixteen" not in repr(found)


def test_the_defaults() -> None:
    default = Settings()
    assert Settings.from_environment({}) == default
    assert Room(default.max_waiting_events, default.max_waiting_bytes) == Room()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_WAITING_EVENTS", "0"),
        ("MAX_WAITING_BYTES", "many"),
        ("UNIT_EVENTS_PER_SECOND", "-1"),
        ("FILTER_BOTS", "perhaps"),
        ("INTERNAL_PROPERTIES", "internal"),
        ("INTERNAL_NETWORKS", "10.0.0.1/8"),
        ("INTERNAL_NETWORKS", "office"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=name) as caught:
        Settings.from_environment({name: value})
    assert value in str(caught.value)


def test_a_short_key_is_refused_without_being_told() -> None:
    with pytest.raises(InvalidInput, match="6 characters") as caught:
        Settings.from_environment({"UNIT_HASH_KEY": "secret"})
    assert "secret" not in str(caught.value)
