"""Bootstrap sums of part of an arm's units: made where the units are, merged by adding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.stats.fixed.poissonweights import poisson_weights
from assay.stats.inputs import Floats, check_seed

_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapSums:
    """Replicated sums of some units of one arm (Chamandy et al. 2012).

    plain: total weight and column sums with every unit once. replicated: the same for each replication with the units
    drawn Poisson(1) times. parts: the parts of the data that are in it. A part has its own stream of random numbers, so
    the answer depends on seed and parts only, not on their order. Every unit must be in one part of one arm, and no
    part number may be used twice.
    """

    replications: int
    seed: int
    parts: frozenset[int]
    n: int
    columns: int
    plain: Floats
    replicated: Floats

    @classmethod
    def of(cls, units: ArrayLike, *, part: int, replications: int = 2_000, seed: int = 0) -> BootstrapSums:
        """The sums of one part: one number per unit, or one row of numbers per unit. part: 0 or more."""
        if replications < 1:
            raise InvalidInput("replications", replications, "1 or more")
        if part < 0:
            raise InvalidInput("part", part, "a whole number of 0 or more")
        rows = np.asarray(units, dtype=np.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or not np.isfinite(rows).all():
            raise InvalidInput("units", f"an array of {np.ndim(units)} dimensions", "finite numbers, one row a unit")
        n, columns = rows.shape
        padded = np.concatenate([np.ones((n, 1)), rows], axis=1)
        rng = np.random.default_rng(np.random.SeedSequence((check_seed(seed), part)))
        replicated = np.zeros((replications, columns + 1))
        step = max(1, _AT_ONCE // replications)
        for start in range(0, n, step):
            some = padded[start : start + step]
            replicated += poisson_weights(rng, np.ones(some.shape[0]), replications) @ some
        return cls(
            replications=replications,
            seed=seed,
            parts=frozenset({part}),
            n=n,
            columns=columns,
            plain=padded.sum(axis=0),
            replicated=replicated,
        )

    def merge(self, other: BootstrapSums) -> BootstrapSums:
        """The sums of both parts together. Raises InvalidInput for sums that do not belong together."""
        if self.parts & other.parts:
            raise InvalidInput("parts", sorted(self.parts & other.parts), "parts that are not in it yet")
        mine, others = ((item.replications, item.seed, item.columns) for item in (self, other))
        if mine != others:
            raise InvalidInput("replications, seed, columns", others, str(mine))
        return BootstrapSums(
            replications=self.replications,
            seed=self.seed,
            parts=self.parts | other.parts,
            n=self.n + other.n,
            columns=self.columns,
            plain=self.plain + other.plain,
            replicated=self.replicated + other.replicated,
        )
