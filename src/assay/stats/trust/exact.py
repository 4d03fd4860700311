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
_FEW_OUTCOMES = 10_000
_FEW_EXPECTED = 10.0
"""Units expected in a variant below which the chi-square test's p-value can be wrong many times over."""
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
    logs = _log_chances(n, shares)
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
    units (at most ten thousand splits, or less than ten units expected in a variant and at most two million splits),
    chi-square beyond: with one unit expected in a variant of 20,000, chi-square called 6 units p = 6e-7 where the
    exact test says 6e-4. A mismatch of the whole often sits in one browser, country or day: the segments say where.
    Raises InvalidInput naming a segment whose counts do not fit the weights.
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
    n = sum(seen)
    few = n * min(shares) < _FEW_EXPECTED
    if math.comb(n + len(seen) - 1, len(seen) - 1) <= (MOST_OUTCOMES if few else _FEW_OUTCOMES):
        return exact_sample_ratio(counts, weights)
    return chi_square_p(seen, shares)


def _live(counts: Sequence[int], weights: Sequence[float]) -> tuple[list[int], list[float]] | NoEstimate:
    """Counts and shares of the variants with weight."""
    if len(counts) != len(weights):
        raise InvalidInput("counts", f"{len(counts)} counts", f"{len(weights)}, one for each weight")
    if any(not (math.isfinite(count) and count >= 0 and count == int(count)) for count in counts):
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


def _log_chances(n: int, shares: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """log of the multinomial chance of every split of n units, built up variant by variant."""
    left = np.array([n], dtype=np.int64)
    logs = np.array([float(gammaln(n + 1))])
    factorials = gammaln(np.arange(n + 1) + 1.0)
    for share in shares[:-1]:
        times = left + 1
        starts = np.cumsum(times) - times
        taken = np.arange(int(times.sum())) - np.repeat(starts, times)
        left = np.repeat(left, times) - taken
        logs = np.repeat(logs, times) + taken * math.log(share) - factorials[taken]
    return np.asarray(logs + left * math.log(shares[-1]) - factorials[left])
