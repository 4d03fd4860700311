"""Tags for a head: what they say, and that no text breaks out of them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.metadata import InvalidMetadata, WebsiteMetadata, head_tags, html_attributes
from tests.metadata.test_website import FULL


class Reader(HTMLParser):
    """A page's tags with their attributes, and the text inside each."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self.ends: list[str] = []
        self.other: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)

    def handle_data(self, data: str) -> None:
        if data != "\n":
            self.texts[len(self.tags) - 1] = self.texts.get(len(self.tags) - 1, "") + data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def contents(reader: Reader, key: str) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for tag, attributes in reader.tags:
        name = attributes.get(key)
        if tag == "meta" and name is not None:
            found.setdefault(name, []).append(attributes["content"])
    return found


def test_every_tag_of_the_full_example() -> None:
    reader = read(head_tags(FULL))
    assert reader.texts[0] == FULL["title"]
    assert contents(reader, "name") == {
        "description": ["Light, dry, mended for free."],
        "keywords": ["shoes, rain"],
        "robots": ["index, max-snippet:160"],
        "theme-color": ["#0a7"],
        "twitter:card": ["summary_large_image"],
        "twitter:title": ["Dry feet"],
        "twitter:description": ["In any weather"],
        "twitter:site": ["@shop"],
        "twitter:creator": ["@anna"],
        "twitter:image": ["https://shop.example/b.png"],
        "twitter:image:alt": ["A shoe"],
        "viewport": ["width=device-width"],
    }
    assert contents(reader, "property") == {
        "og:title": ["Dry feet"],
        "og:description": ["In any weather"],
        "og:type": ["product.item"],
        "og:url": ["https://shop.example/shoes"],
        "og:site_name": ["Shop"],
        "og:locale": ["en_GB"],
        "og:image": ["https://shop.example/a.png"],
        "og:image:width": ["1200"],
        "og:image:height": ["630"],
        "og:image:alt": ["A shoe in a puddle"],
        "shop:rank": ["1"],
    }
    links = {a["rel"]: a["href"] for tag, a in reader.tags if tag == "link"}
    assert links == {"canonical": "https://shop.example/shoes", "icon": "/icon.svg"}
    assert reader.tags[-1] == ("script", {"type": "application/ld+json"})
    assert json.loads(reader.texts[len(reader.tags) - 1]) == FULL["json_ld"][0]
    assert html_attributes(FULL) == 'lang="en-GB"'


def test_the_order_does_not_depend_on_the_order_of_the_config() -> None:
    turned = dict(reversed(FULL.items()))
    turned["json_ld"] = [dict(reversed(FULL["json_ld"][0].items()))]
    assert head_tags(turned) == head_tags(FULL)


def test_nothing_gives_nothing() -> None:
    assert (head_tags({}), html_attributes({})) == ("", "")


def test_a_wrong_config_gives_no_tags_but_its_mistakes() -> None:
    with pytest.raises(InvalidMetadata, match="title"):
        head_tags({"title": ["x"]})


NASTY = st.sampled_from(
    [
        "</title>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "]]>",
        '"',
        "'",
        "&lt;",
        "&",
        ">",
        "<",
        "\\",
        "\u202e",
        "é",
        "x",
        " ",
    ]
)
TEXT = st.lists(NASTY, min_size=1, max_size=12).map(lambda parts: "a" + "".join(parts))
ANY_TEXT = st.text(min_size=1, max_size=30) | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1_000, 1_000) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(TEXT, TEXT, TEXT, st.dictionaries(ANY_TEXT, JSON, max_size=4))
def test_no_text_breaks_out(title: str, shared: str, keyword: str, data: dict[str, Any]) -> None:
    item = data | {"@context": "https://schema.org", "@type": "Thing"}
    metadata = (
        WebsiteMetadata.builder()
        .title(title)
        .description(shared)
        .keywords(keyword)
        .open_graph(title=shared, image={"url": "https://a.example/x?a=1&copy=2", "alt": title})
        .twitter(title=shared)
        .meta(title, name="x")
        .json_ld(item)
        .build()
    )
    reader = read(head_tags(metadata))
    assert [tag for tag, _ in reader.tags] == ["title", *["meta"] * 8, "script"]
    assert (reader.ends, reader.other) == (["title", "script"], [])
    assert set(reader.texts) == {0, 9}
    assert reader.texts[0] == title
    assert json.loads(reader.texts[9]) == item
    names, properties = contents(reader, "name"), contents(reader, "property")
    assert (names["description"], names["keywords"], names["x"]) == ([shared], [keyword], [title])
    assert (properties["og:title"], properties["og:image:alt"]) == ([shared], [title])
    assert properties["og:image"] == ["https://a.example/x?a=1&copy=2"]


ADDRESSES = [
    "https://",
    "http:",
    "javascript:",
    "data:",
    "//",
    "/",
    "?",
    "#",
    ":",
    "a.example",
    "@",
    "[",
    "]",
    "\t",
    "é",
]


@given(st.lists(st.sampled_from(ADDRESSES) | st.characters(), max_size=8).map("".join))
def test_an_address_that_is_accepted_is_http_or_relative(url: str) -> None:
    try:
        html = head_tags({"canonical_url": url})
    except InvalidMetadata:
        return
    ((tag, attributes),) = read(html).tags
    assert (tag, attributes) == ("link", {"rel": "canonical", "href": url})
    before, colon, _ = url.partition(":")
    assert not colon or before.lower() in ("http", "https") or any(mark in before for mark in "/?#")
    assert not url.startswith("//")


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "title": ANY_TEXT,
        "language": st.sampled_from(["de", "EN-us", "x"]),
        "keywords": st.lists(ANY_TEXT, max_size=3),
        "theme_color": st.sampled_from(["#abc", "Red", "reddish"]),
        "call_to_action": ANY_TEXT | st.fixed_dictionaries({"text": ANY_TEXT}),
        "features": st.dictionaries(st.sampled_from(["a", "b"]), st.booleans() | st.floats() | ANY_TEXT),
        "custom": st.dictionaries(st.sampled_from(["a", "b"]), JSON),
        "filters": st.lists(st.fixed_dictionaries({"kind": st.just("sepia"), "amount": st.floats()}), max_size=2),
    },
)


def attempt(config: dict[str, Any]) -> tuple[WebsiteMetadata | None, list[str]]:
    try:
        return WebsiteMetadata.from_config(config), []
    except InvalidMetadata as error:
        return None, [problem.field for problem in error.problems]


@given(PARTS)
def test_what_is_accepted_comes_back_the_same(config: dict[str, Any]) -> None:
    metadata, wrong = attempt(config)
    if metadata is None:
        assert {field.split(".")[0].split("[")[0] for field in wrong} <= set(config)
        return
    stored = json.loads(json.dumps(metadata.to_config()))
    assert WebsiteMetadata.from_config(stored) == metadata
    assert WebsiteMetadata.from_config(stored).to_config() == stored


NAMES = st.sampled_from([*FULL, "url", "text", "kind", "amount", "name", "content", "card", "images", "@context"])


@given(
    st.dictionaries(
        NAMES,
        st.recursive(
            JSON | st.floats(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | ANY_TEXT, inner, max_size=4),
            max_leaves=6,
        ),
    )
)
def test_whatever_is_given_either_becomes_tags_or_is_named(config: dict[str, Any]) -> None:
    metadata, wrong = attempt(config)
    if metadata is None:
        assert wrong
    else:
        assert read(head_tags(metadata)).other == []
