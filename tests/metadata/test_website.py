"""Website metadata: what is accepted, what is refused by name, and there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.metadata import Image, InvalidMetadata, OpenGraph, WebsiteMetadata

FULL: dict[str, Any] = {
    "title": "Running shoes for wet days",
    "description": "Light, dry, mended for free.",
    "canonical_url": "https://shop.example/shoes",
    "language": "en-GB",
    "robots": ["index", "max-snippet:160"],
    "keywords": ["shoes", "rain"],
    "favicon": "/icon.svg",
    "theme_color": "#0a7",
    "open_graph": {
        "title": "Dry feet",
        "description": "In any weather",
        "type": "product.item",
        "url": "https://shop.example/shoes",
        "site_name": "Shop",
        "locale": "en_GB",
        "images": [{"url": "https://shop.example/a.png", "width": 1200, "height": 630, "alt": "A shoe in a puddle"}],
    },
    "twitter": {
        "card": "summary_large_image",
        "title": "Dry feet",
        "description": "In any weather",
        "site": "@shop",
        "creator": "@anna",
        "image": {"url": "https://shop.example/b.png", "alt": "A shoe"},
    },
    "json_ld": [{"@context": "https://schema.org", "@type": "Product", "offers": [{"price": 89.5}]}],
    "meta": [{"content": "width=device-width", "name": "viewport"}, {"content": "1", "property": "shop:rank"}],
    "headline": "Rain? Run.",
    "subheadline": "Shoes that stay dry",
    "call_to_action": {"text": "Try them", "url": "/try", "color": "white", "background": "rgb(0, 120, 90)"},
    "images": {"hero": {"url": "/hero.jpg", "width": 1600, "height": 900, "alt": "A runner"}},
    "theme": "autumn",
    "colors": {"primary": "#006655", "accent": "hsl(20 90% 50% / 0.5)"},
    "typography": {
        "family": "Inter, sans-serif",
        "heading_family": "Lora",
        "size": 16.5,
        "weight": 400,
        "line_height": 1.5,
        "letter_spacing": 0.02,
    },
    "layout": {"template": "two-columns", "columns": 2, "max_width": 1200, "gap": 24, "direction": "row"},
    "filters": [{"kind": "blur", "amount": 2}, {"kind": "hue-rotate", "amount": -90}],
    "animations": [{"name": "fade", "duration_ms": 300, "delay_ms": 50, "easing": "ease-in", "repeat": 1}],
    "features": {"reviews": True, "columns": 3, "badge": "new"},
    "custom": {"anything": {"deep": [1, None, "x"]}},
}


def test_the_full_example_names_every_field_and_comes_back_as_it_went() -> None:
    found = WebsiteMetadata.from_config(FULL)
    assert found.to_config() == FULL
    assert set(FULL) == set(WebsiteMetadata.__dataclass_fields__)
    assert WebsiteMetadata.from_config(json.loads(json.dumps(found.to_config()))) == found


def test_the_builder_says_the_same_as_the_config() -> None:
    built = (
        WebsiteMetadata.builder()
        .title("Running shoes for wet days")
        .description("Light, dry, mended for free.")
        .canonical_url("https://shop.example/shoes")
        .language("EN-gb")
        .robots("Index", "max-snippet:160")
        .keywords("shoes", "rain")
        .favicon("/icon.svg")
        .theme_color("#0a7")
        .open_graph(
            title="Dry feet",
            description="In any weather",
            type="product.item",
            url="https://shop.example/shoes",
            site_name="Shop",
            locale="en_GB",
            image=Image(url="https://shop.example/a.png", width=1200, height=630, alt="A shoe in a puddle"),
        )
        .twitter(
            title="Dry feet",
            description="In any weather",
            site="shop",
            creator="@anna",
            image={"url": "https://shop.example/b.png", "alt": "A shoe"},
        )
        .json_ld({"@context": "https://schema.org", "@type": "Product", "offers": [{"price": 89.5}]})
        .meta("width=device-width", name="viewport")
        .meta("1", property="shop:rank")
        .headline("Rain? Run.", "Shoes that stay dry")
        .call_to_action("Try them", url="/try", color="white", background="rgb(0, 120, 90)")
        .image("hero", "/hero.jpg", width=1600, height=900, alt="A runner")
        .theme("autumn")
        .color("primary", "#006655")
        .color("accent", "hsl(20 90% 50% / 0.5)")
        .typography(
            family="Inter, sans-serif",
            heading_family="Lora",
            size=16.5,
            weight=400,
            line_height=1.5,
            letter_spacing=0.02,
        )
        .layout("two-columns", columns=2, max_width=1200, gap=24, direction="row")
        .filter("blur", 2)
        .filter("hue-rotate", -90)
        .animation("fade", 300, delay_ms=50, easing="ease-in", repeat=1)
        .feature("reviews")
        .feature("columns", 3)
        .feature("badge", "new")
        .custom("anything", {"deep": [1, None, "x"]})
        .build()
    )
    assert built.to_config() == FULL


def test_short_forms_stand_for_long_ones() -> None:
    found = WebsiteMetadata.from_config(
        {
            "open_graph": {"images": "https://a.example/x.png"},
            "call_to_action": "Buy",
            "robots": "noindex, nofollow",
            "keywords": "one",
        }
    )
    assert found.open_graph == OpenGraph(images=(Image(url="https://a.example/x.png"),))
    assert found.call_to_action is not None
    assert found.call_to_action.text == "Buy"
    assert (found.robots, found.keywords) == (("noindex", "nofollow"), ("one",))


def test_null_says_that_a_field_is_left_out() -> None:
    empty = WebsiteMetadata.from_config(dict.fromkeys(FULL))
    assert empty == WebsiteMetadata()
    assert (empty.images, empty.robots, empty.title) == ({}, (), None)


def test_nothing_at_all_is_metadata_that_changes_nothing() -> None:
    assert WebsiteMetadata.from_config({}).to_config() == {}


def test_everything_that_is_wrong_is_named_with_what_was_given_and_what_is_accepted() -> None:
    builder = (
        WebsiteMetadata.builder()
        .title("")
        .open_graph(images=["https://ok.example/a.png", "javascript:alert(1)"], locale="german")
        .twitter("poster")
        .color("primary", "greenish")
        .filter("blur", 101)
        .feature("limit", float("nan"))
    )
    with pytest.raises(InvalidMetadata) as caught:
        builder.build()
    problems = {item.field: (item.given, item.accepted) for item in caught.value.problems}
    assert set(problems) == {
        "title",
        "open_graph.images[1].url",
        "open_graph.locale",
        "twitter.card",
        "colors.primary",
        "filters[0].amount",
        "features.limit",
    }
    assert problems["filters[0].amount"] == ("101", "for blur a number from 0 to 100")
    assert problems["open_graph.images[1].url"][0] == '"javascript:alert(1)"'
    assert caught.value.field == "title"
    for field in problems:
        assert f"{field}: given" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "field", "accepted"),
    [
        ({"titel": "x"}, "titel", "one of the fields title"),
        ({"title": 5}, "title", "1 to 200 characters"),
        ({"title": "x" * 201}, "title", "at most 200 characters"),
        ({"title": "two\nlines"}, "title", "one line"),
        ({"title": "bell\x07"}, "title", "control characters"),
        ({"title": "\u200b "}, "title", "one line of text"),
        ({"canonical_url": "ftp://a.example"}, "canonical_url", "http:// or https://"),
        ({"canonical_url": "//evil.example/x"}, "canonical_url", "relative to the page"),
        ({"canonical_url": "https:evil.example"}, "canonical_url", "http:// or https://"),
        ({"canonical_url": "https://a.example:port/"}, "canonical_url", "http:// or https://"),
        ({"canonical_url": "https://[::1/"}, "canonical_url", "http:// or https://"),
        ({"canonical_url": "https://anna:secret@a.example"}, "canonical_url", "without user or password"),
        ({"canonical_url": "java\tscript:alert(1)"}, "canonical_url", "without spaces"),
        ({"canonical_url": "1:2"}, "canonical_url", "relative to the page"),
        ({"favicon": "data:image/png;base64,AAAA"}, "favicon", "http:// or https://"),
        ({"favicon": "/" + "a" * 2_000}, "favicon", "at most 2,000"),
        ({"open_graph": {"url": "/shoes"}}, "open_graph.url", "cannot resolve a relative one"),
        ({"open_graph": {"images": [{}]}}, "open_graph.images[0].url", "http:// or https://"),
        (
            {"open_graph": {"images": [{"url": "https://a.example", "width": 0}]}},
            "open_graph.images[0].width",
            "1 to 20,000 pixels",
        ),
        ({"open_graph": {"images": ["https://a.example"] * 11}}, "open_graph.images", "at most 10"),
        ({"open_graph": "x"}, "open_graph", "an object"),
        ({"open_graph": {"type": "cat"}}, "open_graph.type", "article"),
        ({"twitter": {"site": "shop"}}, "twitter.card", "summary"),
        ({"twitter": {"card": "summary", "site": "@a b"}}, "twitter.site", "@assay"),
        ({"language": "english"}, "language", "de, en-GB"),
        ({"robots": ["index", "noindex"]}, "robots", "not index beside noindex"),
        ({"robots": ["indx"]}, "robots[0]", "noindex"),
        ({"keywords": ["a, b"]}, "keywords[0]", "without a comma"),
        ({"keywords": ["a"] * 51}, "keywords", "at most 50"),
        ({"theme_color": "#12345"}, "theme_color", "#1a2b3c"),
        ({"theme_color": "red;background:url(x)"}, "theme_color", "#1a2b3c"),
        ({"json_ld": [{"@type": "Thing"}]}, "json_ld[0]", "@context"),
        ({"json_ld": [{"@context": "x", "@type": "T", "n": float("inf")}]}, "json_ld[0]", "finite"),
        ({"json_ld": [{"@context": "x", "@type": "T", "n": "x" * 40_000}]}, "json_ld[0]", "at most 32,768 bytes"),
        ({"meta": [{"content": "x"}]}, "meta[0].name", "either a name or a property"),
        ({"meta": [{"content": "x", "name": "a", "property": "b"}]}, "meta[0].name", "either"),
        ({"meta": [{"content": "x", "name": "Robots"}]}, "meta[0].name", "no field of its own"),
        ({"meta": [{"content": "x", "property": "og:title"}]}, "meta[0].property", "open_graph"),
        ({"meta": [{"content": "x", "name": "a", "http-equiv": "refresh"}]}, "meta[0].http-equiv", "content, name"),
        ({"call_to_action": {"text": "x", "url": "javascript:x"}}, "call_to_action.url", "http://"),
        ({"colors": {"two words": "red"}}, "colors", "A-Z a-z"),
        ({"typography": {"weight": 1_001}}, "typography.weight", "1 to 1,000"),
        ({"typography": {"family": "x; } body { color: red"}}, "typography.family", "names of fonts"),
        ({"layout": {"columns": True}}, "layout.columns", "whole number"),
        ({"filters": [{"kind": "blur"}]}, "filters[0].amount", "a number"),
        ({"animations": [{"name": "x", "duration_ms": 60_001}]}, "animations[0].duration_ms", "60,000 milliseconds"),
        ({"features": {"x": None}}, "features.x", "true, false"),
        ({"features": {"x": 10**400}}, "features.x", "2^53"),
        ({"custom": {"x": {1, 2}}}, "custom.x", "JSON"),
        ({"custom": {"x": "\ud800"}}, "custom.x", "JSON"),
        ({"custom": {"x": {1: 2}}}, "custom.x", "names that are text"),
        ([], "config", "an object"),
        ({"title": {}}, "title", "1 to 200 characters"),
        ({"title": ()}, "title", "1 to 200 characters"),
        ({"keywords": {}}, "keywords[0]", "1 to 100 characters"),
        ({"images": []}, "images", "an object"),
        ({"open_graph": []}, "open_graph", "an object"),
    ],
)
def test_what_is_refused(config: Any, field: str, accepted: str) -> None:
    with pytest.raises(InvalidMetadata) as caught:
        WebsiteMetadata.from_config(config)
    assert [item.field for item in caught.value.problems] == [field]
    assert accepted in caught.value.accepted


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "http://a.example:8080/x?y=1&z=2#t",
        "HTTPS://A.example/ü",
        "/x",
        "x/y:z",
        "../x",
        "?q=a:b",
        "#top",
        "http://[::1]/",
    ],
)
def test_addresses_that_are_accepted(url: str) -> None:
    assert WebsiteMetadata(canonical_url=url).canonical_url == url


@pytest.mark.parametrize(
    ("given", "kept"), [("DE", "de"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("en-gb", "en-GB")]
)
def test_languages_are_kept_in_their_usual_case(given: str, kept: str) -> None:
    assert WebsiteMetadata(language=given).language == kept


@pytest.mark.parametrize("colour", ["#fff", "#FFFFFF80", "rgba(0, 0, 0, .5)", "rgb(10% 20% 30%)", "RebeccaPurple"])
def test_colours_that_are_accepted(colour: str) -> None:
    assert WebsiteMetadata(theme_color=colour).to_config()["theme_color"].lower() == colour.lower()


def test_nested_too_deep_is_refused_not_followed() -> None:
    deep: Any = "x"
    for _ in range(3_000):
        deep = [deep]
    with pytest.raises(InvalidMetadata) as caught:
        WebsiteMetadata(custom={"x": deep})
    assert "at most 20 deep" in caught.value.accepted
