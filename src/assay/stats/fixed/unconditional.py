"""Exact tests of two shares over all tables that could have been seen, at the share that is least favourable.

A set of tables is kept as runs of neighbours in a row, so its chance needs only cumulative binomials. The largest
chance over the control's share is sought on a grid, evenly spaced in the angle arcsin √p, then around the grid's
highest points.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from assay.stats.distributions import SMALLEST_P
from assay.stats.fixed.restricted import difference_score
from assay.stats.fixed.share_pair import SharePair
from assay.stats.inputs import Floats

Whole = NDArray[np.intp]

MOST_TABLES = 40_000
"""Of (n_t + 1)(n_c + 1): 199 units in each arm."""
MOST_UNITS = 1_000
"""In one arm."""
_GRID = 256
_PEAKS = 3
_AROUND = 17
_ROUNDS = 3
_SAME = 1e-9
_STEPS = 20
_FINE_STEPS = 40
_HALVINGS = 20


def too_many(pair: SharePair) -> bool:
    """Whether there are more tables or units than the limits."""
    return (pair.n_t + 1) * (pair.n_c + 1) > MOST_TABLES or max(pair.n_t, pair.n_c) > MOST_UNITS


def every_score(pair: SharePair, delta: float) -> Floats:
    """The score statistic of "treatment - control = delta" for every table; 0 where the variance is 0."""
    rows, columns = np.arange(pair.n_t + 1.0)[:, None], np.arange(pair.n_c + 1.0)[None, :]
    return np.nan_to_num(difference_score(rows, pair.n_t, columns, pair.n_c, delta, False), nan=0.0, posinf=1e9)


def at_least_as_extreme(order: Floats, pair: SharePair) -> Floats:
    """1 for tables whose order is at least that of the table seen, else 0."""
    seen = order[pair.x_t, pair.x_c]
    found: Floats = (order >= seen - _SAME * max(1.0, abs(seen))).astype(np.float64)
    return found


def largest_chance(tables: Floats, delta: float, enough: float | None = None) -> float:
    """The chance of a set of tables at the least favourable pair of shares that differ by delta.

    enough: stop with what the grid says where that is above `enough`, or below nine tenths of it.
    """
    n_t, n_c = tables.shape[0] - 1, tables.shape[1] - 1
    low, high = max(0.0, -delta), min(1.0, 1.0 - delta)
    runs = _runs(tables)
    log_t, log_c = _log_choices(n_t), _log_choices(n_c)

    def chances(angles: Floats) -> Floats:
        p = low + (high - low) * np.sin(angles) ** 2
        return _chance(runs, _binomial(np.clip(p + delta, 0.0, 1.0), n_t, log_t), _binomial(p, n_c, log_c))

    angles = np.linspace(0.0, math.pi / 2, _GRID)
    found = chances(angles)
    best, step = float(found.max()), float(angles[1])
    rounds = _ROUNDS if enough is None or 0.9 * enough < best <= enough else 0
    peaks = angles[np.argsort(found)[-_PEAKS:]]
    for _ in range(rounds):
        around = np.clip(peaks[:, None] + np.linspace(-step, step, _AROUND), 0.0, math.pi / 2).ravel()
        near = chances(around)
        peaks, step = around[np.argsort(near)[-1:]], step * 2 / (_AROUND - 1)
        best = max(best, float(near.max()))
    return min(1.0, max(SMALLEST_P, best))


def _runs(tables: Floats) -> tuple[Whole, Whole, Whole]:
    """The set as runs of neighbours in a row: row, first column, last column."""
    edged = np.zeros((tables.shape[0], tables.shape[1] + 2), dtype=np.int8)
    edged[:, 1:-1] = tables > 0
    turns = np.diff(edged, axis=1)
    rows, first = np.nonzero(turns == 1)
    _, after = np.nonzero(turns == -1)
    return rows, first, after - 1


def _chance(runs: tuple[Whole, Whole, Whole], of_t: Floats, of_c: Floats) -> Floats:
    """The chance of the runs, one number per row of shares; tails are summed from the end they touch."""
    rows, first, last = runs
    up = np.cumsum(of_c, axis=1)
    down = np.cumsum(of_c[:, ::-1], axis=1)[:, ::-1]
    end = of_c.shape[1] - 1
    at_start, at_end = first == 0, (last == end) & (first > 0)
    between = ~(at_start | at_end)
    found = np.einsum("ij,ij->i", of_t[:, rows[at_start]], up[:, last[at_start]])
    found += np.einsum("ij,ij->i", of_t[:, rows[at_end]], down[:, first[at_end]])
    if between.any():
        inner = up[:, last[between]] - up[:, first[between] - 1]
        found += np.einsum("ij,ij->i", of_t[:, rows[between]], inner)
    result: Floats = found
    return result


def fixed_order_bound(tables: Floats, tail: float, *, lower: bool) -> float:
    """The difference at which a fixed set of tables has chance `tail` (a Buehler limit).

    lower: the set of tables at least as much in the treatment's favour, whose chance grows with the difference; else
    the set at least as much in the control's favour.
    """
    from scipy.optimize import brentq

    def gap(delta: float) -> float:
        return largest_chance(tables, delta) - tail

    ends = (-1.0, 1.0) if lower else (1.0, -1.0)
    if gap(ends[0]) > 0:
        return ends[0]
    return float(brentq(gap, *ends, xtol=1e-9))


def outermost_accepted(accepted: Callable[[float], bool], start: float, inside: float) -> float:
    """The first difference from `start` towards `inside` that is accepted: by steps, by finer steps, by halving.

    A stretch of accepted differences narrower than a fine step (a 400th of the way) is missed.
    """
    if accepted(start):
        return start
    step = (inside - start) / _STEPS
    outside, within = _first(accepted, start, inside, _STEPS)
    further = outside - step if abs(outside - step - inside) < abs(start - inside) else start
    outside, within = _first(accepted, further, within, _FINE_STEPS)
    for _ in range(_HALVINGS):
        middle = (outside + within) / 2
        if accepted(middle):
            within = middle
        else:
            outside = middle
    return within


def _first(accepted: Callable[[float], bool], start: float, inside: float, steps: int) -> tuple[float, float]:
    """The last point before the first accepted one, and that one; `inside` counts as accepted."""
    outside = start
    for point in np.linspace(start, inside, steps + 1)[1:-1].tolist():
        if accepted(point):
            return outside, point
        outside = point
    return outside, inside


def _log_choices(n: int) -> Floats:
    k = np.arange(n + 1.0)
    found: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return found


def _binomial(p: Floats, n: int, log_choices: Floats) -> Floats:
    """Chances of 0 … n conversions, one row per share."""
    k = np.arange(n + 1.0)
    found: Floats = np.exp(log_choices + xlogy(k, p[:, None]) + xlogy(n - k, 1 - p[:, None]))
    return found
