"""How an effect spreads: the distribution of T - C and of T / C - 1, and its quantiles. Rows are metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtri, polygamma

from assay.stats.bayesian.curves import Betas, Curve, Floats, Points, Students
from assay.stats.bayesian.quadrature import broken_nodes, even_nodes, heavy_nodes

Flags = NDArray[np.bool_]
_PROBIT_END = 37.0
_SEARCHES = 200


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
    on_t = scales[0] <= scales[1]

    def plus(points: Points, d: Floats) -> Points:
        return points.moved(d)

    def minus(points: Points, d: Floats) -> Points:
        return points.moved(-d)

    lines = _Lines(treatment, control, on_t, plus, minus)
    return Spread(
        log_below=lambda x: lines.log_tail(x, upper=False),
        log_above=lambda x: lines.log_tail(x, upper=True),
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

    def times(points: Points, r: Floats) -> Points:
        return points.times(r)

    def divided(points: Points, r: Floats) -> Points:
        return points.times(1 / r)

    lines = _Lines(treatment, control, shares[0] <= shares[1], times, divided)

    def tail(x: Floats, *, upper: bool) -> Floats:
        r = 1 + x
        # on the treatment's line C is compared with T / r, the other way round where r is negative
        return lines.log_tail(np.where(np.abs(r) < 1e-300, 1e-300, r), upper=upper, turned=r < 0)

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


Moved = Callable[[Points, Floats], Points]


class _Lines:
    """Integrates over the line of the narrower of two curves, row by row, so that the other is smooth between nodes.

    T ≤ to_treatment(C, x) and C ≥ to_control(T, x) are the same event: effect ≤ x.
    """

    def __init__(
        self, treatment: Curve, control: Curve, on_treatment: Flags, to_treatment: Moved, to_control: Moved
    ) -> None:
        self.n_rows = len(on_treatment)
        smooth = treatment.smooth & control.smooth
        self.parts = []
        for on_t, own, other, there, back in (
            (True, treatment, control, to_control, to_treatment),
            (False, control, treatment, to_treatment, to_control),
        ):
            for even in (True, False):
                rows = np.flatnonzero((on_treatment == on_t) & (smooth == even))
                if len(rows):
                    self.parts.append(_Part(taken(own, rows), taken(other, rows), rows, there, back, even, on_t))

    def log_tail(self, x: Floats, *, upper: bool, turned: Flags | None = None) -> Floats:
        """log P(effect ≤ x), or of > with `upper`. turned: rows where the treatment's line counts backwards."""
        answer = np.empty(self.n_rows)
        flip = np.zeros(self.n_rows, dtype=np.bool_) if turned is None else turned
        for part in self.parts:
            above = flip[part.rows] == upper if part.on_treatment else np.full(len(part.rows), upper)
            answer[part.rows] = part.log_tail(x[part.rows, None], above)
        return np.minimum(answer, 0.0)


class _Part:
    """Rows that share a way to lay nodes: even ones once for all, or around where the other curve has its edges."""

    def __init__(
        self,
        own: Curve,
        other: Curve,
        rows: NDArray[np.intp],
        there: Moved,
        back: Moved,
        even: bool,
        on_treatment: bool,
    ) -> None:
        self.own, self.other, self.rows, self.on_treatment = own, other, rows, on_treatment
        self.there, self.back = there, back
        self.fixed = self._weighted(*even_nodes(own.log_density, own.centre, own.spread)) if even else None

    def log_tail(self, x: Floats, above: Flags) -> Floats:
        points, log_w = self.fixed or self._weighted(*self._nodes(x))
        at = self.there(points, x)
        if above.all():
            logs = self.other.log_above(at)
        elif not above.any():
            logs = self.other.log_below(at)
        else:
            logs = np.where(above[:, None], self.other.log_above(at), self.other.log_below(at))
        return np.asarray(logsumexp(log_w + logs, axis=1), dtype=np.float64)

    def _weighted(self, u: Floats, log_w: Floats) -> tuple[Points, Floats]:
        log_w = log_w + self.own.log_density(u)
        return self.own.points(u), log_w - logsumexp(log_w, axis=1, keepdims=True)

    def _nodes(self, x: Floats) -> tuple[Floats, Floats]:
        if isinstance(self.other, Students):
            # the other curve's centre and width as they lie on this line
            centre = self.back(self.other.points(self.other.centre), x).x
            edge = self.back(self.other.points(self.other.centre + self.other.spread), x).x
            centre, width = np.clip(centre, -1e100, 1e100), np.clip(np.abs(edge - centre), 1e-100, 1e100)
            return heavy_nodes(np.hstack([self.own.centre, centre]), np.hstack([self.own.spread, width]))
        ends = np.array([[end for end in (self.other.floor, self.other.ceiling) if math.isfinite(end)]])
        edges = self.own.on_line(self.back(Points(ends, 1 - ends), x).x)
        return broken_nodes(self.own.log_density, self.own.centre, self.own.spread, edges)


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
