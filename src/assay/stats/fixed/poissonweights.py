"""Poisson(1) weights of units, many at a time."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from assay.stats.inputs import Floats


def poisson_weights(rng: np.random.Generator, counts: Floats, replications: int) -> Floats:
    """replications × rows: for each row the summed weights of its units, Poisson of their number.

    Rows of one unit come from a table of 65,536 equally likely weights: mean exactly 1, variance 0.99997.
    """
    shape = (replications, counts.size)
    if counts.size == 0 or counts.max() == 1:
        return _table()[rng.integers(0, 65_536, shape, dtype=np.uint16)]
    single = counts == 1
    weights = np.empty(shape)
    weights[:, single] = _table()[rng.integers(0, 65_536, (replications, int(single.sum())), dtype=np.uint16)]
    weights[:, ~single] = rng.poisson(counts[~single], (replications, int((~single).sum())))
    return weights


@lru_cache(maxsize=1)
def _table() -> Floats:
    cumulative = np.cumsum([math.exp(-1) / math.factorial(weight) for weight in range(12)])
    return np.searchsorted(cumulative, (np.arange(65_536) + 0.5) / 65_536).astype(np.float64)
