"""The parts of website metadata: what readers elsewhere see of a page, and how the page looks."""

from __future__ import annotations

from assay.errors import InvalidInput
from assay.metadata.checks import (
    choice,
    colour,
    handle,
    locale,
    matching,
    number,
    text,
    url,
    whole,
)
from assay.metadata.fields import InvalidMetadata, Part, checked, many, nested, part, required

MAX_PIXELS = 20_000
MAX_IMAGES = 10
_OG_TYPE = r"(?:website|article|book|profile|(?:music|video|[a-z][a-z0-9_-]{0,30})[.:][a-z][a-z0-9_.-]{0,30})"
_META_NAME = r"[A-Za-z][A-Za-z0-9:._-]{0,99}"
_OWN_NAMES = ("description", "keywords", "robots", "theme-color")
_UNITS = {
    "blur": (0, 100),
    "brightness": (0, 10),
    "contrast": (0, 10),
    "grayscale": (0, 1),
    "hue-rotate": (-360, 360),
    "invert": (0, 1),
    "opacity": (0, 1),
    "saturate": (0, 10),
    "sepia": (0, 1),
}
_EASING = ("linear", "ease", "ease-in", "ease-out", "ease-in-out", "step-start", "step-end")


@part
class Image(Part):
    """An image that readers elsewhere load: width and height in pixels, alt for those who cannot see it."""

    url: str = required(url(absolute=True))
    width: int | None = checked(whole(1, MAX_PIXELS, "pixels"), default=None)
    height: int | None = checked(whole(1, MAX_PIXELS, "pixels"), default=None)
    alt: str | None = checked(text(420), default=None)


@part
class OpenGraph(Part):
    """How the page looks where it is shared. type: website, article, book, profile, music.… or video.…"""

    title: str | None = checked(text(200), default=None)
    description: str | None = checked(text(1_000), default=None)
    type: str | None = checked(
        matching(_OG_TYPE, "website, article, book, profile, or a type with a namespace, like video.movie"),
        default=None,
    )
    url: str | None = checked(url(absolute=True), default=None)
    site_name: str | None = checked(text(200), default=None)
    locale: str | None = checked(locale, default=None)
    images: tuple[Image, ...] = checked(many(nested(Image, "url"), MAX_IMAGES), default=())


@part
class TwitterCard(Part):
    """How the page looks in a Twitter card; what is left out, readers take from Open Graph."""

    card: str = required(choice("summary", "summary_large_image", "app", "player"))
    title: str | None = checked(text(200), default=None)
    description: str | None = checked(text(1_000), default=None)
    site: str | None = checked(handle, default=None)
    creator: str | None = checked(handle, default=None)
    image: Image | None = checked(nested(Image, "url"), default=None)


@part
class MetaTag(Part):
    """One more meta tag, by name or by property. Those that act, http-equiv, are not to be had."""

    content: str = required(text(2_000))
    name: str | None = checked(
        matching(_META_NAME, "1 to 100 letters, digits and : . _ - with a letter first"), default=None
    )
    property: str | None = checked(
        matching(_META_NAME, "1 to 100 letters, digits and : . _ - with a letter first"), default=None
    )

    def _check_together(self) -> None:
        if (self.name is None) == (self.property is None):
            given = None if self.name is None else f"{self.name} beside property {self.property}"
            raise InvalidMetadata([InvalidInput("name", given, "either a name or a property")])
        if self.name is not None and (self.name.lower() in _OWN_NAMES or self.name.lower().startswith("twitter:")):
            raise InvalidMetadata([InvalidInput("name", self.name, "a name that has no field of its own")])
        if self.property is not None and self.property.lower().startswith("og:"):
            raise InvalidMetadata([InvalidInput("property", self.property, "one that open_graph does not cover")])


@part
class CallToAction(Part):
    """What the page asks for, and in which colours."""

    text: str = required(text(100))
    url: str | None = checked(url(), default=None)
    color: str | None = checked(colour, default=None)
    background: str | None = checked(colour, default=None)


@part
class Picture(Part):
    """An image in the page; width and height in pixels."""

    url: str = required(url())
    width: int | None = checked(whole(1, MAX_PIXELS, "pixels"), default=None)
    height: int | None = checked(whole(1, MAX_PIXELS, "pixels"), default=None)
    alt: str | None = checked(text(420), default=None)


@part
class Layout(Part):
    """How the page is laid out: the name of a template of yours, and its measures."""

    template: str | None = checked(
        matching(r"[A-Za-z0-9_.-]{1,100}", "1 to 100 of the characters A-Z a-z 0-9 _ . -"), default=None
    )
    columns: int | None = checked(whole(1, 24), default=None)
    max_width: int | None = checked(whole(1, MAX_PIXELS, "pixels"), default=None)
    gap: float | None = checked(number(0, 1_000, "pixels"), default=None)
    direction: str | None = checked(choice("row", "column", "row-reverse", "column-reverse"), default=None)


@part
class Typography(Part):
    """Type: size in pixels, weight and line height as in CSS, letter spacing in em."""

    family: str | None = checked(
        matching(r"[A-Za-z0-9 ,_-]{1,200}", "names of fonts, separated by commas"), default=None
    )
    heading_family: str | None = checked(
        matching(r"[A-Za-z0-9 ,_-]{1,200}", "names of fonts, separated by commas"), default=None
    )
    size: float | None = checked(number(1, 500, "pixels"), default=None)
    weight: int | None = checked(whole(1, 1_000), default=None)
    line_height: float | None = checked(number(0.5, 5), default=None)
    letter_spacing: float | None = checked(number(-1, 2, "em"), default=None)


@part
class Filter(Part):
    """One filter of a canvas: blur in pixels, hue-rotate in degrees, the others as shares of the original."""

    kind: str = required(choice(*_UNITS))
    amount: float = required(number(-360, 360))

    def _check_together(self) -> None:
        low, high = _UNITS[self.kind]
        if not low <= self.amount <= high:
            accepted = f"for {self.kind} a number from {low} to {high}"
            raise InvalidMetadata([InvalidInput("amount", self.amount, accepted)])


@part
class Animation(Part):
    """One animation by the name the page knows it by. repeat: how often; 0 for ever."""

    name: str = required(matching(r"[A-Za-z0-9_.-]{1,100}", "1 to 100 of the characters A-Z a-z 0-9 _ . -"))
    duration_ms: int = required(whole(0, 60_000, "milliseconds"))
    delay_ms: int | None = checked(whole(0, 60_000, "milliseconds"), default=None)
    easing: str | None = checked(choice(*_EASING), default=None)
    repeat: int | None = checked(whole(0, 1_000), default=None)
