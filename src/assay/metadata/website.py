"""Website metadata of one variant, as it stands in the variant's config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assay.errors import InvalidInput
from assay.metadata.checks import (
    colour,
    feature,
    json_value,
    language,
    matching,
    structured_data,
    table,
    text,
    url,
)
from assay.metadata.fields import Part, checked, gathered, many, nested, part
from assay.metadata.parts import (
    Animation,
    CallToAction,
    Filter,
    Layout,
    MetaTag,
    OpenGraph,
    Picture,
    TwitterCard,
    Typography,
)

if TYPE_CHECKING:
    from assay.metadata.builder import Builder

WEBSITE_METADATA = "website_metadata"
"""What an experiment names as its config_schema to have its configs held against this."""
_ROBOTS = matching(
    r"all|none|(?:no)?index|(?:no)?follow|noarchive|nosnippet|noimageindex|notranslate|max-snippet:(?:-1|\d{1,5})"
    r"|max-video-preview:(?:-1|\d{1,5})|max-image-preview:(?:none|standard|large)",
    "index, noindex, follow, nofollow, all, none, noarchive, nosnippet, noimageindex, notranslate,"
    " max-snippet:N, max-video-preview:N, max-image-preview:none, standard or large",
)
_OPPOSITES = (
    *(("index", "noindex"), ("follow", "nofollow"), ("all", "none")),
    *(("all", "noindex"), ("all", "nofollow"), ("none", "index"), ("none", "follow")),
)


def _robots(value: Any, field: str) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or len(words) > 20:
        raise InvalidInput(field, value, "a list of at most 20 words for robots")
    words = [word.strip().lower() if isinstance(word, str) else word for word in words]
    found = tuple(dict.fromkeys(gathered((f"{field}[{i}]", _ROBOTS, word) for i, word in enumerate(words))))
    for one, other in _OPPOSITES:
        if one in found and other in found:
            raise InvalidInput(field, ", ".join(found), f"words that agree: not {one} beside {other}")
    return found


def _keyword(value: Any, field: str) -> str:
    found: str = text(100)(value, field)
    if "," in found:
        raise InvalidInput(field, value, "one keyword without a comma")
    return found


@part
class WebsiteMetadata(Part):
    """All of it is optional; what a variant leaves out stays as the page has it.

    colors: by the role that the page knows, like primary. images: by place in the page. features: what the page
    switches by name. custom: any JSON, for what has no field here.
    """

    title: str | None = checked(text(200), default=None)
    description: str | None = checked(text(1_000), default=None)
    canonical_url: str | None = checked(url(), default=None)
    language: str | None = checked(language, default=None)
    robots: tuple[str, ...] = checked(_robots, default=())
    keywords: tuple[str, ...] = checked(many(_keyword, 50), default=())
    favicon: str | None = checked(url(), default=None)
    theme_color: str | None = checked(colour, default=None)
    open_graph: OpenGraph | None = checked(nested(OpenGraph), default=None)
    twitter: TwitterCard | None = checked(nested(TwitterCard), default=None)
    json_ld: tuple[Mapping[str, Any], ...] = checked(many(structured_data, 10), default=())
    meta: tuple[MetaTag, ...] = checked(many(nested(MetaTag), 50), default=())
    headline: str | None = checked(text(300), default=None)
    subheadline: str | None = checked(text(500), default=None)
    call_to_action: CallToAction | None = checked(nested(CallToAction, "text"), default=None)
    images: Mapping[str, Picture] = checked(table(nested(Picture, "url"), 50), default={})
    theme: str | None = checked(
        matching(r"[A-Za-z0-9_.-]{1,100}", "1 to 100 of the characters A-Z a-z 0-9 _ . -"), default=None
    )
    colors: Mapping[str, str] = checked(table(colour, 50), default={})
    typography: Typography | None = checked(nested(Typography), default=None)
    layout: Layout | None = checked(nested(Layout), default=None)
    filters: tuple[Filter, ...] = checked(many(nested(Filter), 20), default=())
    animations: tuple[Animation, ...] = checked(many(nested(Animation), 50), default=())
    features: Mapping[str, bool | float | str] = checked(table(feature, 200), default={})
    custom: Mapping[str, Any] = checked(table(json_value, 200), default={})

    @staticmethod
    def builder() -> Builder:
        """Begin to build one."""
        from assay.metadata.builder import Builder

        return Builder()
