"""Experiments replayed look by look, and the losses and chances a Bayesian rule would see at each of them.

Posteriors of shares are compared exactly wherever that could change a decision; far from it, where the normal
approximation is off by much less than the distance, by that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from assay.errors import InvalidInput
from assay.stats.bayesian.curves import Betas, Floats
from assay.stats.bayesian.pairs import log_normal_loss
from assay.stats.checks import is_number

Flags = NDArray[np.bool_]

_FEWEST_POINTS = 48
_MOST_POINTS = 4_000
_STEP = 0.4
"""Of the narrower posterior's spread."""
_REACH = 9.0
_TAIL = 30.0
_AT_ONCE = 500
_FEW = 20
"""Conversions, or non-conversions, below which shares are always compared exactly."""
_NEAR = 1.5
"""Losses within this factor of the bound are computed exactly."""
_NEAR_Z = 0.15
"""Chances within this of the bound, on the probit scale, are computed exactly."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Shares at `baseline`, or means at it with standard deviation `sd`; looks in units per arm, ascending."""

    baseline: float
    sd: float | None
    looks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a rule compares: a loss in the metric's unit, or the chance of being worse. minimum_units: per arm."""

    value: float
    minimum_units: int
    of_loss: bool


def check_watch(watch: Watch, replications: int) -> Watch:
    """The same, or InvalidInput naming what is wrong."""
    looks = watch.looks
    if not looks or any(type(look) is not int or look < 1 for look in looks) or sorted(set(looks)) != list(looks):
        raise InvalidInput("looks", list(looks), "whole numbers of units per arm, ascending")
    if watch.sd is None:
        if not (is_number(watch.baseline) and 0 < watch.baseline < 1):
            raise InvalidInput("baseline", watch.baseline, "a share above 0 and below 1, or a mean with its sd")
    elif not (math.isfinite(watch.sd) and watch.sd > 0 and math.isfinite(watch.baseline)):
        raise InvalidInput("sd", watch.sd, "a finite number above 0, with a finite baseline")
    if replications < 100:
        raise InvalidInput("replications", replications, "100 or more")
    return watch


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """Replayed experiments: rows are replications, columns looks. converted: of treatment and control, for shares.

    difference, spread: of the (approximate) posterior of the effect.
    """

    units: NDArray[np.int64]
    difference: Floats
    spread: Floats
    converted: tuple[NDArray[np.int64], NDArray[np.int64]] | None

    def decided(self, bound: Bound) -> tuple[Flags, Flags]:
        """At which looks the treatment would be shipped, and the control kept."""
        ship_at, keep_at = self._seen(bound)
        late = self.units >= bound.minimum_units
        ship, keep = (ship_at <= bound.value) & late, (keep_at <= bound.value) & late
        both = ship & keep
        first = ship_at <= keep_at
        return ship & (~both | first), keep & (~both | ~first)

    def smallest_loss(self, minimum_units: int, place: int) -> float:
        """The loss that `place` + 1 replications reach at some look: of each the smallest, sorted, that one."""
        late = self.units >= minimum_units
        rough = np.exp(self._log_loss(1))[:, late].min(axis=1)
        if self.converted is None:
            return float(np.sort(rough)[place])
        # the smallest losses of the sample lie among those that are roughly small
        enough = _NEAR * float(np.sort(rough)[place])
        seen, _ = self._seen(Bound(enough, minimum_units, True))
        return float(np.sort(seen[:, late].min(axis=1))[place])

    def _seen(self, bound: Bound) -> tuple[Floats, Floats]:
        """What shipping and keeping are judged by: losses, or chances to be the worse one."""
        if bound.of_loss:
            ship, keep = np.exp(self._log_loss(1)), np.exp(self._log_loss(-1))
            near = _within(ship, bound.value, _NEAR) | _within(keep, bound.value, _NEAR)
        else:
            z = self.difference / self.spread
            ship, keep = ndtr(-z), ndtr(z)
            near = np.abs(np.abs(z) + ndtri(bound.value)) < _NEAR_Z
        if self.converted is None:
            return ship, keep
        x_t, x_c = self.converted
        rare = np.minimum(np.minimum(x_t, x_c), self.units - np.maximum(x_t, x_c))
        exact = (near | (rare < _FEW)) & (self.units >= bound.minimum_units)
        rows = np.stack([x_t[exact], x_c[exact], np.broadcast_to(self.units, x_t.shape)[exact]], axis=1)
        different, back = np.unique(rows, axis=0, return_inverse=True)
        found = share_losses(different) if bound.of_loss else share_chances(different)
        ship[exact], keep[exact] = found[0][back.ravel()], found[1][back.ravel()]
        return ship, keep

    def _log_loss(self, sign: int) -> Floats:
        return np.asarray(np.log(self.spread) + log_normal_loss(sign * self.difference / self.spread))


