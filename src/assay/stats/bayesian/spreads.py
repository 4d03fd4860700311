"""How an effect spreads: the distribution of T - C and of T / C - 1, and its quantiles. Rows are metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtri, polygamma

from assay.stats.bayesian.curves import Betas, Curve, Floats, Points, Students
from assay.stats.bayesian.quadrature import even_nodes, nodes_for

Flags = NDArray[np.bool_]
_PROBIT_END = 37.0
_SEARCHES = 200
_NEARLY_BELL = 0.65
"""Spread of a logit or logarithm up to which few evenly spaced points do (from about three conversions on)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The distribution of an effect. log_below, log_above: of P(effect ≤ x) and P(effect > x), one x per row.

    centre, scale: where a search starts; floor, ceiling: what the effect can be. logarithmic: these four are of
    log(1 + effect), on which the search goes then.
    """

    log_below: Callable[[Floats], Floats]
    log_above: Callable[[Floats], Floats]
    centre: Floats
    scale: Floats
    floor: float = -math.inf
    ceiling: float = math.inf
    logarithmic: bool = False

    def quantile(self, p: float) -> Floats:
        """The effect undercut with chance p, per row, to about 1e-10 of the spread: secants on the probit scale."""
        low_side = p <= 0.5
        target = float(ndtri(p))
        tail, sign = (self.log_below, 1.0) if low_side else (self.log_above, -1.0)

        def off(at: Floats) -> Floats:
            return np.clip(sign * ndtri(np.exp(tail(self._effect(at)))), -_PROBIT_END, _PROBIT_END) - target

        guess = np.clip(self.centre + target * self.scale, self.floor, self.ceiling)
        root = _root(off, *self._bracket(off, guess, -1), *self._bracket(off, guess, 1), self.scale)
        return self._effect(root)

    def _effect(self, at: Floats) -> Floats:
        return np.expm1(at) if self.logarithmic else at

    def _bracket(self, off: Callable[[Floats], Floats], guess: Floats, way: int) -> tuple[Floats, Floats]:
        step, x, f = 0.1 * self.scale, guess, np.zeros_like(guess)
        for _ in range(_SEARCHES):
            x = np.clip(guess + way * step, self.floor, self.ceiling)
            f = off(x)
            beyond = way * f > 0
            if bool((beyond | (x == (self.floor if way < 0 else self.ceiling))).all()):
                break
            step = np.where(beyond, step, step * 2)
        return x, f


def difference(treatment: Curve, control: Curve) -> Spread:
    """T - C. Chances are right, relative to themselves, down to about 1e-20."""
    scales = _on_scale(treatment), _on_scale(control)
    line = _Lines(treatment, control, scales[0] <= scales[1])

    def tail(x: Floats, *, upper: bool) -> Floats:
        return line.log_tail(lambda c, rows: c.moved(x[rows, None]), lambda t, rows: t.moved(-x[rows, None]), upper)

    return Spread(
        log_below=lambda x: tail(x, upper=False),
        log_above=lambda x: tail(x, upper=True),
        centre=(treatment.mean - control.mean)[:, 0],
        scale=np.hypot(*scales),
        floor=treatment.floor - control.ceiling,
        ceiling=treatment.ceiling - control.floor,
    )


def lift(treatment: Curve, control: Curve) -> Spread:
    """T / C - 1, for controls that are surely above 0."""
    logarithmic = treatment.floor == 0
    if logarithmic:
        centre = np.log(treatment.mean[:, 0]) - np.log(control.mean[:, 0])
        shares = _log_scale(treatment), _log_scale(control)
    else:
        ratio = treatment.mean[:, 0] / control.mean[:, 0]
        centre = ratio - 1
        shares = _on_scale(treatment) / control.mean[:, 0], np.abs(ratio) * _on_scale(control) / control.mean[:, 0]
    line = _Lines(treatment, control, shares[0] <= shares[1])

    def tail(x: Floats, *, upper: bool) -> Floats:
        r = 1 + x
        r = np.where(np.abs(r) < 1e-300, 1e-300, r)
        # on the treatment's line C is compared with T / r, the other way round where r is negative
        return line.log_tail(
            lambda c, rows: c.times(r[rows, None]), lambda t, rows: t.times(1 / r[rows, None]), upper, r < 0
        )

    return Spread(
        log_below=lambda x: tail(x, upper=False),
        log_above=lambda x: tail(x, upper=True),
        centre=centre,
        scale=np.hypot(*shares),
        logarithmic=logarithmic,
    )


def taken(curve: Curve, rows: NDArray[np.intp]) -> Curve:
    """Some rows of a curve."""
    values = [getattr(curve, item.name)[rows] for item in fields(curve)]  # type: ignore[arg-type]
    return type(curve)(*values)


Moved = Callable[[Points, NDArray[np.intp]], Points]


class _Lines:
    """Nodes on the line of the narrower of two curves, row by row, so that the other is smooth between them."""

    def __init__(self, treatment: Curve, control: Curve, on_treatment: Flags) -> None:
        self.treatment, self.control = treatment, control
        self.n_rows = len(on_treatment)
        self.on_t, self.on_c = np.flatnonzero(on_treatment), np.flatnonzero(np.logical_not(on_treatment))
        self.nodes_t, self.nodes_c = _weighted(treatment, self.on_t), _weighted(control, self.on_c)

    def log_tail(self, of_control: Moved, of_treatment: Moved, upper: bool, turned: Flags | None = None) -> Floats:
        """log P(T ≤ moved C), or of > with `upper`; of_treatment moves T instead, to where C is compared with it."""
        answer = np.empty(self.n_rows)
        if len(self.on_c):
            points, log_w = self.nodes_c
            other, at = taken(self.treatment, self.on_c), of_control(points, self.on_c)
            answer[self.on_c] = logsumexp(log_w + (other.log_above(at) if upper else other.log_below(at)), axis=1)
        if len(self.on_t):
            points, log_w = self.nodes_t
            other, at = taken(self.control, self.on_t), of_treatment(points, self.on_t)
            flip = np.zeros(len(self.on_t), bool) if turned is None else np.asarray(turned)[self.on_t]
            use_below = np.logical_xor(flip, upper)
            if use_below.all():
                logs = other.log_below(at)
            elif not use_below.any():
                logs = other.log_above(at)
            else:
                logs = np.where(use_below[:, None], other.log_below(at), other.log_above(at))
            answer[self.on_t] = logsumexp(log_w + logs, axis=1)
        return np.minimum(answer, 0.0)


def _weighted(curve: Curve, rows: NDArray[np.intp]) -> tuple[Points, Floats]:
    if not len(rows):
        return Points(np.empty((0, 0)), np.empty((0, 0))), np.empty((0, 0))
    part = taken(curve, rows)
    bell = not part.heavy and (isinstance(part, Students) or bool((part.spread < _NEARLY_BELL).all()))
    if bell:
        u, log_w = even_nodes(part.log_density, part.centre, part.spread)
    else:
        u, log_w = nodes_for(part.log_density, part.centre, part.spread, heavy=part.heavy)
    log_w = log_w + part.log_density(u)
    return part.points(u), log_w - logsumexp(log_w, axis=1, keepdims=True)


def _on_scale(curve: Curve) -> Floats:
    """The spread in the metric's unit, finite also where a t has no standard deviation."""
    return (curve.scale if isinstance(curve, Students) else curve.sd)[:, 0]


