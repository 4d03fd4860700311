"""How power grows over looks: for sequences looked at as one goes, and for group-sequential boundaries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from assay.errors import InvalidInput
from assay.model.metric import Hypothesis
from assay.stats.checks import is_number
from assay.stats.planning.answers import treated_value, units_of_size
from assay.stats.planning.contrasts import anytime_tail, contrasts_of, standard_errors
from assay.stats.planning.design import Anytime, Design
from assay.stats.planning.stopping import ever_beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerByLook:
    """smallest: units of the smallest variant at the look. power: chance to have found the effect by then."""

    look: int
    smallest: int
    fraction: float
    critical: float
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """looks: the power curve. expected_smallest: units of the smallest variant on average, stopping when found."""

    looks: tuple[PowerByLook, ...]
    expected_smallest: float


def power_over_looks(
    design: Design,
    n: int,
    effect: float,
    *,
    looks: int = 10,
    critical_values: Sequence[float] | None = None,
) -> Watched:
    """The chance to have found a treatment of this effect by each of several equally spaced looks.

    n: units of the smallest variant at the last look. critical_values: z of a group-sequential boundary, one per look;
    None takes the anytime design's own. Large samples; stops only where something is found. Wrong-sided stops count
    as not found. For equal looks of normal data the recursion is exact (see `assay.stats.planning.stopping`).
    """
    if n < 2:
        raise InvalidInput("n", n, "a whole number of at least 2")
    if design.hypothesis == Hypothesis.EQUIVALENCE:
        raise InvalidInput("hypothesis", design.hypothesis, "difference, superiority or non_inferiority")
    if not (is_number(looks) and 1 <= looks <= 1000):
        raise InvalidInput("looks", looks, "a whole number from 1 to 1000")
    value = treated_value(design, effect)
    units = units_of_size(design, n)
    which = min(range(1, len(units)), key=lambda i: units[i])
    pair = (units[which], units[0])
    fractions = [(i + 1) / looks for i in range(looks)]
    bounds = _bounds(design, sum(pair), fractions, critical_values)
    (contrast,) = contrasts_of(design, value)
    tests, true = standard_errors(design, contrast, pair, value)
    drift, scaled = contrast.at(design, value) / true, [bound * tests / true for bound in bounds]
    powers = ever_beyond(fractions, scaled, drift, two_sided=design.sides == 2)
    rows = tuple(
        PowerByLook(look=i + 1, smallest=math.ceil(n * share - 1e-9), fraction=share, critical=bound, power=power)
        for i, (share, bound, power) in enumerate(zip(fractions, bounds, powers, strict=True))
    )
    # The sample goes on to a look when nothing was found before it.
    expected = sum(n / looks * (1 - before) for before in (0.0, *powers[:-1]))
    return Watched(looks=rows, expected_smallest=expected)


def _bounds(
    design: Design, planned: int, fractions: Sequence[float], critical_values: Sequence[float] | None
) -> list[float]:
    if critical_values is not None:
        if len(critical_values) != len(fractions) or not all(0 <= bound < math.inf for bound in critical_values):
            accepted = f"{len(fractions)} finite numbers of at least 0, one per look"
            raise InvalidInput("critical_values", list(critical_values), accepted)
        return list(critical_values)
    if not isinstance(design.method, Anytime):
        raise InvalidInput("critical_values", None, "one number per look, unless the design's method is anytime")
    return [-float(ndtri(anytime_tail(design, design.method, planned * share, planned))) for share in fractions]
