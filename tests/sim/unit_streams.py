"""Units arriving one by one, summed up to each look: arrays of replications × looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """Units and conversions of two arms at every look."""

    n_t: Array
    x_t: Array
    n_c: Array
    x_c: Array


@dataclass(frozen=True, slots=True)
class Sums:
    """Units, mean and unit variance of two arms at every look.

    spread, tilt: what adjusted arms share adds spread (1 - r)² + tilt (1 - r²) to the variance of t - r c.
    """

    n_t: Array
    m_t: Array
    v_t: Array
    n_c: Array
    m_c: Array
    v_c: Array
    spread: Array | float = 0.0
    tilt: Array | float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Units, means and centred comoments of two columns y, x in one arm at every look."""

    n: Array
    y: Array
    x: Array
    yy: Array
    yx: Array
    xx: Array


@dataclass(frozen=True, slots=True)
class Pairs:
    """Treatment and control."""

    t: Pair
    c: Pair


Draw = Callable[[np.random.Generator, tuple[int, int]], tuple[Array, Array]]


def looks(horizon: int, every: int = 100, early: int = 100) -> NDArray[np.int64]:
    """Block sizes: a look after every 2 units up to `early`, then after every `every` up to `horizon`."""
    return np.array([2] * (early // 2) + [every] * ((horizon - early) // every))


def conversions(
    rng: np.random.Generator, blocks: NDArray[np.int64], replications: int, p_t: float, p_c: float, share: float
) -> Counts:
    """Each unit goes to the treatment with probability `share` and converts with its arm's probability."""
    shape = (replications, len(blocks))
    n_t = rng.binomial(np.broadcast_to(blocks, shape), share)
    n_c = blocks - n_t
    x_t, x_c = rng.binomial(n_t, p_t), rng.binomial(n_c, p_c)
    return Counts(*(np.cumsum(part, axis=1).astype(float) for part in (n_t, x_t, n_c, x_c)))


def paired(
    rng: np.random.Generator,
    blocks: NDArray[np.int64],
    replications: int,
    draw: Draw,
    factor: float = 1.0,
    share: float = 0.5,
    chunk: int = 250,
) -> Pairs:
    """Pairs from `draw`, the first times `factor` in the treatment; the treatment gets `share` of the units."""
    parts = []
    for start in range(0, replications, chunk):
        shape = (min(chunk, replications - start), int(blocks.sum()))
        treated = rng.random(shape) < share
        first, second = draw(rng, shape)
        first = first * np.where(treated, factor, 1.0)
        starts = np.concatenate([[0], np.cumsum(blocks)[:-1]])
        parts.append([_pair(chosen, first, second, starts) for chosen in (treated, ~treated)])
    treatment, control = (
        Pair(*(np.concatenate(columns) for columns in zip(*(part[side] for part in parts), strict=True)))
        for side in (0, 1)
    )
    return Pairs(treatment, control)


def _pair(chosen: NDArray[np.bool_], first: Array, second: Array, starts: NDArray[np.int64]) -> tuple[Array, ...]:
    y, x = np.where(chosen, first, 0.0), np.where(chosen, second, 0.0)
    n, sy, sx, yy, yx, xx = (
        np.cumsum(np.add.reduceat(part, starts, axis=1), axis=1)
        for part in (chosen.astype(float), y, x, y * y, y * x, x * x)
    )
    some = np.maximum(n, 1)
    return n, sy / some, sx / some, yy - sy * sy / some, yx - sy * sx / some, xx - sx * sx / some


def as_means(pairs: Pairs) -> Sums:
    """The first column's means."""
    return Sums(*(part for side in (pairs.t, pairs.c) for part in (side.n, side.y, _unit(side.yy, side.n))))


def as_ratios(pairs: Pairs) -> Sums:
    """First column over second, by the delta method."""
    columns: list[Array] = []
    for side in (pairs.t, pairs.c):
        ratio = side.y / np.where(side.x == 0, 1.0, side.x)
        residual = side.yy - 2 * ratio * side.yx + ratio**2 * side.xx
        columns += [side.n, ratio, _unit(residual, side.n) / np.where(side.x == 0, 1.0, side.x) ** 2]
    return Sums(*columns)


def as_adjusted(pairs: Pairs, *, own_coefficient: bool = False) -> Sums:
    """First column adjusted by the second, pooled over both arms; own_coefficient: the faulty way, per arm."""
    t, c = pairs.t, pairs.c
    theta = (t.yx + c.yx) / np.maximum(t.xx + c.xx, 1e-300)
    middle = (t.n * t.x + c.n * c.x) / (t.n + c.n)
    columns: list[Array] = []
    for side in (t, c):
        slope = side.yx / np.maximum(side.xx, 1e-300) if own_coefficient else theta
        centre = side.x if own_coefficient else middle
        residual = side.yy - 2 * slope * side.yx + slope**2 * side.xx
        columns += [side.n, side.y - slope * (side.x - centre), _unit(residual, side.n)]
    if own_coefficient:
        return Sums(*columns)
    n = np.maximum(t.n + c.n, 1)
    of_middle = theta**2 * sum(side.n / np.maximum(side.n - 1, 1) * side.xx for side in (t, c)) / n**2
    with_t, with_c = (theta * (side.yx - theta * side.xx) / np.maximum(side.n - 1, 1) / n for side in (t, c))
    return Sums(*columns, of_middle + with_t + with_c, with_t - with_c)


def _unit(squares: Array, n: Array) -> Array:
    return np.maximum(squares, 0.0) / np.maximum(n - 1, 1)
