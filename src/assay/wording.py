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
    """A relative change with its sign: 3.122 → '+312 %', 0.0312 → '+3.1 %'; digits where they can be known."""
    digits = 0 if abs(relative) >= 1 else 1
    shown = round(relative * 100, digits)
    return f"{shown:+,.{digits}f} %".replace("-", "−") if shown else "0.0 %"


def lift_interval(lower: float | None, upper: float | None) -> str:
    """The bounds of a lift: '−4.1 % to +38.0 %', 'below +38.0 %', 'above −4.1 %', 'any lift' (None: unbounded)."""
    if lower is None:
        return "any lift" if upper is None else f"below {lift(upper)}"
    return f"above {lift(lower)}" if upper is None else f"{lift(lower)} to {lift(upper)}"


def points(share: float, *, signed: bool = False) -> str:
    """A difference of shares in percentage points: 0.0051 → '0.51 pp'."""
    return percent(share, signed=signed).replace(" %", " pp")


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit: 45 → '45 seconds', 7200 → '2 hours', 86400 → '1 day'."""
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    size, name = next((unit for unit in units if seconds >= unit[0]), units[-1])
    n = int(seconds // size) if seconds > 0 else 0
    return f"{count(n)} {name}{'' if n == 1 else 's'}"


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


def unbroken(sentence: str) -> str:
    """A sentence whose numbers keep their signs: no line ends between 'p', '=' and the value, or before '%'."""
    for part in ("p = ", "p < ", " %", " pp"):
        sentence = sentence.replace(part, part.replace(" ", "\u00a0"))
    return sentence


def level(share: float) -> str:
    """The level of an interval: 0.95 → '95 %', 0.98333 → '98.3 %'."""
    return f"{share * 100:.3g} %"
