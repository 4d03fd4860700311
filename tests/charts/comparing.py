"""Comparisons with chosen lifts, and SVG read back."""

from __future__ import annotations

from xml.etree import ElementTree

from assay.model.result import Comparison, Interval, NoEstimate, Validity

WHY = NoEstimate("zero_control", "the control is 0 & <empty>")
SVG = "{http://www.w3.org/2000/svg}"


def compared(
    lift: float | None, bounds: tuple[float | None, float | None] | None, *, better: bool | None = None
) -> Comparison:
    """A comparison with this lift and these bounds; None: no estimate."""
    interval: Interval | NoEstimate = Interval(*bounds, 0.95) if bounds is not None else WHY
    return Comparison(
        variant="green",
        control="blue",
        absolute=WHY,
        absolute_interval=WHY,
        relative=WHY if lift is None else lift,
        relative_interval=interval,
        p_value=WHY if lift is None else 0.04,
        p_value_adjusted=WHY if lift is None else 0.04,
        significant=better is not None,
        better=better,
        test="z",
        validity=Validity.ANYTIME,
    )


def parsed(svg: str) -> ElementTree.Element:
    """The SVG as a tree: proves that it is well formed."""
    return ElementTree.fromstring(svg if "xmlns=" in svg else svg.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def texts(root: ElementTree.Element) -> list[str]:
    """Every text drawn, tooltips left out."""
    found = []
    for text in root.iter(f"{SVG}text"):
        inside = [child.text if child.tag != f"{SVG}title" else "" for child in text]
        found.append("".join(part or "" for part in (text.text, *inside, *(child.tail for child in text))))
    return found


def with_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Elements that carry a class."""
    return [item for item in root.iter() if name in item.get("class", "").split()]
