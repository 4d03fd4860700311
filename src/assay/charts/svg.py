"""SVG as text: elements with escaped attributes, and the frame that every chart shares."""

from __future__ import annotations

from html import escape

from assay.charts.theme import STANDALONE_STYLE


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """One element. Attribute names: `_` becomes `-`, a trailing one is dropped (`class_`); None leaves it out.

    Children are markup already; use `words` for text.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def words(text: str) -> str:
    """Text made harmless for markup."""
    return escape(text, quote=False)


def number(value: str | float) -> str:
    """A coordinate with two digits at most; a text as it is."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def share(position: float) -> str:
    """A position from 0 to 1 as a percentage of the width."""
    return f"{number(position * 100)}%"


def chart(*children: str, label: str, width: str | float, height: float, kind: str, standalone: bool = False) -> str:
    """The outermost element: an image with a name that screen readers say.

    standalone: colours and fonts travel with it, for a notebook or a file; otherwise the page gives them.
    """
    style = element("style", STANDALONE_STYLE) if standalone else ""
    name = element("title", words(label))
    return element(
        "svg",
        name,
        style,
        *children,
        xmlns="http://www.w3.org/2000/svg",
        class_=f"assay-chart {kind}",
        role="img",
        aria_label=label,
        width=width,
        height=height,
        viewBox=f"0 0 {number(width)} {number(height)}" if standalone and not isinstance(width, str) else None,
    )
