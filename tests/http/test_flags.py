"""Decisions as flags, without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from assay.assignment.flags import value_of
from assay.http.etags import etag_of, matches
from assay.http.flags import encoded_failure, encoded_flag, encoded_flags, flag_of
from assay.model.decision import Decision, Reason
from assay.model.experiment import Variant

CONTROL = Variant(key="a", control=True, config={"value": "blue"})
STANDARD = {"STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "CACHED", "DISABLED", "UNKNOWN", "ERROR"}


def decided(reason: Reason, variant: str | None = None, config: Mapping[str, Any] | None = None) -> Decision:
    return Decision("checkout", variant, variant, config, reason, version=3)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_unit_without_a_variant_has_the_controls_value(reason: Reason) -> None:
    flag = flag_of(decided(reason), CONTROL)
    assert (flag.value, flag.variant) == ("blue", "default")
    assert flag.reason in STANDARD
    assert flag.metadata == {"reason": reason.value, "version": 3, "experiment": "checkout"}


@pytest.mark.parametrize(
    ("reason", "standard"),
    [
        (Reason.ASSIGNED, "SPLIT"),
        (Reason.FORCED, "TARGETING_MATCH"),
        (Reason.NOT_RUNNING, "DISABLED"),
        (Reason.NOT_IN_AUDIENCE, "DEFAULT"),
        (Reason.NOT_IN_TRAFFIC, "DEFAULT"),
        (Reason.IN_HOLDOUT, "DEFAULT"),
        (Reason.NOT_IN_LAYER, "DEFAULT"),
        (Reason.DENIED, "DEFAULT"),
        (Reason.PREREQUISITE_NOT_MET, "DEFAULT"),
        (Reason.ERROR, "ERROR"),
    ],
)
def test_reasons_in_the_words_of_the_standard(reason: Reason, standard: str) -> None:
    assert flag_of(decided(reason), CONTROL).reason == standard


@pytest.mark.parametrize("reason", [Reason.ASSIGNED, Reason.FORCED])
def test_a_unit_with_a_variant_has_its_value(reason: Reason) -> None:
    flag = flag_of(decided(reason, "b", {"value": "green"}), CONTROL)
    assert (flag.value, flag.variant) == ("green", "b")


@pytest.mark.parametrize(
    ("config", "value"),
    [
        ({"value": True}, True),
        ({"value": False}, False),
        ({"value": 0}, 0),
        ({"value": ""}, ""),
        ({"value": {"size": 1}}, {"size": 1}),
        ({"value": 1, "unit": "px"}, {"value": 1, "unit": "px"}),
        ({"size": 1}, {"size": 1}),
        ({"value": None}, {"value": None}),
        ({}, "green"),
    ],
)
def test_what_a_config_says_as_a_flag(config: Mapping[str, Any], value: Any) -> None:
    given = value_of("green", config)
    assert given == value
    assert type(given) is type(value)


@pytest.mark.parametrize(
    ("value", "text"), [(1, b"1"), (1.0, b"1.0"), (-0.0, b"-0.0"), (1e22, b"1e22"), ([2.0, 2], b"[2.0,2]")]
)
def test_numbers_keep_their_kind(value: Any, text: bytes) -> None:
    encoded = encoded_flag(flag_of(decided(Reason.ASSIGNED, "b", {"value": value}), CONTROL))
    assert b'"value":' + text + b"," in encoded


def test_failures_have_a_key_when_they_are_about_a_flag() -> None:
    assert json.loads(encoded_failure("a", "GENERAL", "why")) == {
        "key": "a",
        "errorCode": "GENERAL",
        "errorDetails": "why",
    }
    assert json.loads(encoded_failure(None, "GENERAL", "why")) == {"errorCode": "GENERAL", "errorDetails": "why"}
    assert json.loads(encoded_failure("", "FLAG_NOT_FOUND", "why"))["key"] == ""


def test_no_flags_are_an_empty_list() -> None:
    assert json.loads(encoded_flags([]))["flags"] == []


def test_an_entity_tag_follows_the_content() -> None:
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")
    assert etag_of(b"a")[0] == etag_of(b"a")[-1] == '"'


@pytest.mark.parametrize("given", ['"ab"', 'W/"ab"', "ab", '"x", "ab"', "*", ' W/"x" ,W/"ab" '])
def test_tags_that_match(given: str) -> None:
    assert matches('"ab"', given)


@pytest.mark.parametrize("given", ["", '"abc"', "b", '"x","y"', "W/"])
def test_tags_that_do_not(given: str) -> None:
    assert not matches('"ab"', given)
