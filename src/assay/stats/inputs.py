"""What people hand to a test: ready moments or counts, or one value per unit in anything NumPy reads.

Errors name the argument, what was given and what is accepted.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import MOST_UNITS
from assay.stats.checks import is_finite, is_number

Floats = NDArray[np.float64]

_LEAST_ALPHA = 1e-100


class Share(NamedTuple):
    """`converted` of `n` units."""

    converted: int
    n: int


def units_of(given: ArrayLike, name: str) -> Floats:
    """One finite number per unit, as an array. Raises InvalidInput naming `name`.

    Texts, times and complex numbers are no numbers of units, even where NumPy would turn them into some. What a masked
    array hides is missing.
    """
    try:
        if isinstance(given, np.ma.MaskedArray):
            given = np.ma.filled(given.astype(np.float64), math.nan)
        read = np.asarray(given)
        if read.dtype.kind not in "biufO" or (read.dtype.kind == "O" and any(map(_is_text_or_time, read.flat))):
            raise InvalidInput(name, f"{type(given).__name__} of {read.dtype}", "numbers, one per unit")
        values = np.asarray(read, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(name, type(given).__name__, "numbers, one per unit") from None
    if values.ndim != 1:
        raise InvalidInput(name, f"an array of {values.ndim} dimensions", "one number per unit (one dimension)")
    bad = int(values.size - np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InvalidInput(name, f"{bad} of {values.size} values missing or infinite", "a finite number for every unit")
    return values


def moments_of(given: Moments | ArrayLike, name: str) -> Moments:
    """Moments as they are, or of one value per unit."""
    if isinstance(given, Moments):
        return given
    return array_moments((VALUE,), (units_of(given, name),))


def array_moments(columns: tuple[str, ...], arrays: tuple[Floats, ...]) -> Moments:
    """Moments of columns given as arrays of one length, in two passes; the first is the metric's value."""
    n = int(arrays[0].size)
    if n == 0:
        return Moments.zeros(0, columns)
    pairs = [(i, j) for i in range(len(columns)) for j in range(i, len(columns))]
    # what overflows is infinite or NaN, and no test takes such moments
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        means = [float(np.mean(values)) for values in arrays]
        centred = [values - mean for values, mean in zip(arrays, means, strict=True)]
        rest = [float(np.mean(values)) for values in centred]
        comoments = tuple(float(np.dot(centred[i], centred[j])) - n * rest[i] * rest[j] for i, j in pairs)
    exact = tuple(mean + left for mean, left in zip(means, rest, strict=True))
    return Moments(n, columns, exact, comoments, float(arrays[0].max()))


def share_of(given: Share | tuple[int, int] | Moments | ArrayLike, name: str) -> Share:
    """(converted, n) as it is, moments of a conversion, or one 0 or 1 (False or True) per unit.

    A tuple of two whole numbers is always (converted, n).
    """
    if isinstance(given, tuple) and len(given) == 2:
        converted, n = given
        if type(converted) is int and type(n) is int and 0 <= converted <= n <= MOST_UNITS:
            return Share(converted, n)
    if isinstance(given, Moments):
        return _checked_share(given.mean(VALUE) * given.n, given.n, name)
    if isinstance(given, tuple) and len(given) == 2 and all(_is_number(item) for item in given):
        return _checked_share(given[0], given[1], name)
    values = units_of(given, name)
    if not np.isin(values, (0.0, 1.0)).all():
        raise InvalidInput(name, "values other than 0 and 1", "0 or 1 for every unit, or (converted, n)")
    return Share(int(values.sum()), int(values.size))


def value_counts_of(given: ValueCounts | ArrayLike, name: str) -> ValueCounts:
    """Value counts as they are, or of one value per unit."""
    if isinstance(given, ValueCounts):
        return given
    values, counts = np.unique(units_of(given, name), return_counts=True)
    return ValueCounts(values, counts)  # type: ignore[arg-type]


def check_freedom(degrees_of_freedom: float) -> float:
    """Degrees of freedom of Student's t. Below 1 none occur, and the curves' own tails overflow."""
    if not (is_number(degrees_of_freedom) and degrees_of_freedom >= 1):
        raise InvalidInput("degrees_of_freedom", degrees_of_freedom, "a number of at least 1, or infinity")
    return degrees_of_freedom


def check_alpha(alpha: float, name: str = "alpha") -> float:
    """An error rate above 0 and below 1."""
    try:
        if _LEAST_ALPHA <= alpha < 1:
            return alpha
        if 0 < alpha < 1:
            raise InvalidInput(name, alpha, f"a number of at least {_LEAST_ALPHA:g} and below 1")
    except (TypeError, ValueError):
        pass
    raise InvalidInput(name, alpha, "a number above 0 and below 1")


def finite(given: float, name: str, accepted: str = "a finite number") -> float:
    """A finite number. Raises InvalidInput naming `name`."""
    if not is_finite(given):
        raise InvalidInput(name, given, accepted)
    return float(given)


def not_moments(treatment: Any, control: Any) -> InvalidInput:
    """The mistake of handing a test something else than the moments that it needs."""
    name, given = ("control", control) if isinstance(treatment, Moments) else ("treatment", treatment)
    return InvalidInput(name, type(given).__name__, "moments, e.g. of assay.stats.unit_moments")


def _is_text_or_time(item: object) -> bool:
    return isinstance(item, (str, bytes, np.datetime64, np.timedelta64, date, timedelta))


def check_seed(seed: Any) -> Any:
    """A seed that NumPy takes: a whole number of at least 0, or a SeedSequence."""
    if isinstance(seed, (int, np.integer)) and seed < 0:
        raise InvalidInput("seed", seed, "a whole number of at least 0")
    return seed


def _is_number(item: Any) -> bool:
    return isinstance(item, (int, float, np.integer, np.floating)) and not isinstance(item, bool)


def _checked_share(converted: float, n: float, name: str) -> Share:
    accepted = f"whole numbers with 0 ≤ converted ≤ n ≤ {MOST_UNITS:,}"
    if not (is_number(n) and 0 <= n <= MOST_UNITS and is_number(converted) and 0 <= converted <= MOST_UNITS):
        raise InvalidInput(name, f"{converted} of {n} units", accepted)
    near = round(converted)
    if n != int(n) or abs(converted - near) > 1e-6 * max(1.0, converted) or near > n:
        raise InvalidInput(name, f"{converted:g} of {n:g} units", accepted)
    return Share(near, int(n))
