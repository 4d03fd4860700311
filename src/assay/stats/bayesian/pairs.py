"""A treatment's posterior against a control's, independent of each other: chances and losses.

Everything is one integral over one line, with positive integrands only, so that nothing cancels:
P(T > C) = ∫ f_T F_C, and E max(C - T, 0) = ∫ P(T ≤ x) P(C > x) dx. Rows are metrics.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from assay.stats.bayesian.curves import Curve, Floats, Gammas, Students
from assay.stats.bayesian.quadrature import LogFunction, integrated
from assay.stats.bayesian.tails import beta_log_tail


class Chances(NamedTuple):
    """Logarithms of P(T > C) and P(T < C), and by how much the two integrals miss 1 together (0: closed form)."""

    log_above: Floats
    log_below: Floats
    error: Floats


def chances(treatment: Curve, control: Curve) -> Chances:
    """How likely the treatment is above, and below, the control."""
    if isinstance(treatment, Gammas) and isinstance(control, Gammas):
        return _gamma_chances(treatment, control)
    if _both_normal(treatment, control):
        z = (treatment.mean - control.mean) / np.hypot(treatment.spread, control.spread)
        return Chances(log_ndtr(z)[:, 0], log_ndtr(-z)[:, 0], np.zeros(len(z)))

    def above(u: Floats) -> Floats:
        return treatment.log_density(u) + control.log_below(control.points(u))

    def below(u: Floats) -> Floats:
        return treatment.log_density(u) + control.log_above(control.points(u))

    up, down = _over_both(above, treatment, control), _over_both(below, treatment, control)
    error = np.abs(np.exp(up) + np.exp(down) - 1)
    return Chances(_settled(up, down), _settled(down, up), error)


def log_shortfall(treatment: Curve, control: Curve) -> Floats:
    """log E max(C - T, 0): what shipping the treatment costs where it is below the control; the metric's unit."""
    if _both_normal(treatment, control):
        sd = np.hypot(treatment.spread, control.spread)
        return (np.log(sd) + log_normal_loss((treatment.mean - control.mean) / sd))[:, 0]

    def log_f(u: Floats) -> Floats:
        at = treatment.points(u)
        return treatment.log_below(at) + control.log_above(at) + treatment.log_slope(u)

    return _over_both(log_f, treatment, control)


def log_normal_loss(z: Floats) -> Floats:
    """log E max(-Z, 0) of Z ~ Normal(z, 1): log(φ(z) - z Φ(-z)), without its cancellation for large z."""
    z = np.asarray(z, dtype=np.float64)
    log_phi = -z * z / 2 - 0.5 * math.log(2 * math.pi)
    # Mills' ratio Φ(-z) / φ(z); beyond 30 what 1 - z times it leaves is a series in 1 / z²
    near = np.clip(z, 0.0, 30.0)
    left = 1 - near * math.sqrt(math.pi / 2) * erfcx(near / math.sqrt(2))
    far = np.maximum(z, 30.0) ** 2
    series = (1 - 3 / far * (1 - 5 / far * (1 - 7 / far * (1 - 9 / far * (1 - 11 / far))))) / far
    below = np.minimum(z, 0.0)
    shallow = np.exp(-below * below / 2) / math.sqrt(2 * math.pi) - below * ndtr(-below)
    return np.where(z > 0, log_phi + np.log(np.where(z > 30, series, left)), np.log(shallow))


def _both_normal(treatment: Curve, control: Curve) -> bool:
    arms = (treatment, control)
    return all(isinstance(arm, Students) and not arm.heavy for arm in arms)


def _gamma_chances(treatment: Gammas, control: Gammas) -> Chances:
    """T > C exactly when a Beta(shape_C, shape_T) is below rate_C / (rate_C + rate_T)."""
    x = 1 / (1 + treatment.rate / control.rate)
    rest = 1 / (1 + control.rate / treatment.rate)
    above = beta_log_tail(control.shape, treatment.shape, x, rest, upper=False)
    below = beta_log_tail(control.shape, treatment.shape, x, rest, upper=True)
    return Chances(above[:, 0], below[:, 0], np.zeros(len(x)))


def _over_both(log_f: LogFunction, treatment: Curve, control: Curve) -> Floats:
    centres = np.concatenate([treatment.centre, control.centre], axis=1)
    spreads = np.concatenate([treatment.spread, control.spread], axis=1)
    return integrated(log_f, centres, spreads, heavy=treatment.heavy or control.heavy)


def _settled(log_p: Floats, log_other: Floats) -> Floats:
    """The larger of two chances from the smaller one, so that both together are 1."""
    small = np.minimum(log_other, -math.log(2))
    return np.where(log_p > log_other, np.log1p(-np.exp(small)), np.minimum(log_p, 0.0))
