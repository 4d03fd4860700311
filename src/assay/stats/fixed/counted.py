"""Value counts as checked arrays, and two of them on one list of values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.valuecounts import ValueCounts
from assay.stats.inputs import Floats, value_counts_of

_WIDEST = 1e15
"""More units than this could not be counted exactly in a float."""


class Counted(NamedTuple):
    """Distinct values, ascending, with the units that have each (whole numbers above 0, as floats)."""

    values: Floats
    counts: Floats
    n: int


class Together(NamedTuple):
    """Both arms on the values that either has; counts may be 0."""

    values: Floats
    treatment: Floats
    control: Floats


def counted(given: ValueCounts | ArrayLike, name: str) -> Counted:
    """Value counts, or one number per unit, as arrays. Raises InvalidInput naming `name`."""
    found = value_counts_of(given, name)
    try:
        values, counts = np.asarray(found.values, dtype=np.float64), np.asarray(found.counts, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(name, "values or counts that are no numbers", "numbers, each with its units") from None
    if values.size and not (np.isfinite(values).all() and (values[1:] > values[:-1]).all()):
        raise InvalidInput(name, "values out of order, repeated or not finite", "distinct finite values, ascending")
    whole = np.isfinite(counts).all() and (counts == np.floor(counts)).all() and (counts >= 0).all()
    if not whole or counts.sum() > _WIDEST:
        raise InvalidInput(name, "counts that are negative, not whole or too many", "a whole number of units per value")
    present = counts > 0
    return Counted(values[present], counts[present], int(counts.sum()))


def together(treatment: Counted, control: Counted) -> Together:
    """The counts of both arms on one ascending list of values."""
    values = np.union1d(treatment.values, control.values)
    return Together(values, _spread(treatment, values), _spread(control, values))


def _spread(arm: Counted, values: Floats) -> Floats:
    counts = np.zeros(values.size)
    counts[np.searchsorted(values, arm.values)] = arm.counts
    return counts