def simulated(watch: Watch, effect: float, replications: int, rng: np.random.Generator) -> Replayed:
    """Experiments of equal arms in which the treatment is baseline · (1 + effect)."""
    units = np.array(watch.looks, dtype=np.int64)
    blocks = np.diff(units, prepend=0)
    shape = (replications, len(units))
    if watch.sd is not None:
        noise = watch.sd * np.sqrt(2.0 * blocks) * rng.standard_normal(shape)
        difference = watch.baseline * effect + noise.cumsum(axis=1) / units
        return Replayed(units, difference, np.broadcast_to(watch.sd * np.sqrt(2 / units), shape), None)
    x_t = rng.binomial(blocks, watch.baseline * (1 + effect), shape).cumsum(axis=1)
    x_c = rng.binomial(blocks, watch.baseline, shape).cumsum(axis=1)
    arms = [Betas(1.0 + x, 1.0 + units - x) for x in (x_t, x_c)]
    return Replayed(units, arms[0].mean - arms[1].mean, np.hypot(arms[0].sd, arms[1].sd), (x_t, x_c))


def share_losses(rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Expected loss of shipping and of keeping; rows: converted of treatment, of control, units of each."""

    def judge(t: Betas, c: Betas, u: Floats) -> tuple[Floats, Floats]:
        at, slope = t.points(u), t.log_slope(u)
        below = t.log_below(at), c.log_below(at)
        above = [np.log1p(-np.minimum(np.exp(log), 1 - 1e-16)) for log in below]
        return np.exp(below[0] + above[1] + slope), np.exp(above[0] + below[1] + slope)

    return _in_parts(judge, rows)


def share_chances(rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The chance that the treatment is worse, and that it is better."""

    def judge(t: Betas, c: Betas, u: Floats) -> tuple[Floats, Floats]:
        density, below = np.exp(t.log_density(u)), np.exp(c.log_below(t.points(u)))
        return density * (1 - below), density * below

    return _in_parts(judge, rows)


Judge = Callable[[Betas, Betas, Floats], tuple[Floats, Floats]]


def _in_parts(judge: Judge, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The trapezoid rule on the logit line, over both posteriors: right to about 1e-9 of the spread."""
    parts = [np.zeros((0, 2))]
    for start in range(0, len(rows), _AT_ONCE):
        x_t, x_c, n = (column[:, None].astype(np.float64) for column in rows[start : start + _AT_ONCE].T)
        t, c = Betas(1 + x_t, 1 + n - x_t), Betas(1 + x_c, 1 + n - x_c)
        # with few conversions the logit's tails fall off only as e^(a u)
        down = np.maximum(_REACH * np.maximum(t.spread, c.spread), _TAIL / np.minimum(t.a, c.a))
        up = np.maximum(_REACH * np.maximum(t.spread, c.spread), _TAIL / np.minimum(t.b, c.b))
        low, high = np.minimum(t.centre, c.centre) - down, np.maximum(t.centre, c.centre) + up
        finest = float(((high - low) / np.minimum(t.spread, c.spread)).max())
        points = int(min(_MOST_POINTS, max(_FEWEST_POINTS, finest / _STEP)))
        u = low + (high - low) * np.linspace(0, 1, points)
        step = (high - low)[:, 0] / (points - 1)
        parts.append(np.stack([values.sum(axis=1) * step for values in judge(t, c, u)], axis=1))
    found = np.concatenate(parts)
    return found[:, 0], found[:, 1]


def _within(values: Floats, bound: float, factor: float) -> Flags:
    return (values < bound * factor) & (values > bound / factor)
