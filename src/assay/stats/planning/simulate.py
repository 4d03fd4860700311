"""Power by simulation: of any two-sample test, on units drawn as one likes. For tests no formula knows.

Bayesian, bootstrap and quantile tests have no power formula worth trusting; rank tests with ties hardly one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.checks import is_number
from assay.stats.inputs import Floats, check_alpha, check_seed, finite, units_of
from assay.stats.outcome import Outcome
from assay.stats.planning.search import checked_power

Test = Callable[..., Outcome]
"""A two-sample test: (treatment, control, alpha=…) → Outcome."""
Draw = Callable[[np.random.Generator, int], Any]
"""How units come: (generator, number of units) → what the test takes, usually one number per unit."""

_FIRST_BATCH = 100
_NEAR = 0.8
"""Sizes whose probit power is further than this from the one asked say little about where it is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPower:
    """power: share of replications in which the test found the effect. interval: Clopper and Pearson's for it.

    The interval says how far simulation alone may be off. refused: replications in which the test had no answer;
    they count as not found.
    """

    power: float
    interval: Interval
    found: int
    replications: int
    refused: int
    n_treatment: int
    n_control: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSize:
    """n_treatment, n_control: about the sizes that reach the power. power: simulated anew at that size.

    tried: every size of the treatment that was simulated on the way, with its power.
    """

    n_treatment: int
    n_control: int
    power: SimulatedPower
    tried: tuple[tuple[int, float], ...]


def simulate_power(
    test: Test,
    draw_treatment: Draw,
    draw_control: Draw,
    n_treatment: int,
    n_control: int | None = None,
    *,
    alpha: float = 0.05,
    replications: int = 1000,
    seed: int | np.random.SeedSequence = 0,
    level: float = 0.99,
    **options: Any,
) -> SimulatedPower:
    """How often a test finds what is there: significant at alpha, in `replications` simulated experiments.

    draw_treatment, draw_control: (generator, n) → units. options: passed on to the test, as alternative or null.
    level: of the interval for the Monte Carlo error. The same seed gives the same answer.
    """
    n_t, n_c = _checked(n_treatment, n_control, replications)
    check_alpha(alpha)
    check_alpha(level, "level")
    rng = np.random.default_rng(check_seed(seed))
    found, refused = _replay(test, (draw_treatment, draw_control), (n_t, n_c), alpha, replications, rng, options)
    return _summary(found, refused, replications, n_t, n_c, level)


def simulate_sample_size(
    test: Test,
    draw_treatment: Draw,
    draw_control: Draw,
    *,
    power: float = 0.8,
    control_per_treatment: float = 1.0,
    alpha: float = 0.05,
    replications: int = 1000,
    seed: int | np.random.SeedSequence = 0,
    level: float = 0.99,
    start: int = 100,
    most: int = 1_000_000,
    **options: Any,
) -> SimulatedSize | NoEstimate:
    """About the smallest size that reaches the power, by bisection on simulated experiments.

    Sizes are halved and doubled from `start` until they enclose the power, then bisected on the logarithm. Each is
    simulated in batches until its interval at `level` lies above or below the power, or `replications` are done; then
    the answer is too near to tell, and what is left is read off a straight line of probit power on the root of n.
    most: the largest treatment arm tried. control_per_treatment: size of the control over that of the treatment.
    """
    checked_power(power, 0.0)
    check_alpha(alpha)
    check_alpha(level, "level")
    if not (is_number(control_per_treatment) and 0 < control_per_treatment < math.inf):
        raise InvalidInput("control_per_treatment", control_per_treatment, "a number above 0")
    if not (is_number(start) and 2 <= start <= most):
        raise InvalidInput("start", start, f"a whole number from 2 to {most:,}")
    _checked(start, start, replications)
    rng = np.random.default_rng(check_seed(seed))
    draws, tried = (draw_treatment, draw_control), dict[int, tuple[int, int]]()

    def sizes(n: int) -> tuple[int, int]:
        return n, max(2, math.ceil(n * control_per_treatment))

    def side(n: int) -> int:
        """1: surely enough, -1: surely too few, 0: cannot be told."""
        found = done = 0
        while done < replications:
            batch = min(replications - done, max(_FIRST_BATCH, done))
            found += _replay(test, draws, sizes(n), alpha, batch, rng, options)[0]
            done += batch
            interval = clopper_pearson(found, done, level)
            if interval[0] > power or interval[1] < power:
                break
        tried[n] = (found, done)
        return 0 if interval[0] <= power <= interval[1] else (1 if interval[0] > power else -1)

    found = _bisected(side, start, most)
    if found is None:
        return NoEstimate("not_reached", f"{most:,} treated units do not reach this power")
    n = min(most, max(2, _read_off(tried, power, found)))
    tried[n] = (_replay(test, draws, sizes(n), alpha, replications, rng, options)[0], replications)
    n = min(most, max(2, _read_off(tried, power, n)))
    hits, refused = _replay(test, draws, sizes(n), alpha, replications, rng, options)
    return SimulatedSize(
        n_treatment=n,
        n_control=sizes(n)[1],
        power=_summary(hits, refused, replications, *sizes(n), level),
        tried=tuple((size, hit / done) for size, (hit, done) in sorted(tried.items())),
    )


