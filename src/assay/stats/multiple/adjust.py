"""Many comparisons: p-values adjusted so that one bound α holds for the whole family."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from assay.model.plan import Correction


def adjust(p_values: Sequence[float], method: Correction) -> list[float]:
    """Adjusted p-values, in the order given; reject where the adjusted value is below α.

    holm: step-down, controls the chance of any false alarm under every dependence (Holm 1979).
    bonferroni: m p. benjamini_hochberg: step-up, controls the expected share of false alarms among the alarms
    under independence or positive dependence (Benjamini & Hochberg 1995). none: as given.
    """
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i])
    ascending = [p_values[i] for i in order]
    if method is Correction.BONFERRONI:
        adjusted = [m * p for p in ascending]
    elif method is Correction.HOLM:
        adjusted = list(accumulate(((m - rank) * p for rank, p in enumerate(ascending)), max))
    elif method is Correction.BENJAMINI_HOCHBERG:
        from_the_top = (m / (rank + 1) * ascending[rank] for rank in reversed(range(m)))
        adjusted = list(accumulate(from_the_top, min))[::-1]
    else:
        adjusted = ascending
    answer = [0.0] * m
    for i, p in zip(order, adjusted, strict=True):
        answer[i] = min(1.0, p)
    return answer


def interval_alpha(alpha: float, family_size: int, method: Correction) -> float:
    """The error each interval of a family is given.

    With Holm and Bonferroni α/m, so that all intervals of the family cover at once with probability 1 - α; with
    the others α. Holm may therefore call a difference significant whose simultaneous interval just includes 0.
    """
    corrects = method in (Correction.HOLM, Correction.BONFERRONI)
    return alpha / max(1, family_size) if corrects else alpha
