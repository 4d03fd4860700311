"""Contrast of every text and its background, in light and in dark, computed from the file of tokens."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

CSS = (files("assay.dashboard") / "static" / "tokens.css").read_text("utf-8")
LIGHT, DARK = CSS.split("@media (prefers-color-scheme: dark)")
BACKGROUNDS = ("page", "surface", "sunken")
TONES = ("good", "bad", "warn", "info", "quiet")
PAIRS = [
    *((ink, background) for ink in ("ink", "soft", "link", "focus") for background in BACKGROUNDS),
    *((tone, f"{tone}-wash") for tone in TONES),
    *((tone, "surface") for tone in TONES),
    *(("ink", f"{tone}-wash") for tone in TONES),
    ("soft", "good-wash"),
    *((f"chart-{tone}", "surface") for tone in ("better", "worse", "unclear", "faint", "ink")),
    ("chart-better", "good-wash"),
]
"""Text and the ground it stands on."""


def tokens(scheme: str) -> dict[str, str]:
    """Token → colour; dark overrides light."""
    text = LIGHT + (DARK if scheme == "dark" else "")
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", text))


def colour(name: str, scheme: str) -> tuple[float, float, float]:
    value = tokens(scheme)[name]
    if reference := re.fullmatch(r"var\(--([\w-]+)\)", value):
        return colour(reference[1], scheme)
    assert re.fullmatch(r"#[0-9a-f]{6}", value), (name, value)
    return tuple(int(value[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def luminance(rgb: tuple[float, float, float]) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str, scheme: str) -> float:
    """Contrast ratio (WCAG 2.2), from 1 to 21."""
    dark, light = sorted((luminance(colour(a, scheme)), luminance(colour(b, scheme))))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(text: str, ground: str, scheme: str) -> None:
    assert contrast(text, ground, scheme) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_zero_line_can_be_seen(scheme: str) -> None:
    assert contrast("chart-zero", "surface", scheme) >= 3


def test_the_formula_knows_black_on_white() -> None:
    assert (luminance((1, 1, 1)) + 0.05) / (luminance((0, 0, 0)) + 0.05) == pytest.approx(21)


def test_every_colour_is_a_token() -> None:
    page = (files("assay.dashboard") / "static" / "page.css").read_text("utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgb\(|\bhsl\(", page) == []
    used = set(re.findall(r"var\(--([\w-]+)\)", page)) - {"tone", "wash"}
    assert used <= set(tokens("light"))
