"""Rows of posteriors of one family, on a line where each is smooth: shares as logits, rates as logarithms.

On that line every density, and so every distribution function, is log-concave (Student's t aside), which is what the
quadrature relies on. Parameters are columns, shape (rows, 1); points are (rows, points).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, log_expit, log_ndtr, logit, polygamma

from assay.stats.bayesian.tails import (
    beta_log_scale,
    beta_log_tail,
    gamma_log_tail,
    stirling_rest,
    student_log_tail,
)

Floats = NDArray[np.float64]
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_SMOOTH = 10.0
"""Conversions (and non-conversions) or events from which the end of the scale is out of reach."""
_NEARLY_NORMAL = 50.0
"""Degrees of freedom from which a t is as good as normal for laying out nodes."""


@dataclass(frozen=True, slots=True)
class Points:
    """Values with their distance to the upper end, given apart because it may be tiny (shares: 1 - x)."""

    x: Floats
    rest: Floats

    def moved(self, by: Floats | float) -> Points:
        """The values plus `by`, no further than the ends."""
        return Points(self.x + by, self.rest - by)

    def times(self, factor: Floats | float) -> Points:
        """The values times `factor`."""
        return Points(self.x * factor, self.rest - self.x * (factor - 1))


class Curve(Protocol):
    """Posteriors of one family. log_density is with respect to u; log_slope is log dx/du; on_line is u of x.

    heavy: with tails of Student's t. smooth: by row, whether even nodes do: no density that starts with a step at the
    end of what a value can be, no tails that matter far out.
    """

    @property
    def mean(self) -> Floats: ...
    @property
    def sd(self) -> Floats: ...
    @property
    def centre(self) -> Floats: ...
    @property
    def spread(self) -> Floats: ...
    @property
    def heavy(self) -> bool: ...
    @property
    def floor(self) -> float: ...
    @property
    def ceiling(self) -> float: ...
    @property
    def smooth(self) -> NDArray[np.bool_]: ...
    def log_density(self, u: Floats) -> Floats: ...
    def on_line(self, x: Floats) -> Floats: ...
    def points(self, u: Floats) -> Points: ...
    def log_slope(self, u: Floats) -> Floats: ...
    def log_below(self, at: Points) -> Floats: ...
    def log_above(self, at: Points) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Betas:
    """Shares; u is the logit."""

    a: Floats
    b: Floats
    heavy = False
    floor = 0.0
    ceiling = 1.0

    @property
    def mean(self) -> Floats:
        return self.a / (self.a + self.b)

    @property
    def sd(self) -> Floats:
        n = self.a + self.b
        return np.sqrt(self.a / n * (self.b / n) / (n + 1))

    @property
    def centre(self) -> Floats:
        return np.log(self.a) - np.log(self.b)

    @property
    def spread(self) -> Floats:
        return np.sqrt(_trigamma(self.a) + _trigamma(self.b))

    def log_density(self, u: Floats) -> Floats:
        n = self.a + self.b
        m, w = self.a / n, u - self.centre
        # log(1 + m (e^w - 1)), written so that neither a large nor a very negative w overflows
        with np.errstate(over="ignore"):
            inner = np.where(w < 0.5, np.log1p(m * np.expm1(np.minimum(w, 0.5))), w + np.log(m + (1 - m) * np.exp(-w)))
        return beta_log_scale(self.a, self.b) - (n * inner - self.a * w)

    @property
    def smooth(self) -> NDArray[np.bool_]:
        return np.asarray(np.minimum(self.a, self.b)[:, 0] >= _SMOOTH)

    def on_line(self, x: Floats) -> Floats:
        return np.asarray(logit(np.clip(x, 1e-300, 1 - 1e-16)), dtype=np.float64)

    def points(self, u: Floats) -> Points:
        return Points(expit(u), expit(-u))

    def log_slope(self, u: Floats) -> Floats:
        return np.asarray(log_expit(u) + log_expit(-u), dtype=np.float64)

    def log_below(self, at: Points) -> Floats:
        return beta_log_tail(self.a, self.b, _unit(at.x), _unit(at.rest), upper=False)

    def log_above(self, at: Points) -> Floats:
        return beta_log_tail(self.a, self.b, _unit(at.x), _unit(at.rest), upper=True)


@dataclass(frozen=True, slots=True)
class Gammas:
    """Events per exposure; u is the logarithm."""

    shape: Floats
    rate: Floats
    heavy = False
    floor = 0.0
    ceiling = math.inf

    @property
    def mean(self) -> Floats:
        return self.shape / self.rate

    @property
    def sd(self) -> Floats:
        return np.sqrt(self.shape) / self.rate

    @property
    def centre(self) -> Floats:
        return np.log(self.shape) - np.log(self.rate)

    @property
    def spread(self) -> Floats:
        return np.sqrt(_trigamma(self.shape))

    def log_density(self, u: Floats) -> Floats:
        w = u - self.centre
        with np.errstate(over="ignore"):
            gain = self.shape * (w - np.expm1(w))
        return gain + 0.5 * np.log(self.shape) - _HALF_LOG_2PI - stirling_rest(self.shape)

    @property
    def smooth(self) -> NDArray[np.bool_]:
        return np.asarray(self.shape[:, 0] >= _SMOOTH)

    def on_line(self, x: Floats) -> Floats:
        return np.log(np.clip(x, 1e-300, 1e300))

    def points(self, u: Floats) -> Points:
        with np.errstate(over="ignore"):
            x = np.exp(u)
        return Points(x, np.ones_like(x))

    def log_slope(self, u: Floats) -> Floats:
        return u

    def log_below(self, at: Points) -> Floats:
        return gamma_log_tail(self.shape, np.maximum(at.x, 0.0) * self.rate, upper=False)

    def log_above(self, at: Points) -> Floats:
        return gamma_log_tail(self.shape, np.maximum(at.x, 0.0) * self.rate, upper=True)


@dataclass(frozen=True, slots=True)
class Students:
    """Means with an estimated variance; normal where the degrees of freedom are infinite. u is the value itself."""

    location: Floats
    scale: Floats
    degrees_of_freedom: Floats
    floor = -math.inf
    ceiling = math.inf

    @property
    def heavy(self) -> bool:
        return bool(np.isfinite(self.degrees_of_freedom).any())

    @property
    def mean(self) -> Floats:
        return self.location

    @property
    def sd(self) -> Floats:
        nu = self.degrees_of_freedom
        with np.errstate(divide="ignore", invalid="ignore"):
            widened = np.sqrt(nu / (nu - 2))
        return self.scale * np.where(nu > 2, np.where(np.isinf(nu), 1.0, widened), math.inf)

    @property
    def centre(self) -> Floats:
        return self.location

    @property
    def spread(self) -> Floats:
        return self.scale

    def log_density(self, u: Floats) -> Floats:
        z, nu = (u - self.location) / self.scale, self.degrees_of_freedom
        finite = np.where(np.isinf(nu), 1.0, nu)
        # the scale by Stirling's series, where the gamma functions would cancel
        large = np.maximum(finite, 1e4)
        series = -_HALF_LOG_2PI - 1 / (4 * large) + 1 / (24 * large**3)
        small = np.minimum(finite, 1e4)
        direct = gammaln((small + 1) / 2) - gammaln(small / 2) - 0.5 * np.log(small * math.pi)
        student = np.where(finite > 1e4, series, direct) - (finite + 1) / 2 * np.log1p(z / finite * z)
        return np.where(np.isinf(nu), -_HALF_LOG_2PI - z * z / 2, student) - np.log(self.scale)

    @property
    def smooth(self) -> NDArray[np.bool_]:
        return np.asarray(self.degrees_of_freedom[:, 0] >= _NEARLY_NORMAL)

    def on_line(self, x: Floats) -> Floats:
        return x

    def points(self, u: Floats) -> Points:
        return Points(u, np.ones_like(u))

    def log_slope(self, u: Floats) -> Floats:
        return np.zeros_like(u)

    def log_below(self, at: Points) -> Floats:
        return self._log_tail((at.x - self.location) / self.scale)

    def log_above(self, at: Points) -> Floats:
        return self._log_tail((self.location - at.x) / self.scale)

    def _log_tail(self, z: Floats) -> Floats:
        if not self.heavy:
            return np.asarray(log_ndtr(z), dtype=np.float64)
        nu = np.where(np.isinf(self.degrees_of_freedom), 1e300, self.degrees_of_freedom)
        normal = np.broadcast_to(np.isinf(self.degrees_of_freedom), z.shape)
        finite = np.where(normal, 1.0, np.broadcast_to(nu, z.shape))
        return np.where(normal, log_ndtr(z), student_log_tail(np.where(normal, 0.0, z), finite))


def _trigamma(z: Floats) -> Floats:
    return np.asarray(polygamma(1, z), dtype=np.float64)


def _unit(x: Floats) -> Floats:
    return np.clip(x, 0.0, 1.0)
