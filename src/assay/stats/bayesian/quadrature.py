"""Integrals over one posterior's line, as logarithms: the part that matters is found first, then panels are laid.

Log-concave integrands are searched by zooming to where they are within e⁻⁵⁰ of their top; with heavy tails, which
may have two tops, panels grow geometrically from both centres instead. Gauss-Legendre on each panel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]
LogFunction = Callable[[Floats], Floats]

_DEPTH = 50.0
_ZOOMS = 80
_GRID = 65
_EVEN_PANELS = 24
_FEW = 96
_ORDER = 8
_STEPS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0])
_FINER = 0.02 * 0.4 ** np.arange(16)
_HEAVY_STEPS = np.concatenate([np.arange(0.0, 12.0, 0.5), 12.0 * 1.5 ** np.arange(0, 50)])


def log_integral(log_f: LogFunction, nodes: tuple[Floats, Floats]) -> Floats:
    """log ∫ exp(log_f) over the nodes of `nodes_for`; one number per row."""
    u, log_weights = nodes
    return np.asarray(logsumexp(log_f(u) + log_weights, axis=1), dtype=np.float64)


def integrated(log_f: LogFunction, centres: Floats, spreads: Floats, *, heavy: bool) -> Floats:
    """log ∫ exp(log_f). centres, spreads: (rows, 2) of the two curves in it, on the line."""
    return log_integral(log_f, nodes_for(log_f, centres, spreads, heavy=heavy))


def nodes_for(log_f: LogFunction, centres: Floats, spreads: Floats, *, heavy: bool) -> tuple[Floats, Floats]:
    """Points, and logarithms of their weights, that integrate exp(log_f) and whatever is as smooth beside it."""
    if heavy:
        return heavy_nodes(centres, spreads)
    low, high = _window(log_f, centres, spreads)
    even = low + (high - low) * np.linspace(0.0, 1.0, _EVEN_PANELS + 1)
    if bool((spreads > (high - low) / _EVEN_PANELS).all()):
        return _panels(even)
    near = np.clip(_around(centres, spreads, _STEPS), low, high)
    return _panels(np.sort(np.concatenate([even, near], axis=1), axis=1))


def even_nodes(log_f: LogFunction, centres: Floats, spreads: Floats) -> tuple[Floats, Floats]:
    """Few evenly spaced points for a log-concave density that is no wider than a bell: the trapezoid rule, which is
    exact to rounding where the ends are e^-_DEPTH below the top."""
    low, high = _window(log_f, centres, spreads)
    step = (high - low) / (_FEW - 1)
    return low + step * np.arange(_FEW), np.broadcast_to(np.log(step), (len(low), _FEW))


def broken_nodes(log_f: LogFunction, centres: Floats, spreads: Floats, breaks: Floats) -> tuple[Floats, Floats]:
    """Nodes for a log-concave density beside something with a step or a kink at `breaks` (rows, any number): panels
    that become finer and finer towards them."""
    low, high = _window(log_f, centres, spreads)
    even = low + (high - low) * np.linspace(0.0, 1.0, _EVEN_PANELS + 1)
    around = np.clip(_around(centres, spreads, _STEPS), low, high)
    finer = [breaks + (high - low) * step for step in np.concatenate([-_FINER[::-1], [0.0], _FINER])]
    near = np.clip(np.concatenate(finer, axis=1), low, high)
    return _panels(np.sort(np.concatenate([even, around, near], axis=1), axis=1))


def heavy_nodes(centres: Floats, spreads: Floats) -> tuple[Floats, Floats]:
    """Nodes for curves with heavy tails around all these centres."""
    return _panels(np.sort(_around(centres, spreads, _HEAVY_STEPS), axis=1))


def _around(centres: Floats, spreads: Floats, steps: Floats) -> Floats:
    both = np.concatenate([-steps[:0:-1], steps])
    return np.concatenate([c[:, None] + s[:, None] * both for c, s in zip(centres.T, spreads.T, strict=True)], axis=1)


def _window(log_f: LogFunction, centres: Floats, spreads: Floats) -> tuple[Floats, Floats]:
    """Columns (low, high) between which the integrand is within e^-_DEPTH of its top."""
    reach = 10 * spreads
    low = (centres - reach).min(axis=1, keepdims=True)
    high = (centres + reach).max(axis=1, keepdims=True)
    grid = np.linspace(0.0, 1.0, _GRID)
    for _ in range(_ZOOMS):
        u = low + (high - low) * grid
        h = log_f(u)
        h = np.where(np.isnan(h), -np.inf, h)
        inside = h > h.max(axis=1, keepdims=True) - _DEPTH
        first = inside.argmax(axis=1)
        last = _GRID - 1 - inside[:, ::-1].argmax(axis=1)
        width = (high - low)[:, 0]
        out_low, out_high = first == 0, last == _GRID - 1
        settled = (last - first >= _GRID // 2) & ~out_low & ~out_high
        if settled.all():
            break
        rows = np.arange(len(u))
        new_low = np.where(out_low, low[:, 0] - width, u[rows, np.maximum(first - 1, 0)])
        new_high = np.where(out_high, high[:, 0] + width, u[rows, np.minimum(last + 1, _GRID - 1)])
        low = np.where(settled, low[:, 0], new_low)[:, None]
        high = np.where(settled, high[:, 0], new_high)[:, None]
    return low, high


def _panels(breaks: Floats) -> tuple[Floats, Floats]:
    nodes, weights = _legendre()
    half = np.diff(breaks, axis=1)[:, :, None] / 2
    middle = (breaks[:, :-1, None] + breaks[:, 1:, None]) / 2
    u = (middle + half * nodes).reshape(len(breaks), -1)
    with np.errstate(divide="ignore"):
        return u, np.log(half * weights).reshape(len(breaks), -1)


@lru_cache(maxsize=1)
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    return nodes, weights
