"""Where z is not normal enough for its boundary: few or skewed units in arms of different sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.errors import InvalidInput
from assay.stats.checks import is_finite, is_number

_WORTH_SAYING = 0.25
"""Error beyond the side's own, as a share of it, that is worth a warning."""


def skewness_of_z(skewness: float, n_treatment: float, n_control: float) -> float:
    """Skewness of the z of two means, without an effect: g (1/n_t² - 1/n_c²) / (1/n_t + 1/n_c)^(3/2).

    skewness: g of one unit's value; of a rare conversion with share p it is (1 - 2p) / √(p (1 - p)). 0 for arms of
    one size, whose skewness cancels.
    """
    for name, n in (("n_treatment", n_treatment), ("n_control", n_control)):
        if not (is_number(n) and 0 < n < math.inf):
            raise InvalidInput(name, n, "a number of units above 0")
    if not is_finite(skewness):
        raise InvalidInput("skewness", skewness, "a finite number")
    a, b = 1 / n_treatment, 1 / n_control
    return skewness * (a - b) / math.sqrt(a + b)


def excess_error(bound: float, skewness: float) -> float:
    """By how much one tail of a studentised mean exceeds the normal's: φ(b) |κ| (2 b² + 1) / 6.

    Source: the first Edgeworth term, Hall 1992, "The Bootstrap and Edgeworth Expansion", section 2.6. A rough guide:
    it says where the curve is poor, not how poor.
    """
    density = math.exp(-bound * bound / 2) / math.sqrt(2 * math.pi)
    return density * abs(skewness) * (2 * bound * bound + 1) / 6


def skewed_looks(bounds: Sequence[float], skewness: Sequence[float | None], rate: float) -> tuple[str, ...]:
    """A sentence when skewness may add a quarter or more to the one-sided error rate at some look."""
    extra = [
        excess_error(bound, item)
        for bound, item in zip(bounds, skewness, strict=True)
        if item is not None and math.isfinite(bound)
    ]
    worst = max(extra, default=0.0)
    if worst < _WORTH_SAYING * rate:
        return ()
    return (
        f"z is skewed: few or very uneven units in arms of different sizes; one tail may err by {100 * worst:.2g} "
        f"percentage points more than its {100 * rate:.3g}. Look later, cap the metric, or make the arms equal.",
    )
