"""How many alarms in a simulation are too many: an exact binomial bound."""

from __future__ import annotations

import os

from scipy.stats import binom

REPLICATIONS = int(os.environ.get("ASSAY_SIM_REPLICATIONS", "5000"))
"""How many experiments a simulation replays."""
TAIL = 1e-6
"""Chance that a method with exactly the claimed error fails; small because many simulations are run."""


def most_allowed(error: float, replications: int = REPLICATIONS) -> int:
    """The largest count that a true error rate of `error` exceeds with probability of at most TAIL."""
    return int(binom.isf(TAIL, replications, error))


def least_expected(share: float, replications: int = REPLICATIONS) -> int:
    """The smallest count that a true rate of `share` undercuts with probability of at most TAIL."""
    return int(binom.ppf(TAIL, replications, share))
