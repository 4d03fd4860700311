"""Which of several arms is best, and what choosing another one costs: one-dimensional integrals over products.

P(i is best) = ∫ f_i ∏_{j≠i} F_j. Loss of choosing i = E max_j θ_j - θ_i = Σ_j ∫ F_i (1 - F_j) ∏_{l<j, l≠i} F_l dx,
a sum of positive terms, so that losses near 0 keep their digits. Where less is better F and 1 - F change places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from assay.stats.bayesian.curves import Curve, Floats, Points
from assay.stats.bayesian.quadrature import integrated


class Best(NamedTuple):
    """One column per arm. log_chance: of being the best. log_loss: against the best of all, in the metric's unit.

    error: by how much the chances miss 1 together.
    """

    log_chance: Floats
    log_loss: Floats
    error: Floats


def best_of(arms: Sequence[Curve], *, less: bool = False) -> Best:
    """Chances and losses of at least two independent arms; rows are metrics."""
    centres = np.concatenate([arm.centre for arm in arms], axis=1)
    spreads = np.concatenate([arm.spread for arm in arms], axis=1)
    heavy = any(arm.heavy for arm in arms)

    def worse(j: int, at: Points) -> Floats:
        return arms[j].log_above(at) if less else arms[j].log_below(at)

    def better(j: int, at: Points) -> Floats:
        return arms[j].log_below(at) if less else arms[j].log_above(at)

    def chance(i: int) -> Floats:
        def log_f(u: Floats) -> Floats:
            at = arms[i].points(u)
            total = arms[i].log_density(u)
            for j in range(len(arms)):
                if j != i:
                    total = total + worse(j, at)
            return total

        return integrated(log_f, centres, spreads, heavy=heavy)

    def loss(i: int) -> Floats:
        others = [j for j in range(len(arms)) if j != i]
        parts = []
        for place, j in enumerate(others):

            def log_f(u: Floats, j: int = j, before: tuple[int, ...] = tuple(others[:place])) -> Floats:
                at = arms[i].points(u)
                total = worse(i, at) + better(j, at) + arms[i].log_slope(u)
                for earlier in before:
                    total = total + worse(earlier, at)
                return total

            parts.append(integrated(log_f, centres, spreads, heavy=heavy))
        return np.asarray(logsumexp(np.stack(parts), axis=0), dtype=np.float64)

    chances = np.stack([chance(i) for i in range(len(arms))], axis=1)
    error = np.abs(np.exp(chances).sum(axis=1) - 1)
    losses = np.stack([loss(i) for i in range(len(arms))], axis=1)
    return Best(np.minimum(chances, 0.0), losses, error)
