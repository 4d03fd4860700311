"""Sample-ratio mismatch for few units, and segment by segment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from assay.errors import InvalidInput
from assay.model.plan import Correction
from assay.model.result import NoEstimate
from assay.stats.distributions import floored
from assay.stats.inputs import check_alpha
from assay.stats.multiple.adjust import adjust
from assay.stats.trust.sample_ratio import NO_UNITS, ONE_ARM, chi_square_p, multinomial_anytime_p

MOST_OUTCOMES = 2_000_000
_SAME = 1e-7


def exact_sample_ratio(counts: Sequence[int], weights: Sequence[float]) -> float | NoEstimate:
    """Exact multinomial p-value: the chance, at the planned weights, of a split that is no likelier than the one seen.

    counts: units per variant. weights: planned, any scale; variants of weight 0, and their units, are left out.
    All splits of n units are gone through, up to two million of them; beyond that use the chi-square test.
    Source: the exact multinomial test; Read & Cressie 1988, "Goodness-of-Fit Statistics", section 2.
    """
    live = _live(counts, weights)
    if isinstance(live, NoEstimate):
        return live
    seen, shares = live
    n, k = sum(seen), len(seen)
    outcomes = math.comb(n + k - 1, k - 1)
    if outcomes > MOST_OUTCOMES:
        return NoEstimate("too_many_units", f"{outcomes:,} splits are too many to go through; use the chi-square test")
    splits = _splits(n, k)
    logs = gammaln(n + 1) - gammaln(splits + 1).sum(axis=1) + splits @ np.log(shares)
    own = float(gammaln(n + 1) - gammaln(np.array(seen) + 1.0).sum() + np.array(seen) @ np.log(shares))
    return floored(float(np.exp(logs[logs <= own + _SAME]).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRatio:
    """One segment's split. p_value: for one look; p_value_adjusted: over all segments; is_off: below alpha."""

    segment: str
    counts: tuple[int, ...]
    p_value: float | NoEstimate
    p_value_adjusted: float | NoEstimate
    is_off: bool


def sample_ratio_by_segment(
    segments: Mapping[str, Sequence[int]],
    weights: Sequence[float],
    *,
    alpha: float = 0.001,
    correction: Correction = Correction.HOLM,
    watched: bool = False,
) -> tuple[SegmentRatio, ...]:
    """The split of each segment against the same planned weights, corrected over the segments, most striking first.

    watched: p-values that hold at every look (the martingale of `assay.stats.trust.sample_ratio`); else exact for few
    units (at most ten thousand splits), chi-square beyond. A mismatch of the whole often sits in one browser, country
    or day: the segments say where. Raises InvalidInput naming a segment whose counts do not fit the weights.
    """
    check_alpha(alpha)
    found: list[tuple[str, tuple[int, ...], float | NoEstimate]] = []
    for segment, counts in segments.items():
        if len(counts) != len(weights):
            raise InvalidInput(f"segments.{segment}", f"{len(counts)} counts", f"{len(weights)}, one for each weight")
        found.append((segment, tuple(counts), _p_value(counts, weights, watched)))
    known = [p for _, _, p in found if isinstance(p, float)]
    adjusted = iter(adjust(known, correction))
    answers = []
    for segment, counts, p in found:
        corrected = next(adjusted) if isinstance(p, float) else p
        is_off = isinstance(corrected, float) and corrected < alpha
        answers.append(
            SegmentRatio(segment=segment, counts=counts, p_value=p, p_value_adjusted=corrected, is_off=is_off)
        )
    return tuple(sorted(answers, key=lambda item: item.p_value if isinstance(item.p_value, float) else 2.0))


def _p_value(counts: Sequence[int], weights: Sequence[float], watched: bool) -> float | NoEstimate:
    live = _live(counts, weights)
    if isinstance(live, NoEstimate):
        return live
    seen, shares = live
    if watched:
        return multinomial_anytime_p(seen, shares)
    if math.comb(sum(seen) + len(seen) - 1, len(seen) - 1) <= 10_000:
        return exact_sample_ratio(counts, weights)
    return chi_square_p(seen, shares)


def _live(counts: Sequence[int], weights: Sequence[float]) -> tuple[list[int], list[float]] | NoEstimate:
    """Counts and shares of the variants with weight."""
    if len(counts) != len(weights):
        raise InvalidInput("counts", f"{len(counts)} counts", f"{len(weights)}, one for each weight")
    if any(count < 0 or count != int(count) for count in counts):
        raise InvalidInput("counts", list(counts), "whole numbers of at least 0")
    if any(not (0 <= weight < math.inf) for weight in weights):
        raise InvalidInput("weights", list(weights), "numbers of at least 0")
    pairs = [(int(count), weight) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    if len(pairs) < 2:
        return ONE_ARM
    if not sum(count for count, _ in pairs):
        return NO_UNITS
    total = math.fsum(weight for _, weight in pairs)
    return [count for count, _ in pairs], [weight / total for _, weight in pairs]


def _splits(n: int, k: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Every way to put n units into k variants, one row each."""
    if k == 2:
        first = np.arange(n + 1, dtype=np.float64)
        return np.column_stack([first, n - first])
    parts = []
    for first_count in range(n + 1):
        rest = _splits(n - first_count, k - 1)
        parts.append(np.column_stack([np.full(len(rest), float(first_count)), rest]))
    return np.concatenate(parts)
