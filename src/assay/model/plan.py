"""The analysis plan: everything that changes a number, fixed before the start and stored with every result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput

MAX_UNITS = 10**12


class Method(StrEnum):
    """sequential: anytime-valid numbers, look whenever you like. fixed: fixed-horizon numbers at the planned end."""

    SEQUENTIAL = "sequential"
    FIXED = "fixed"


class Correction(StrEnum):
    """How p-values of one family (one role's metrics × treatments) are adjusted."""

    HOLM = "holm"
    BONFERRONI = "bonferroni"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the experiment will be analysed.

    alpha: probability of a false alarm per family, two-sided. power: probability of finding `minimum_effect`.
    baseline: expected value of the primary metric in control (a share for conversion).
    baseline_sd: expected standard deviation of a unit's value (not needed for conversion).
    minimum_effect: smallest effect worth finding, relative to the baseline (0.1 = +10 %).
    required_per_variant: units per variant; None computes it from the above where they suffice.
    tuning_units: units in two arms together at which confidence sequences are tightest; the planned ones if None.
    srm_alpha: a sample-ratio p-value below it blocks the verdict.
    """

    method: Method = Method.SEQUENTIAL
    alpha: float = 0.05
    power: float = 0.8
    baseline: float | None = None
    baseline_sd: float | None = None
    minimum_effect: float | None = None
    required_per_variant: int | None = None
    correction: Correction = Correction.HOLM
    tuning_units: int | None = None
    srm_alpha: float = 0.001

    def __post_init__(self) -> None:
        for name, low, high in (("alpha", 0.0, 0.5), ("power", 0.0, 1.0), ("srm_alpha", 0.0, 0.5)):
            value = getattr(self, name)
            if not low < value < high:
                raise InvalidInput(name, value, f"a number above {low:g} and below {high:g}")
        if self.minimum_effect is not None and (self.minimum_effect == 0 or self.minimum_effect <= -1):
            raise InvalidInput("minimum_effect", self.minimum_effect, "a relative effect above -1, not 0")
        if self.baseline_sd is not None and not 0 < self.baseline_sd < math.inf:
            raise InvalidInput("baseline_sd", self.baseline_sd, "a number above 0")
        if self.baseline is not None and not math.isfinite(self.baseline):
            raise InvalidInput("baseline", self.baseline, "a finite number")
        for name in ("required_per_variant", "tuning_units"):
            value = getattr(self, name)
            if value is not None and not 2 <= value <= MAX_UNITS:
                raise InvalidInput(name, value, f"a whole number from 2 to {MAX_UNITS:,}")
