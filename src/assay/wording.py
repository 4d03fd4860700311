"""Numbers in words for people: shares, lifts, p-values, counts."""

from __future__ import annotations

import math


def percent(share: float, *, signed: bool = False) -> str:
    """A share with digits that show it: 0.0259 → '2.59 %', 0.5 → '50.0 %', 0.00012 → '0.012 %'."""
    value = share * 100
    size = abs(value)
    digits = 1 if size >= 10 else 2 if size >= 0.1 or size == 0 else min(6, 1 - math.floor(math.log10(size)))
    sign = "+" if signed and value > 0 else ""
    return f"{sign}{value:,.{digits}f} %".replace("-", "−")


def lift(relative: float) -> str:
    """A relative change with its sign and one digit: 3.122 → '+312.2 %'."""
    return f"{relative * 100:+,.1f} %".replace("-", "−")


def amount(value: float) -> str:
    """A quantity with about four significant digits: 1234567.8 → '1,234,568', 0.01234 → '0.01234'."""
    size = abs(value)
    if size >= 1000 or value == int(value):
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def p_value(p: float) -> str:
    """'p = 0.0016', 'p = 0.43', 'p < 0.0001'."""
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def count(n: int) -> str:
    """A whole number with thousands separators."""
    return f"{n:,}"
