"""Builds website metadata step by step; nothing is checked until `build`, which names everything that is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeAlias

from assay.metadata.parts import Image
from assay.metadata.website import WebsiteMetadata

AnyImage: TypeAlias = "Image | Mapping[str, Any] | str"


class Builder:
    """Every method gives the builder back. What is called twice is replaced, but for what adds one of several."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def build(self) -> WebsiteMetadata:
        """The metadata; raises InvalidMetadata whose `problems` are all the fields that are wrong."""
        return WebsiteMetadata.from_config(self._values)

    def title(self, title: str) -> Self:
        """The page's title, one line of up to 200 characters."""
        return self._set("title", title)

    def description(self, description: str) -> Self:
        """What search results show below the title."""
        return self._set("description", description)

    def canonical_url(self, url: str) -> Self:
        """The address the page is to be known by."""
        return self._set("canonical_url", url)

    def language(self, language: str) -> Self:
        """The page's language, like de or en-GB."""
        return self._set("language", language)

    def robots(self, *words: str) -> Self:
        """What search engines may do, like noindex."""
        return self._set("robots", list(words))

    def keywords(self, *keywords: str) -> Self:
        """What the page is about."""
        return self._set("keywords", list(keywords))

    def favicon(self, url: str) -> Self:
        """The page's icon."""
        return self._set("favicon", url)

    def theme_color(self, color: str) -> Self:
        """The colour of the browser around the page."""
        return self._set("theme_color", color)

    def open_graph(
        self,
        *,
        image: AnyImage | None = None,
        images: Sequence[AnyImage] = (),
        title: str | None = None,
        description: str | None = None,
        type: str | None = None,
        url: str | None = None,
        site_name: str | None = None,
        locale: str | None = None,
    ) -> Self:
        """How the page looks where it is shared; `image` comes before `images`."""
        chosen = [*([] if image is None else [image]), *images]
        texts = {"title": title, "description": description, "type": type, "url": url}
        return self._set("open_graph", _given(**texts, site_name=site_name, locale=locale, images=chosen or None))

    def twitter(
        self,
        card: str = "summary_large_image",
        *,
        title: str | None = None,
        description: str | None = None,
        site: str | None = None,
        creator: str | None = None,
        image: AnyImage | None = None,
    ) -> Self:
        """How the page looks in a Twitter card."""
        given = _given(title=title, description=description, site=site, creator=creator, image=image)
        return self._set("twitter", {"card": card} | given)

    def json_ld(self, *objects: Mapping[str, Any]) -> Self:
        """Structured data, objects with @context and @type; each call adds."""
        return self._add("json_ld", *objects)

    def meta(self, content: str, *, name: str | None = None, property: str | None = None) -> Self:
        """One more meta tag; each call adds."""
        return self._add("meta", _given(name=name, property=property) | {"content": content})

    def headline(self, headline: str, subheadline: str | None = None) -> Self:
        """What the page says first."""
        self._set("headline", headline)
        return self if subheadline is None else self._set("subheadline", subheadline)

    def call_to_action(
        self, text: str, *, url: str | None = None, color: str | None = None, background: str | None = None
    ) -> Self:
        """What the page asks for."""
        return self._set("call_to_action", {"text": text} | _given(url=url, color=color, background=background))

    def image(
        self, place: str, url: str, *, width: int | None = None, height: int | None = None, alt: str | None = None
    ) -> Self:
        """The image at a place in the page; each call adds a place."""
        return self._put("images", place, {"url": url} | _given(width=width, height=height, alt=alt))

    def theme(self, theme: str) -> Self:
        """The name of a theme that the page knows."""
        return self._set("theme", theme)

    def color(self, role: str, color: str) -> Self:
        """The colour of a role, like primary; each call adds a role."""
        return self._put("colors", role, color)

    def typography(
        self,
        *,
        family: str | None = None,
        heading_family: str | None = None,
        size: float | None = None,
        weight: int | None = None,
        line_height: float | None = None,
        letter_spacing: float | None = None,
    ) -> Self:
        """Type; size in pixels, letter spacing in em."""
        fonts = _given(family=family, heading_family=heading_family)
        measures = _given(size=size, weight=weight, line_height=line_height, letter_spacing=letter_spacing)
        return self._set("typography", fonts | measures)

    def layout(
        self,
        template: str | None = None,
        *,
        columns: int | None = None,
        max_width: int | None = None,
        gap: float | None = None,
        direction: str | None = None,
    ) -> Self:
        """How the page is laid out."""
        measures = _given(columns=columns, max_width=max_width, gap=gap, direction=direction)
        return self._set("layout", _given(template=template) | measures)

    def filter(self, kind: str, amount: float) -> Self:
        """A filter over the page's canvas; each call adds."""
        return self._add("filters", {"kind": kind, "amount": amount})

    def animation(
        self,
        name: str,
        duration_ms: int,
        *,
        delay_ms: int | None = None,
        easing: str | None = None,
        repeat: int | None = None,
    ) -> Self:
        """An animation; each call adds."""
        given = _given(delay_ms=delay_ms, easing=easing, repeat=repeat)
        return self._add("animations", {"name": name, "duration_ms": duration_ms} | given)

    def feature(self, name: str, value: bool | float | str = True) -> Self:
        """A switch in the page; each call adds."""
        return self._put("features", name, value)

    def custom(self, name: str, value: Any) -> Self:
        """Any JSON under a name of yours; each call adds."""
        return self._put("custom", name, value)

    def _set(self, name: str, value: Any) -> Self:
        self._values[name] = value
        return self

    def _add(self, name: str, *values: Any) -> Self:
        self._values.setdefault(name, []).extend(values)
        return self

    def _put(self, name: str, key: str, value: Any) -> Self:
        self._values.setdefault(name, {})[key] = value
        return self


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
