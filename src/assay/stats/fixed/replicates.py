"""From replicated estimates to a p-value and an interval that agree, with their Monte Carlo error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from assay.model.result import NoEstimate
from assay.stats.inputs import Floats
from assay.stats.outcome import Alternative, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapOutcome:
    """What a bootstrap says: an outcome, and how far chance in the resampling moves it.

    replications: those that had a value. standard_error: of the difference. bias: mean of replicates minus estimate.
    p_value_error: Monte Carlo standard error of the p-value. interval_error: of the lower and the upper bound, None
    where there is no such bound. The p-value cannot be below 2 / (replications + 1), one-sided 1 / (replications + 1).
    """

    outcome: Outcome
    replications: int
    seed: int
    standard_error: float | NoEstimate
    bias: float | NoEstimate
    p_value_error: float | NoEstimate
    interval_error: tuple[float | None, float | None]


class Correction(NamedTuple):
    """Efron's bias correction and acceleration; both 0 for percentiles as they are."""

    bias: float = 0.0
    acceleration: float = 0.0

    def place(self, z: float) -> float:
        """The share of replicates below the bound whose nominal normal quantile is z (Efron 1987, eq. 2.3)."""
        moved = self.bias + z
        below = 1 - self.acceleration * moved
        return float(ndtr(self.bias + moved / below)) if below > 0 else float(moved > 0)

    def nominal(self, share: float) -> float:
        """The reverse: the nominal tail below a bound that has this share of replicates below."""
        moved = float(ndtri(share)) - self.bias
        below = 1 + self.acceleration * moved
        return float(ndtr(moved / below - self.bias)) if below > 0 else float(moved > 0)


class Read(NamedTuple):
    """p-value and bounds read off replicates, with their Monte Carlo errors."""

    p_value: float
    p_error: float
    lower: float | None
    upper: float | None
    lower_error: float | None
    upper_error: float | None


def read_off(replicates: Floats, null: float, alpha: float, looked_for: Alternative, correction: Correction) -> Read:
    """p = twice the smaller tail beyond null, both counted with null itself; bounds at the ranks where p passes alpha.

    With k = ⌊α/2 · (B + 1)⌋ the bounds are the k-th replicates from both ends, and p = 2 (1 + #beyond) / (B + 1): null
    is outside exactly when p ≤ alpha (Davison & Hinkley 1997, sections 4.2 and 5.2).
    """
    size = replicates.size
    ordered = np.sort(replicates)
    below = (1 + int(np.searchsorted(ordered, null, side="right"))) / (size + 1)
    above = (1 + size - int(np.searchsorted(ordered, null, side="left"))) / (size + 1)
    p_low = correction.nominal(min(below, size / (size + 1)))
    p_high = 1 - correction.nominal(1 - min(above, size / (size + 1)))
    two = looked_for is Alternative.TWO_SIDED
    p_low, p_high = (1.0 if below >= 1 else p_low), (1.0 if above >= 1 else p_high)
    p = min(1.0, 2 * min(p_low, p_high)) if two else p_low if looked_for is Alternative.GREATER else p_high
    share = min(1.0, max(p / 2 if two else p, 1 / (size + 1)))
    error = (2 if two else 1) * math.sqrt(share * (1 - share) / size)
    z = float(ndtri(alpha / 2 if two else alpha))
    lower = _bound(ordered, correction.place(z)) if looked_for is not Alternative.LESS else (None, None)
    mirrored = (
        _bound(-ordered[::-1], 1 - correction.place(-z)) if looked_for is not Alternative.GREATER else (None, None)
    )
    upper = (None if mirrored[0] is None else 0.0 - mirrored[0], mirrored[1])
    return Read(p, error, lower[0], upper[0], lower[1], upper[1])


def _bound(ordered: Floats, share: float) -> tuple[float | None, float | None]:
    """The replicate with this share of replicates up to it, and the standard error of that from ranks nearby."""
    size = ordered.size
    rank = math.floor(share * (size + 1) + 1e-9)
    if rank < 1:
        return None, None
    rank = min(rank, size)
    spread = math.sqrt(size * share * (1 - share))
    first, last = max(1, math.floor(rank - spread)), min(size, math.ceil(rank + spread))
    return float(ordered[rank - 1]), float(ordered[last - 1] - ordered[first - 1]) / 2
