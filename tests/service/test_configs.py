"""Configs against their schema: what is refused, under which name, and that no schema keeps the server busy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from assay.errors import InvalidInput
from assay.metadata import InvalidMetadata
from assay.model.experiment import Variant
from assay.service.config_patterns import read_pattern
from assay.service.config_schema import MAX_BYTES, read_schema
from assay.service.config_validation import MAX_STEPS, Budget, check_value
from assay.service.configs import check_configs


def variants(*configs: Any) -> list[Variant]:
    return [Variant(key=f"v{i}", config=config) for i, config in enumerate(configs)]


def refusal(schema: Any, *configs: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        check_configs(schema, variants(*configs))
    return caught.value


PAGE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://shop.example/page",
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 2, "maxLength": 10},
        "columns": {"anyOf": [{"type": "integer"}, {"enum": ["auto"]}]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "uniqueItems": True, "maxItems": 3},
        "code": {"pattern": "^[a-z]{2}$"},
        "never": False,
        "price": {"exclusiveMinimum": 0, "multipleOf": 0.5},
    },
    "patternProperties": {"^x_": {"type": "boolean"}},
    "required": ["title"],
    "additionalProperties": False,
    "x-owner": {"team": "web"},
    "$defs": {"item": {"type": "object", "required": ["id"], "properties": {"id": {"$anchor": "id", "minimum": 1}}}},
}


def test_configs_that_fit_are_accepted() -> None:
    whole = {"title": "Shoes", "columns": "auto", "items": [{"id": 1}, {"id": 2}], "code": "ab", "x_a": True}
    check_configs(PAGE, variants({"title": "ab"}, whole, {"title": "ab", "columns": 2, "price": 1.5}))
    check_configs(PAGE, [])
    check_configs(None, variants({"anything": object}))


@pytest.mark.parametrize(
    ("config", "field", "given_value", "accepted"),
    [
        ({}, "title", "null", "the schema requires the field"),
        ({"title": 5}, "title", "5", "text"),
        ({"title": "a"}, "title", '"a"', "text of at least 2 characters"),
        ({"title": "a" * 11}, "title", '"aaaaaaaaaaa"', "text of at most 10 characters"),
        ({"title": "ab", "columns": "two"}, "columns", '"two"', 'a whole number, or one of "auto"'),
        ({"title": "ab", "items": [{"id": 1}, {}]}, "items[1].id", "null", "the schema requires the field"),
        ({"title": "ab", "items": [{"id": 0}]}, "items[0].id", "0", "a number from 1 on"),
        ({"title": "ab", "items": [{"id": 1}, {"id": 1.0}]}, "items", '[{"id": 1}, {"id": 1.0}]', "without doubles"),
        ({"title": "ab", "items": {}}, "items", "{}", "a list"),
        ({"title": "ab", "items": [{"id": i} for i in range(1, 5)]}, "items", None, "a list of at most 3"),
        ({"title": "ab", "code": "ab\n"}, "code", '"ab\\n"', "text that matches ^[a-z]{2}$"),
        ({"title": "ab", "never": 1}, "never", "1", "anything but what the schema excludes"),
        ({"title": "ab", "price": 0}, "price", "0", "a number above 0"),
        ({"title": "ab", "price": 0.7}, "price", "0.7", "a multiple of 0.5"),
        ({"title": "ab", "x_a": 1}, "x_a", "1", "true or false"),
        ({"title": "ab", "tittle": 1}, "tittle", "1", "only the fields the schema knows: title, columns"),
    ],
)
def test_a_config_that_does_not_fit_is_named(config: Any, field: str, given_value: str | None, accepted: str) -> None:
    error = refusal(PAGE, {"title": "fine"}, config)
    assert error.field == f"variants[1].config.{field}"
    assert given_value in (None, error.given)
    assert accepted in error.accepted


@pytest.mark.parametrize(
    ("schema", "config", "field", "accepted"),
    [
        ({"minProperties": 1}, {}, "", "an object with at least 1 fields"),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {}, "", "an object with a, or an object with b"),
        ({"oneOf": [{}, {"type": "object"}]}, {}, "", "exactly one of 2 alternatives of the schema: several fit"),
        ({"anyOf": [{"properties": {"a": {"const": 1}}}, {"required": ["b"]}]}, {"a": 2}, ".a", "or another of 2"),
        ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, "", "names of fields that are text that matches ^a"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ".b", "requires the field"),
        ({"dependentSchemas": {"a": {"maxProperties": 1}}}, {"a": 1, "b": 1}, "", "at most 1 fields"),
        ({"properties": {"a": {"prefixItems": [{}], "items": False}}}, {"a": [1, 2]}, ".a", "without further items"),
        ({"properties": {"a": {"contains": {"const": 3}}}}, {"a": [1]}, ".a", "some item fits"),
        ({"properties": {"a": {"contains": {"const": 3}, "maxContains": 1}}}, {"a": [3, 3]}, ".a", "at most 1 items"),
        ({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False}, {"b": 1}, "", "without further"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, ".b", "requires the field"),
        ({"properties": {"a": {"const": {"x": 1}}}}, {"a": {"x": 2}}, ".a", '{"x": 1}'),
    ],
)
def test_every_kind_of_demand_has_its_words(schema: Any, config: Any, field: str, accepted: str) -> None:
    error = refusal(schema, config)
    assert error.field == f"variants[0].config{field}"
    assert accepted in error.accepted


@pytest.mark.parametrize(
    ("schema", "field", "accepted"),
    [
        ("website", "config_schema", "'website_metadata'"),
        ("", "config_schema", "'website_metadata'"),
        ({"type": "sting"}, "config_schema.type", '"string"'),
        ({"properties": {"a": {"minLength": -1}}}, "config_schema.properties.a.minLength", "a number from 0 on"),
        ({"allOf": [{}, {"required": "a"}]}, "config_schema.allOf[1].required", "a list"),
        ({"propertes": {}}, "config_schema.propertes", "a keyword of draft 2020-12"),
        ({"items": {"nullable": True}}, "config_schema.items.nullable", "one that begins x-"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "config_schema.$schema", "2020-12"),
        ({"properties": {"a": {"$id": "b"}}}, "config_schema.properties.a.$id", "only at the top"),
        ({"items": {"$schema": "x:y"}}, "config_schema.items.$schema", "only at the top"),
        ({"$ref": "https://evil.example/schema"}, "config_schema.$ref", "nothing is fetched"),
        ({"items": {"$ref": "file:///etc/passwd#/a"}}, "config_schema.items.$ref", "nothing is fetched"),
        ({"$ref": "#/$defs/none"}, "config_schema.$ref", "a part of this schema"),
        ({"$ref": "#none"}, "config_schema.$ref", "a part of this schema"),
        ({"$ref": "#/enum/0", "enum": [{"pattern": "(a+)+"}]}, "config_schema.$ref", "a part of this schema"),
        ({"$dynamicRef": "other#x"}, "config_schema.$dynamicRef", "a part of this schema"),
        ({"properties": {"a": {"pattern": "(a+)+"}}}, "config_schema.properties.a.pattern", "groups repeated"),
        ({"patternProperties": {"(?=a)": {}}}, "config_schema.patternProperties.(?=a)", "something before '?'"),
        ({"pattern": "a?" * 40}, "config_schema.pattern", "fewer ways to be tried"),
        ({"description": "x" * MAX_BYTES}, "config_schema", "at most 65,536 bytes"),
        ({"allOf": [{}] * 3_000}, "config_schema", "at most 3,000 objects and lists"),
        ({"const": float("nan")}, "config_schema", "which is JSON"),
    ],
)
def test_a_schema_that_is_none_is_refused_before_any_config(schema: Any, field: str, accepted: str) -> None:
    error = refusal(schema)
    assert error.field == field
    assert accepted in error.accepted


def test_a_schema_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(51):
        schema = {"not": schema}
    assert "nested at most 50 deep" in refusal(schema).accepted


def test_references_inside_the_schema_are_followed_by_path_and_by_anchor() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/a~1b%25"}, "n": {"$ref": "#n"}, "next": {"$ref": "#"}},
        "$defs": {"a/b%": {"type": "integer"}, "n": {"$anchor": "n", "type": "boolean"}},
    }
    check_configs(schema, variants({"a": 1, "n": True, "next": {"next": {"a": 2}}}))
    assert refusal(schema, {"next": {"next": {"a": "x"}}}).field == "variants[0].config.next.next.a"
    assert refusal(schema, {"n": 1}).field == "variants[0].config.n"


CLOSED = {"unevaluatedProperties": False}


def doubling(last: dict[str, Any], join: Any) -> dict[str, Any]:
    """A small schema that says the same thing 2^40 times."""
    definitions = {"s0": last} | {f"s{i + 1}": join({"$ref": f"#/$defs/s{i}"}) for i in range(40)}
    return {"$ref": "#/$defs/s40", "$defs": definitions}


@pytest.mark.parametrize(
    ("schema", "config"),
    [
        (doubling({}, lambda ref: {"allOf": [ref, ref]}), {}),
        (doubling({}, lambda ref: {"anyOf": [{"not": ref}, ref]}), {}),
        (doubling({}, lambda ref: {"dependentSchemas": {"x": ref, "y": ref}}) | CLOSED, {"x": 1, "y": 1}),
        (CLOSED | doubling({}, lambda ref: {"dependentSchemas": {"x": ref, "y": ref}}), {"x": 1, "y": 1}),
        ({"properties": {"a": {"items": {"pattern": "^.*.*z"}}}}, {"a": ["a" * 9_000] * 9}),
        ({"properties": {"a": {"items": {"enum": [str(i) for i in range(5_000)]}}}}, {"a": ["z"] * 5_000}),
        ({"properties": {"a": {"unevaluatedItems": False, "contains": {"const": 1}}}}, {"a": [2] * 5_000}),
    ],
)
def test_a_schema_that_would_keep_the_server_busy_is_given_up(schema: Any, config: Any) -> None:
    error = refusal(schema, config)
    assert error.field == "config_schema"
    assert f"fewer than {MAX_STEPS:,} steps" in error.accepted


def test_work_is_counted_over_all_configs_of_an_experiment() -> None:
    schema = read_schema({"additionalProperties": {"type": "integer"}})
    budget = Budget({}, steps=1_000)
    check_value(schema, {"a": 1}, "config", budget)
    once = 1_000 - budget.left
    check_value(schema, {"a": 1}, "config", budget)
    assert 0 < once == (1_000 - budget.left) / 2
    check_value(schema, {"a": 1}, "config", Budget({}, steps=once))
    with pytest.raises(InvalidInput, match="steps to check; config took more"):
        check_value(schema, {"a": 1}, "config", Budget({}, steps=once - 1))


def test_a_circle_of_references_is_refused() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    error = refusal(schema, {})
    assert (error.field, "come to an end" in error.accepted) == ("config_schema", True)


@pytest.mark.parametrize(
    ("pattern", "ways", "unbound"),
    [
        ("^[a-z]{2}$", 1, 0),
        ("^(DE|AT|CH)$", 3, 0),
        ("a?b?", 4, 0),
        ("a{2,5}(?:b|c{0,1})x*", 4 * 3, 1),
        (r"[?*+{|}]\?\{2\}", 1, 0),
    ],
)
def test_the_ways_of_a_pattern(pattern: str, ways: int, unbound: int) -> None:
    found = read_pattern(pattern, "pattern")
    assert (found.ways, found.unbound) == (ways, unbound)


def test_a_pattern_of_many_words_is_accepted() -> None:
    words = "|".join(f"{a}{b}" for a in "abcdefgh" for b in "xyz")
    check_configs({"properties": {"a": {"pattern": f"^({words})$"}}}, variants({"a": "hz"}))


def test_a_config_that_is_no_json_or_too_big_is_named() -> None:
    assert "JSON" in refusal({}, {"a": {1, 2}}).accepted
    assert "at most 262,144 bytes" in refusal({}, {"a": "x" * 300_000}).accepted


def test_website_metadata_is_built_in() -> None:
    check_configs("website_metadata", variants({}, {"title": "Shoes", "theme_color": "teal"}))
    error = refusal("website_metadata", {}, {"title": "Shoes", "theme_color": "tael", "open_graph": {"url": "/"}})
    assert isinstance(error, InvalidMetadata)
    wrong = [problem.field for problem in error.problems]
    assert wrong == ["variants[1].config.theme_color", "variants[1].config.open_graph.url"]
    assert error.field == wrong[0]


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", 1.0, 0.5])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
SCHEMAS = st.recursive(
    st.booleans()
    | st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "object", "array", "null", "boolean", "number"]),
            "enum": st.lists(VALUES, max_size=3),
            "const": VALUES,
            "uniqueItems": st.booleans(),
            "maximum": st.integers(-2, 2),
            "minLength": st.integers(0, 2),
            "pattern": st.sampled_from(["^a$", "b", "a|b"]),
            "required": st.lists(st.sampled_from("abc"), unique=True),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "patternProperties": st.dictionaries(st.sampled_from(["^a$", "[bc]"]), inner, max_size=2),
            "additionalProperties": inner,
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
            "items": inner,
            "contains": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    ),
    max_leaves=6,
)


@given(SCHEMAS.filter(lambda schema: isinstance(schema, dict)), st.dictionaries(st.sampled_from("abc"), VALUES))
def test_counting_changes_no_verdict(schema: dict[str, Any], config: dict[str, Any]) -> None:
    fits = Draft202012Validator(json.loads(json.dumps(schema))).is_valid(config)
    try:
        check_configs(schema, variants(config))
    except InvalidInput as error:
        refused: InvalidInput | None = error
    else:
        refused = None
    assert (refused is None) == fits, refused
    assert refused is None or refused.field.startswith("variants[0].config")