def clopper_pearson(found: int, n: int, level: float) -> tuple[float, float]:
    """The exact interval of a binomial share (Clopper & Pearson 1934)."""
    tail = (1 - level) / 2
    low = 0.0 if found == 0 else float(betaincinv(found, n - found + 1, tail))
    high = 1.0 if found == n else float(betaincinv(found + 1, n - found, 1 - tail))
    return low, high


def drawn_from(values: ArrayLike, *, relative_effect: float = 0.0, absolute_effect: float = 0.0) -> Draw:
    """Units drawn with replacement from one's own history, changed as value · (1 + relative) + absolute.

    A relative effect on every unit leaves zeros at zero; absolute effects shift all. Not for 0/1 values.
    """
    known = units_of(values, "values")
    if not known.size:
        raise InvalidInput("values", "no values", "at least one number")
    relative, absolute = finite(relative_effect, "relative_effect"), finite(absolute_effect, "absolute_effect")
    changed: Floats = known * (1 + relative) + absolute
    return lambda rng, n: changed[rng.integers(0, changed.size, n)]


def _replay(
    test: Test,
    draws: tuple[Draw, Draw],
    sizes: tuple[int, int],
    alpha: float,
    replications: int,
    rng: np.random.Generator,
    options: dict[str, Any],
) -> tuple[int, int]:
    """(found, refused)."""
    found = refused = 0
    for _ in range(replications):
        treatment, control = draws[0](rng, sizes[0]), draws[1](rng, sizes[1])
        outcome = test(treatment, control, alpha=alpha, **options)
        found += outcome.significant()
        refused += isinstance(outcome.p_value, NoEstimate)
    return found, refused


def _bisected(side: Callable[[int], int], start: int, most: int) -> int | None:
    """A size near the power: where it cannot be told any more, or bracketed within 2 %; None above `most`."""
    at = side(start)
    low, high = start, start
    while at < 0:
        if high >= most:
            return None
        low, high = high, min(most, 2 * high)
        at = side(high)
    if low == start == high:
        while at > 0 and low > 2:
            low, high = max(2, low // 2), low
            at = side(low)
        if at >= 0:
            return low
    elif at == 0:
        return high
    while high - low > max(1, low // 50):
        middle = round(math.sqrt(low * high))
        middle = min(max(middle, low + 1), high - 1)
        at = side(middle)
        if at == 0:
            return middle
        low, high = (low, middle) if at > 0 else (middle, high)
    return high


def _read_off(tried: dict[int, tuple[int, int]], power: float, found: int) -> int:
    """The size on a weighted line of probit power on √n through the sizes tried; `found` where there is no line."""
    aim = float(ndtri(power))
    shares = [(n, hit / done, done) for n, (hit, done) in tried.items() if 0 < hit < done]
    points = [(n, share, done) for n, share, done in shares if abs(float(ndtri(share)) - aim) < _NEAR]
    if len(points) < 2:
        return found
    roots = np.sqrt([n for n, _, _ in points])
    probits = ndtri(np.array([share for _, share, _ in points]))
    densities = np.exp(-(probits**2)) / (2 * math.pi)
    weights = np.array(
        [done * density / (p * (1 - p)) for (_, p, done), density in zip(points, densities, strict=True)]
    )
    slope, intercept = np.polyfit(roots, probits, 1, w=np.sqrt(weights))
    root = (aim - intercept) / slope if slope > 0 else 0.0
    # A line is only trusted near where the bisection stopped.
    return math.ceil(root**2) if 0.5 * found <= root**2 <= 2 * found else found


def _summary(found: int, refused: int, replications: int, n_t: int, n_c: int, level: float) -> SimulatedPower:
    low, high = clopper_pearson(found, replications, level)
    return SimulatedPower(
        power=found / replications,
        interval=Interval(low, high, level),
        found=found,
        replications=replications,
        refused=refused,
        n_treatment=n_t,
        n_control=n_c,
    )


def _checked(n_treatment: int, n_control: int | None, replications: int) -> tuple[int, int]:
    n_c = n_treatment if n_control is None else n_control
    for name, n in (("n_treatment", n_treatment), ("n_control", n_c)):
        if n < 1:
            raise InvalidInput(name, n, "a whole number of at least 1")
    if replications < 1:
        raise InvalidInput("replications", replications, "a whole number of at least 1")
    return n_treatment, n_c
