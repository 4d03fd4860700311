"""How far each value lies from being a sample's q-th quantile, in standard deviations, without any density.

If v is the q-th quantile, the number of observations at or below it is at least binomial (n, q), and the number below
it at most that. The score of v is the normal deviate of the tail probability of what was seen, with half of the
probability of the number itself unless told otherwise, 0 where neither is surprising: negative for values that are too
low. Clusters enter by the effective number of observations, n / design effect, as in Woodruff 1952 and the outer
interval of Deng, Knoblich & Lu 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, ndtri

from assay.stats.fixed.counted import Counted
from assay.stats.inputs import Floats

_NEAR = 8.0
_SERIES = 2 / (np.arange(2, 12) * np.arange(3, 13))


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a sample's distinct values, ascending; `before` and `after`: those of values beyond its ends.

    gaps: scores of the values between the distinct ones, one more than these. effective: observations.
    """

    values: Floats
    at: Floats
    gaps: Floats
    q: float
    effective: float

    @property
    def before(self) -> float:
        return float(self.gaps[0])

    @property
    def after(self) -> float:
        return float(self.gaps[-1])

    @property
    def middle(self) -> float:
        """A value whose score is 0."""
        return float(self.values[np.abs(self.at).argmin()])

    def of(self, wanted: Floats) -> Floats:
        """The scores of any values."""
        places = np.searchsorted(self.values, wanted)
        inside = np.minimum(places, self.values.size - 1)
        return np.where(self.values[inside] == wanted, self.at[inside], self.gaps[places])

    def within(self, radius: float) -> tuple[float | None, float | None]:
        """The lowest and highest value with a score up to `radius` in size; None where there is no end."""
        accepted = self.values[np.abs(self.at) <= radius]
        lower = None if -self.before <= radius else float(accepted[0])
        return lower, None if self.after <= radius else float(accepted[-1])

    def cautions(self, name: str) -> tuple[str, ...]:
        """Where the normal deviates are rough."""
        beyond = self.effective * min(self.q, 1 - self.q)
        if beyond >= 10:
            return ()
        return (f"{name} has only {beyond:.2g} effective observations beyond the quantile: its interval is rough",)


def scored(sample: Counted, q: float, design_effect: float = 1.0, *, halved: bool = True) -> Scores:
    """Scores of a sample that is not empty. halved: mid-p; else the number itself counts in full, which is cautious."""
    effective = sample.n / design_effect
    shares = np.concatenate([[0.0], np.cumsum(sample.counts)]) / sample.n
    # a count on the far side of n q is no surprise; two effective observations of room for the binomial's median
    room = 2 / effective
    split_low, split_high = np.searchsorted(shares, q + room, side="right"), np.searchsorted(shares, q - room)
    low, high = np.zeros(shares.size), np.zeros(shares.size)
    low[:split_low] = np.maximum(0.0, -tail_deviate(effective * shares[:split_low], effective, q, halved))
    above = effective * (1 - shares[split_high:][::-1])
    high[split_high:] = np.maximum(0.0, -tail_deviate(above, effective, 1 - q, halved))[::-1]
    # between two values, as many observations lie at or below as below; at a value they differ by those that have it
    return Scores(sample.values, high[:-1] - low[1:], high - low, q, effective)


def tail_deviate(s: Floats, n: float, p: float, halved: bool = True) -> Floats:
    """z with Φ(z) = P(B ≤ s), or P(B < s) + P(B = s) / 2 where halved, B binomial (n, p); s and n need not be whole.

    By the incomplete beta function up to 8 in size, beyond by Peizer and Pratt's approximation, right to 0.02 there.
    """
    z = _peizer_pratt(s - 0.5 if halved else s, n, p)
    near = np.abs(z) < _NEAR
    some = np.minimum(s[near], n)
    at_most = np.where(some < n, betainc(np.where(some < n, n - some, 1.0), some + 1, 1 - p), 1.0)
    if halved:
        below = np.where(some > 0, betainc(n - some + 1, np.where(some > 0, some, 1.0), 1 - p), 0.0)
        at_most = (at_most + below) / 2
    z[near] = ndtri(at_most)
    return np.maximum.accumulate(z)


def _peizer_pratt(s: Floats, n: float, p: float) -> Floats:
    """z with Φ(z) ≈ P(B ≤ s) (Peizer & Pratt 1968)."""
    q = 1 - p
    big_s, big_t = np.maximum(s + 0.5, 1e-9), np.maximum(n - s - 0.5, 1e-9)
    tilt = q / np.maximum(s + 1, 0.5) - p / (big_t + 0.5) + (q - 0.5) / (n + 1)
    distance = s + 2 / 3 - (n + 1 / 3) * p + 0.02 * tilt
    scale = (1 + q * _bend(big_s / (n * p)) + p * _bend(big_t / (n * q))) / ((n + 1 / 6) * p * q)
    return np.asarray(distance * np.sqrt(np.maximum(scale, 0.0)))


def _bend(x: Floats) -> Floats:
    """(1 - x² + 2 x log x) / (1 - x)²; by its series Σ 2 (1 - x)^j / ((j + 1) (j + 2)) beside 1."""
    u = 1 - x
    near = np.abs(u) < 0.03
    safe = np.where(near, 0.5, x)
    bent = (1 - safe * safe + 2 * safe * np.log(safe)) / (1 - safe) ** 2
    some = u[near]
    bent[near] = some * np.polynomial.polynomial.polyval(some, _SERIES)
    return np.asarray(bent)
