"""Many comparisons: p-values adjusted so that one bound α holds for the whole family."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from assay.errors import InvalidInput
from assay.model.plan import Correction
from assay.stats.checks import is_finite
from assay.stats.inputs import check_alpha

FAMILYWISE = (Correction.BONFERRONI, Correction.HOLM, Correction.HOCHBERG, Correction.DUNNETT)
"""Corrections that bound the chance of any false alarm in the family."""


def correction_of(given: Correction | str) -> Correction:
    """A correction by its name. Raises InvalidInput for another."""
    try:
        return Correction(given)
    except ValueError:
        raise InvalidInput("method", given, ", ".join(Correction)) from None


def adjust(p_values: Sequence[float], method: Correction | str) -> list[float]:
    """Adjusted p-values, in the order given; reject where the adjusted value is below α.

    holm: step-down, controls the chance of any false alarm under every dependence (Holm 1979).
    hochberg: step-up with Holm's factors; more powerful, under independence or positive dependence (Hochberg 1988).
    bonferroni: m p. benjamini_hochberg: step-up, controls the expected share of false alarms among the alarms
    under independence or positive dependence (Benjamini & Hochberg 1995). benjamini_yekutieli: the same times
    1 + 1/2 + … + 1/m, under every dependence (Benjamini & Yekutieli 2001). e_bh: for p-values that are 1 / e of an
    e-value, as anytime-valid ones are: step-up on m / (rank e), under every dependence (Wang & Ramdas 2022); it is
    Benjamini and Hochberg's rule on 1 / e, without their factor. dunnett needs more than p-values: here it is Holm's,
    see `assay.stats.multiple.dunnett`. none: as given.
    """
    method = correction_of(method)
    try:
        wrong = [p for p in p_values if not 0 <= p <= 1]
    except (TypeError, ValueError):
        raise InvalidInput("p_values", p_values, "numbers from 0 to 1") from None
    if wrong:
        raise InvalidInput("p_values", wrong[0], "numbers from 0 to 1")
    m = len(p_values)
    order = sorted(range(m), key=lambda i: p_values[i])
    ascending = [p_values[i] for i in order]
    if method is Correction.BONFERRONI:
        adjusted = [m * p for p in ascending]
    elif method is Correction.HOCHBERG:
        steps = ((m - rank) * ascending[rank] for rank in reversed(range(m)))
        adjusted = list(accumulate(steps, min))[::-1]
    elif method in (Correction.HOLM, Correction.DUNNETT):
        adjusted = list(accumulate(((m - rank) * p for rank, p in enumerate(ascending)), max))
    elif method in (Correction.BENJAMINI_HOCHBERG, Correction.BENJAMINI_YEKUTIELI, Correction.E_BH):
        factor = sum(1 / i for i in range(1, m + 1)) if method is Correction.BENJAMINI_YEKUTIELI else 1.0
        from_the_top = (factor * m / (rank + 1) * ascending[rank] for rank in reversed(range(m)))
        adjusted = list(accumulate(from_the_top, min))[::-1]
    else:
        adjusted = ascending
    answer = [0.0] * m
    for i, p in zip(order, adjusted, strict=True):
        answer[i] = min(1.0, p)
    return answer


def interval_alpha(alpha: float, family_size: int, method: Correction | str) -> float:
    """The error each interval of a family is given.

    With Bonferroni, Holm, Hochberg and Dunnett α/m, so that all intervals of the family cover at once with probability
    1 - α; with the others α. Holm and Hochberg may therefore call a difference significant whose simultaneous interval
    just includes 0; Dunnett's own intervals are narrower (`assay.stats.multiple.dunnett`).
    """
    corrects = correction_of(method) in FAMILYWISE
    check_alpha(alpha)
    if not is_finite(family_size) or family_size < 0:
        raise InvalidInput("family_size", family_size, "a whole number of at least 0")
    return alpha / max(1, family_size) if corrects else alpha
