"""Moments of one value per unit with its denominator and covariates, whole or by stratum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import DENOMINATOR, VALUE, Moments, covariate_columns
from assay.stats.inputs import Floats, array_moments, units_of


def unit_moments(
    value: ArrayLike, *, denominator: ArrayLike | None = None, covariates: Sequence[ArrayLike] = ()
) -> Moments:
    """Moments of one variant. value: one number per unit. covariates: each one number per unit, in the same order.

    Raises InvalidInput naming the argument when a column is not finite or has another length.
    """
    columns, arrays = _columns(value, denominator, covariates)
    return array_moments(columns, arrays)


def moments_by_stratum(
    strata: ArrayLike, value: ArrayLike, *, denominator: ArrayLike | None = None, covariates: Sequence[ArrayLike] = ()
) -> dict[str, Moments]:
    """Moments of one variant by stratum. strata: one name per unit (anything with a text), known before exposure."""
    columns, arrays = _columns(value, denominator, covariates)
    names = np.asarray(strata)
    if names.shape != arrays[0].shape:
        raise InvalidInput("strata", f"shape {names.shape}", f"one name for each of the {arrays[0].size} units")
    found, place = np.unique(names.astype(str), return_inverse=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place, minlength=len(found)))
    starts = np.concatenate([[0], ends[:-1]]).astype(int)
    ordered = [column[order] for column in arrays]
    return {
        str(name): array_moments(columns, tuple(column[start:end] for column in ordered))
        for name, start, end in zip(found, starts, ends, strict=True)
    }


def _columns(
    value: ArrayLike, denominator: ArrayLike | None, covariates: Sequence[ArrayLike]
) -> tuple[tuple[str, ...], tuple[Floats, ...]]:
    names = covariate_columns(len(covariates))
    given = [(VALUE, value), *([] if denominator is None else [(DENOMINATOR, denominator)])]
    arrays = {name: units_of(item, name) for name, item in [*given, *zip(names, covariates, strict=True)]}
    n = arrays[VALUE].size
    for name, column in arrays.items():
        if column.size != n:
            raise InvalidInput(name, f"{column.size} numbers", f"one for each of the {n} units")
    return tuple(arrays), tuple(arrays.values())
