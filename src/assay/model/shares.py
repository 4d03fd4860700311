"""Shares of traffic as whole parts of 1,000,000, so that they sum exactly and compare without rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.errors import InvalidInput

PARTS = 1_000_000
_SUM_TOLERANCE = 1e-6


def parts_of(share: float, field: str) -> int:
    """A share in [0, 1] as parts of 1,000,000, rounded to nearest."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise InvalidInput(field, share, "a number from 0 to 1")
    return round(share * PARTS)


def split_parts(shares: Sequence[float], field: str) -> tuple[int, ...]:
    """Shares that sum to one as parts that sum to exactly 1,000,000 (largest remainder; ties to the first)."""
    for i, share in enumerate(shares):
        parts_of(share, f"{field}[{i}]")
    total = math.fsum(shares)
    if abs(total - 1) > _SUM_TOLERANCE:
        listed = ", ".join(f"{share:g}" for share in shares)
        raise InvalidInput(field, f"{listed} (sum {total:.6g})", "weights that sum to 1")
    exact = [share / total * PARTS for share in shares]
    parts = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(shares)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: PARTS - sum(parts)]:
        parts[i] += 1
    return tuple(parts)


def even_parts(count: int) -> tuple[int, ...]:
    """`count` parts as even as whole numbers allow; the first ones take what is left over."""
    whole, left = divmod(PARTS, count)
    return tuple(whole + (i < left) for i in range(count))