def _log_scale(curve: Curve) -> Floats:
    """About the standard deviation of the logarithm of a share or a rate."""
    if isinstance(curve, Betas):
        return np.asarray(np.sqrt(polygamma(1, curve.a) - polygamma(1, curve.a + curve.b)), dtype=np.float64)[:, 0]
    return curve.spread[:, 0]


def _root(
    off: Callable[[Floats], Floats], low: Floats, f_low: Floats, high: Floats, f_high: Floats, scale: Floats
) -> Floats:
    """Zero of an increasing function between low and high (Illinois; halves where a secant leaves the bracket)."""
    side, x = np.zeros(len(low)), (low + high) / 2
    for _ in range(_SEARCHES):
        with np.errstate(divide="ignore", invalid="ignore"):
            x = low - f_low * (high - low) / (f_high - f_low)
        x = np.where((x > low) & (x < high), x, (low + high) / 2)
        f = off(x)
        is_low = f < 0
        f_high = np.where(is_low, np.where(side < 0, f_high / 2, f_high), f)
        f_low = np.where(is_low, f, np.where(side > 0, f_low / 2, f_low))
        low, high = np.where(is_low, x, low), np.where(is_low, high, x)
        side = np.where(is_low, -1.0, 1.0)
        if bool(((np.abs(f) < 1e-10) | (high - low <= 1e-13 * scale)).all()):
            break
    return x
