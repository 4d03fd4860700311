"""Website metadata as HTML for a page's head."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from assay.metadata.parts import Image, OpenGraph, TwitterCard
from assay.metadata.website import WebsiteMetadata

_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Inside a script no entity is read: what could end it is written as JSON can write it."""


def head_tags(config: WebsiteMetadata | Mapping[str, Any]) -> str:
    """One tag a line, always in the same order; raises InvalidMetadata. The language is `html_attributes`' matter."""
    metadata = config if isinstance(config, WebsiteMetadata) else WebsiteMetadata.from_config(config)
    return "\n".join(_tags(metadata))


def html_attributes(config: WebsiteMetadata | Mapping[str, Any]) -> str:
    """What belongs into the html tag itself: `lang="de"`, or nothing."""
    metadata = config if isinstance(config, WebsiteMetadata) else WebsiteMetadata.from_config(config)
    return "" if metadata.language is None else f'lang="{escape(metadata.language)}"'


def _tags(metadata: WebsiteMetadata) -> Iterator[str]:
    if metadata.title is not None:
        yield f"<title>{escape(metadata.title)}</title>"
    names = {
        "description": metadata.description,
        "keywords": ", ".join(metadata.keywords) or None,
        "robots": ", ".join(metadata.robots) or None,
        "theme-color": metadata.theme_color,
    }
    yield from _metas("name", names)
    for relation, address in (("canonical", metadata.canonical_url), ("icon", metadata.favicon)):
        if address is not None:
            yield f'<link rel="{relation}" href="{escape(address)}">'
    if metadata.open_graph is not None:
        yield from _open_graph(metadata.open_graph)
    if metadata.twitter is not None:
        yield from _twitter(metadata.twitter)
    for tag in metadata.meta:
        yield from _metas("name", {tag.name: tag.content} if tag.name else {})
        yield from _metas("property", {tag.property: tag.content} if tag.property else {})
    for item in metadata.json_ld:
        written = json.dumps(item, sort_keys=True, separators=(",", ":")).translate(_IN_SCRIPT)
        yield f'<script type="application/ld+json">{written}</script>'


def _open_graph(graph: OpenGraph) -> Iterator[str]:
    names = ("title", "description", "type", "url", "site_name", "locale")
    yield from _metas("property", {f"og:{name}": getattr(graph, name) for name in names})
    for image in graph.images:
        yield from _metas("property", {"og:image": image.url} | _measures(image, "og:image"))


def _twitter(card: TwitterCard) -> Iterator[str]:
    names = ("card", "title", "description", "site", "creator")
    yield from _metas("name", {f"twitter:{name}": getattr(card, name) for name in names})
    if card.image is not None:
        yield from _metas("name", {"twitter:image": card.image.url, "twitter:image:alt": card.image.alt})


def _measures(image: Image, prefix: str) -> dict[str, Any]:
    return {f"{prefix}:{name}": getattr(image, name) for name in ("width", "height", "alt")}


def _metas(key: str, contents: Mapping[str, Any]) -> Iterator[str]:
    for name, content in contents.items():
        if content is not None:
            yield f'<meta {key}="{escape(name)}" content="{escape(str(content))}">'
