"""Estimates after stopping by the stagewise ordering: earlier crossings count as more extreme than later ones.

Under the ordering an outcome (look k, z) is exceeded with P(θ) = P(cross upwards before k) + P(reach k, Z_k ≥ z),
which rises with the drift θ. P(0) is the p-value; the drifts with P = α/2, 1/2, 1 - α/2 are the interval and the
median-unbiased estimate (Tsiatis, Rosner & Mehta 1984, Biometrics 40:797–803; Jennison & Turnbull 2000, 8.4–8.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.stats.distributions import normal_quantile
from assay.stats.group_sequential.process import Process
from assay.stats.outcome import Alternative

Kept = tuple[float, float]
"""Lower and upper bound of the paths that go on after a look."""


def log_exceeding(
    information: tuple[float, ...], kept: Sequence[Kept], z: float, drift: float = 0.0, sign: float = 1.0
) -> float:
    """log P(θ) of the outcome z at the last look; kept: what went on at each look before. sign -1: from below."""
    process, logs = Process(information, drift * sign), []
    for lower, upper in kept:
        low, high = (lower, upper) if sign > 0 else (-upper, -lower)
        logs.append(process.log_above(high))
        process.go_on(low, high)
    logs.append(process.log_above(sign * z))
    top = max(logs)
    return min(0.0, top + math.log(sum(math.exp(item - top) for item in logs))) if top > -math.inf else top


def stagewise_log_p(information: tuple[float, ...], kept: Sequence[Kept], z: float, alternative: Alternative) -> float:
    """log of the p-value of stopping with z (in the direction of the alternative) at the last of these looks."""
    above = log_exceeding(information, kept, z)
    if alternative is not Alternative.TWO_SIDED:
        return above
    return min(0.0, math.log(2) + min(above, log_exceeding(information, kept, z, sign=-1.0)))


def drift_exceeded(information: tuple[float, ...], kept: Sequence[Kept], z: float, chance: float) -> float:
    """The drift θ at which the outcome z at the last look is exceeded with this chance."""
    from scipy.optimize import brentq

    root = math.sqrt(information[-1])

    def excess(drift: float) -> float:
        # compare on whichever side is the smaller, so that tails keep their digits
        if chance <= 0.5:
            return log_exceeding(information, kept, z, drift) - math.log(chance)
        return math.log1p(-chance) - log_exceeding(information, kept, z, drift, sign=-1.0)

    centre = (z - normal_quantile(chance)) / root
    reach = 0.5 / root
    low = high = centre
    while excess(low) > 0:
        low, reach = low - reach, reach * 2
    reach = 0.5 / root
    while excess(high) < 0:
        high, reach = high + reach, reach * 2
    return float(brentq(excess, low, high, xtol=1e-12 / root, rtol=1e-13)) if low < high else centre
