"""What the everyday tests are fed in simulations, and how often those of shares err: counted out, not drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from assay.model.moments import VALUE, Moments
from assay.stats.outcome import Alternative, Outcome
from tests.sim.alarm_bound import least_expected, most_allowed
from tests.sim.claims import error_broken, error_kept, exact

ALPHA = 0.05
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
SIDES = (Alternative.TWO_SIDED, Alternative.GREATER, Alternative.LESS)
ARMS = ((0.5, "even arms"), (0.1, "a tenth treated"), (0.9, "a tenth control"))
SHARES = ((0.001, 200_000), (0.01, 40_000), (0.05, 20_000), (0.3, 4_000))
"""Baselines and units: 20 conversions and more in the smallest arm."""
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
VALUES: dict[str, Draw] = {
    "normal": lambda rng, shape: 10 + 3 * rng.standard_normal(shape),
    "lognormal": lambda rng, shape: np.exp(rng.standard_normal(shape)),
    "revenue, 5 % buy": lambda rng, shape: np.where(
        rng.random(shape) < 0.05, np.exp(3 + 0.8 * rng.standard_normal(shape)), 0.0
    ),
}
MEAN_OF = {"normal": 10.0, "lognormal": float(np.exp(0.5)), "revenue, 5 % buy": float(0.05 * np.exp(3 + 0.32))}


class Rates(NamedTuple):
    """How often a test at 5 % rejects, by what it looks for."""

    two_sided: float
    greater: float
    less: float

    def swapped(self) -> Rates:
        """With the arms' sizes swapped."""
        return Rates(self.two_sided, self.less, self.greater)


class Pair(NamedTuple):
    """Two true shares and the units of each arm."""

    p_t: float
    n_t: int
    p_c: float
    n_c: int


def z_rates(pair: Pair, *, pooled: bool = False, difference: float = 0.0, ratio: float = 1.0) -> Rates:
    """How often p_t - ratio · p_c = difference is rejected by the normal curve, summed over all likely counts."""
    (x, weight_x), (y, weight_y) = _likely(pair.n_t, pair.p_t), _likely(pair.n_c, pair.p_c)
    a, b = x[:, None] / pair.n_t, y[None, :] / pair.n_c
    both = (x[:, None] + y[None, :]) / (pair.n_t + pair.n_c)
    if pooled:
        variance = both * (1 - both) * (1 / pair.n_t + 1 / pair.n_c)
    else:
        variance = a * (1 - a) / pair.n_t + ratio**2 * b * (1 - b) / pair.n_c
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, (a - ratio * b - difference) / np.sqrt(variance), 0.0)
    weights = weight_x[:, None] * weight_y[None, :]
    cases = (np.abs(z) > -ndtri(ALPHA / 2), z > -ndtri(ALPHA), z < ndtri(ALPHA))
    return Rates(*(float(weights[case].sum()) for case in cases))


def _likely(n: int, p: float) -> tuple[NDArray[np.int64], Floats]:
    x = np.arange(int(binom.ppf(1e-9, n, p)), int(binom.isf(1e-9, n, p)) + 1)
    return x, np.asarray(binom.pmf(x, n, p))


def judged_shares(
    rng: np.random.Generator, pair: Pair, replications: int, test: Callable[..., Outcome], **options: Any
) -> list[Outcome]:
    """`test` of drawn counts, each pair of counts judged once."""
    drawn = np.stack([rng.binomial(n, p, replications) for p, n in ((pair.p_t, pair.n_t), (pair.p_c, pair.n_c))])
    different, which = np.unique(drawn, axis=1, return_inverse=True)
    found = [test((x, pair.n_t), (y, pair.n_c), **options) for x, y in different.T.tolist()]
    return [found[i] for i in which.ravel()]


def all_moments(values: Floats) -> list[Moments]:
    """The moments of every row."""
    means = values.mean(axis=1, keepdims=True)
    squares = ((values - means) ** 2).sum(axis=1).tolist()
    n = values.shape[1]
    return [Moments(n, (VALUE,), (m,), (s,)) for m, s in zip(means[:, 0].tolist(), squares, strict=True)]


def at_its_rate(claim: str, wrong: Flags, rate: float) -> None:
    """A rate that is known. Where it is at most 5 % the error is kept; else the claim says what it is."""
    if rate <= 0.0505:
        error_kept(claim, wrong, ALPHA)
    else:
        exact(f"{claim} (5 % meant)", wrong, rate)


def up_to(claim: str, wrong: Flags, rate: float) -> None:
    """An error kept at 5 %, or a higher rate where it is not; where that can be seen it is shown to be higher."""
    error_kept(claim if rate <= ALPHA else f"{claim} (5 % meant)", wrong, rate)
    if least_expected(rate, wrong.size) > most_allowed(ALPHA, wrong.size):
        error_broken(f"{claim}: more than 5 %", wrong, ALPHA)


def looking(side: Alternative) -> str:
    """In words."""
    return side.value.replace("_", "-")


def rejected(outcomes: list[Outcome]) -> Flags:
    """Whether each p-value is at most 5 %."""
    return np.array([isinstance(item.p_value, float) and item.p_value <= ALPHA for item in outcomes])
