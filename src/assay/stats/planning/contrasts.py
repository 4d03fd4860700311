"""From a design, sizes and a treatment's true value to the chance that one comparison shows what it looks for.

Every hypothesis is one or two one-sided contrasts θ = g(t) - r g(c) - d > 0 (or < 0), g the identity or, for rates,
the logarithm. With se₀ the standard error the test uses and se₁ the true one, power = Φ((|θ| - z · se₀) / se₁).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from assay.model.metric import Direction, Hypothesis
from assay.stats.planning.design import DUNNETT, Anytime, Design, Form, GroupSequential, Scale
from assay.stats.planning.exact import exact_share_power, share_z_rejects, t_beyond
from assay.stats.planning.families import dunnett_critical
from assay.stats.planning.measured import MeanMeasure, ShareMeasure, on_log_scale, possible_values
from assay.stats.planning.stopping import ever_beyond
from assay.stats.sequential.mixture import squared_radius, tuned_rho_squared


@dataclass(frozen=True, slots=True)
class Contrast:
    """towards: 1 where θ must be shown above 0, -1 below it. Relative margins are ratios, absolute ones shifts."""

    towards: int
    ratio: float = 1.0
    shift: float = 0.0

    def at(self, design: Design, value: float) -> float:
        """θ towards what must be shown, where the treatment's true value is `value`."""
        baseline = design.measured.baseline
        if on_log_scale(design.measured):
            return self.towards * (math.log(value / baseline) - math.log(self.ratio))
        return self.towards * (value - self.ratio * baseline - self.shift)

    def edge(self, design: Design) -> float:
        """The treatment's value at which θ is 0."""
        return self.ratio * design.measured.baseline + self.shift


def contrasts_of(design: Design, value: float | None = None) -> tuple[Contrast, ...]:
    """What must be shown; two contrasts for equivalence. A two-sided difference looks towards `value`, or where there
    is none in the design's direction."""
    better = 1 if design.direction == Direction.INCREASE else -1
    kind, margin = design.hypothesis, design.margin or 0.0
    if kind == Hypothesis.DIFFERENCE:
        if not design.one_sided and value is not None:
            better = -1 if value < design.measured.baseline else 1
        return (Contrast(better),)
    if kind == Hypothesis.EQUIVALENCE:
        return (_moved(design, 1, -margin), _moved(design, -1, margin))
    return (_moved(design, better, better * (margin if kind == Hypothesis.SUPERIORITY else -margin)),)


def _moved(design: Design, towards: int, margin: float) -> Contrast:
    return Contrast(towards, 1 + margin) if design.scale == Scale.RELATIVE else Contrast(towards, 1.0, margin)


def comparison_power(design: Design, units: tuple[int, ...], which: int, value: float) -> float:
    """The chance that treatment `which` (1, 2, …) shows what it must, with `units` per variant, control first."""
    low, high = possible_values(design.measured)
    if not low < value < high:
        return 0.0
    pair = (units[which], units[0])
    tail = tail_of(design, units, which)
    powers = [_one_sided(design, contrast, pair, tail, value) for contrast in contrasts_of(design, value)]
    return powers[0] if len(powers) == 1 else max(0.0, sum(powers) - 1)


def tail_of(design: Design, units: tuple[int, ...], which: int = 1) -> float:
    """The upper tail that each one-sided contrast is tested at, all corrections included."""
    if design.correction == DUNNETT:
        weights = tuple(float(weight) for weight in design.weights)
        return float(ndtr(-dunnett_critical(weights, design.alpha, sides=design.sides)))
    if isinstance(design.method, Anytime):
        return anytime_tail(design, design.method, float(units[which] + units[0]), units[which] + units[0])
    return design.alpha / design.comparisons / design.sides


def anytime_tail(design: Design, method: Anytime, n_units: float, planned: int) -> float:
    """The tail of the sequence's bound after `n_units` in both arms, where `planned` is the size it is tuned to."""
    tuned = method.tuning_units if method.tuning_units is not None else planned
    m = tuned_rho_squared(tuned, design.alpha) * n_units
    square = squared_radius(m, design.alpha / design.comparisons)
    # With infinite degrees of freedom there always is a radius.
    return float(ndtr(-math.sqrt(square))) if square is not None else 0.0


def standard_errors(design: Design, contrast: Contrast, pair: tuple[float, float], value: float) -> tuple[float, float]:
    """(the test's, the true one) of θ, with `pair` units in treatment and control."""
    measured, (n_t, n_c) = design.measured, pair
    v_t = measured.variance(value, treatment=True)
    v_c = measured.variance(measured.baseline)
    weight = 1.0 if on_log_scale(measured) else contrast.ratio**2
    factor = design.variance_factor
    true = math.sqrt(factor * (v_t / n_t + weight * v_c / n_c))
    if not (isinstance(measured, ShareMeasure) and measured.pooled):
        return true, true
    p = (n_t * value + n_c * measured.baseline) / (n_t + n_c)
    return math.sqrt(factor * p * (1 - p) * (1 / n_t + 1 / n_c)), true


def _one_sided(design: Design, contrast: Contrast, pair: tuple[int, int], tail: float, value: float) -> float:
    theta = contrast.at(design, value)
    if design.form == Form.EXACT and isinstance(design.measured, ShareMeasure):
        rejects = share_z_rejects(
            *pair,
            tail,
            pooled=design.measured.pooled,
            towards=contrast.towards,
            ratio=contrast.ratio,
            shift=contrast.shift,
        )
        return exact_share_power(value, design.measured.baseline, *pair, rejects)
    method = design.method
    inflation = method.inflation if isinstance(method, GroupSequential) else 1.0
    sizes = (pair[0] / inflation, pair[1] / inflation)
    tests, true = standard_errors(design, contrast, sizes, value)
    if design.form == Form.EXACT:
        return t_beyond(tail, _degrees_of_freedom(design, contrast, pair), theta / true)
    if isinstance(method, Anytime) and method.looks > 1:
        return _over_looks(design, method, sum(pair), theta / true, tests / true)
    return float(ndtr((theta + float(ndtri(tail)) * tests) / true))


def _degrees_of_freedom(design: Design, contrast: Contrast, pair: tuple[int, int]) -> float:
    """Welch and Satterthwaite's at the true variances; of cluster means where clusters are randomised."""
    measured, size = design.measured, design.clusters.mean_size if design.clusters is not None else 1.0
    if not isinstance(measured, MeanMeasure):
        return math.inf
    n_t, n_c = (max(2.0, n / size) for n in pair)
    a = measured.variance(0.0, treatment=True) / n_t
    b = contrast.ratio**2 * measured.variance(0.0) / n_c
    return (a + b) ** 2 / (a**2 / (n_t - 1) + b**2 / (n_c - 1))


def _over_looks(design: Design, method: Anytime, n_units: int, drift: float, scale: float) -> float:
    fractions = [look / method.looks for look in range(1, method.looks + 1)]
    bounds = [-scale * float(ndtri(anytime_tail(design, method, n_units * share, n_units))) for share in fractions]
    return ever_beyond(fractions, bounds, drift)[-1]
