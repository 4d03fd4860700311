"""Two shares given how many converted in all: Fisher's noncentral hypergeometric distribution, by logarithms.

The weights of all tables with the same margins come from their ratios, summed outwards from the likeliest table, so
that no large factorials cancel and tails keep their digits far below what a float can hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from assay.model.result import NoEstimate
from assay.stats.fixed.share_pair import SharePair
from assay.stats.inputs import Floats

MOST_TABLES = 1_000_000
TOO_MANY_TABLES = NoEstimate(
    "too_many_units",
    f"more than {MOST_TABLES:,} tables share these totals, too many to list; use miettinen_nurminen, which is as good "
    "with so many conversions",
)
_SAME = 1e-7
"""Tables whose chances differ relatively by less are taken as equally likely, as R does."""


class Tables(NamedTuple):
    """Conversions the treatment can have given the totals, with the log weight of each and where the one seen is."""

    conversions: Floats
    log_weights: Floats
    seen: int


def tables_of(pair: SharePair) -> Tables | NoEstimate:
    """Every table with the totals of this one; the log weights sum to 1."""
    total = pair.x_t + pair.x_c
    low, high = max(0, total - pair.n_c), min(pair.n_t, total)
    if high - low >= MOST_TABLES:
        return TOO_MANY_TABLES
    k = np.arange(low, high + 1, dtype=np.float64)
    up = np.log(total - k[:-1]) + np.log(pair.n_t - k[:-1]) - np.log(k[1:]) - np.log(pair.n_c - total + k[1:])
    mode = int(np.searchsorted(-up, 0.0))
    weights = np.zeros(k.size)
    weights[mode + 1 :] = np.cumsum(up[mode:])
    weights[:mode] = -np.cumsum(up[:mode][::-1])[::-1]
    return Tables(k, weights - log_sum(weights), pair.x_t - low)


def log_sum(logs: Floats) -> float:
    """log Σ exp(logs)."""
    if not logs.size:
        return -math.inf
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).sum()))


def log_tails(tables: Tables, log_odds_ratio: float = 0.0) -> tuple[float, float]:
    """log P(X ≤ seen) and log P(X ≥ seen) under an odds ratio."""
    logs = _tilted(tables, log_odds_ratio)
    return min(0.0, log_sum(logs[: tables.seen + 1])), min(0.0, log_sum(logs[tables.seen :]))


def log_no_likelier(tables: Tables) -> float:
    """log of the chance of all tables that are no likelier than the one seen."""
    logs = tables.log_weights
    return min(0.0, log_sum(logs[logs <= logs[tables.seen] + _SAME]))


def likeliest_log_odds_ratio(tables: Tables) -> float:
    """Of the conditional likelihood; infinite at the ends of what is possible."""
    if tables.seen == 0:
        return -math.inf
    if tables.seen == tables.conversions.size - 1:
        return math.inf
    seen = float(tables.conversions[tables.seen])

    def excess(log_odds_ratio: float) -> float:
        logs = _tilted(tables, log_odds_ratio)
        return float(np.exp(logs) @ (tables.conversions - seen))

    return _root(excess)


def odds_ratio_bound(tables: Tables, tail: float, *, lower: bool) -> float:
    """The log odds ratio under which the table seen or a more extreme one has chance `tail`."""
    if lower and tables.seen == 0:
        return -math.inf
    if not lower and tables.seen == tables.conversions.size - 1:
        return math.inf
    target = math.log(tail)

    def gap(log_odds_ratio: float) -> float:
        below, above = log_tails(tables, log_odds_ratio)
        return above - target if lower else target - below

    return _root(gap)


def _tilted(tables: Tables, log_odds_ratio: float) -> Floats:
    if log_odds_ratio == 0:
        return tables.log_weights
    logs = tables.log_weights + tables.conversions * log_odds_ratio
    return logs - log_sum(logs)


def _root(rising: Callable[[float], float]) -> float:
    from scipy.optimize import brentq

    far = 1.0
    while rising(-far) > 0 or rising(far) < 0:
        far *= 2
    return float(brentq(rising, -far, far, xtol=1e-13, rtol=1e-13))
