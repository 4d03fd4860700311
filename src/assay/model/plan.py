"""The analysis plan: everything that changes a number, fixed before the start and stored with every result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput

MAX_UNITS = 10**12
MAX_LOOKS = 20
DEFAULT_LOOKS = (0.25, 0.5, 0.75, 1.0)


class Method(StrEnum):
    """When numbers may be read, and what is shown beside them.

    sequential: anytime-valid numbers, look whenever you like. fixed: fixed-horizon numbers at the planned end.
    group_sequential: a few planned looks, alpha spent over them; nothing between. bayesian: as sequential, with
    posteriors beside the anytime-valid numbers, which alone decide.
    """

    SEQUENTIAL = "sequential"
    FIXED = "fixed"
    GROUP_SEQUENTIAL = "group_sequential"
    BAYESIAN = "bayesian"


class Spending(StrEnum):
    """How alpha is spent over the looks of a group sequential plan (Lan & DeMets 1983)."""

    OBRIEN_FLEMING = "obrien_fleming"
    POCOCK = "pocock"
    KIM_DEMETS = "kim_demets"


class Correction(StrEnum):
    """How p-values of one family (one role's metrics × treatments) are adjusted."""

    HOLM = "holm"
    BONFERRONI = "bonferroni"
    HOCHBERG = "hochberg"
    DUNNETT = "dunnett"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    BENJAMINI_YEKUTIELI = "benjamini_yekutieli"
    E_BH = "e_bh"
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
    looks: of a group sequential plan, shares of the planned sample, ascending, the last 1; quarters if none are given.
    spending: of a group sequential plan. prior_lift_sd: of a Bayesian plan, the standard deviation of lifts before any
    data, around 0 (0.05: most lifts within ±10 %); None for a flat prior.
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
    looks: tuple[float, ...] = ()
    spending: Spending = Spending.OBRIEN_FLEMING
    prior_lift_sd: float | None = None

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
        if self.prior_lift_sd is not None and not 0 < self.prior_lift_sd < math.inf:
            raise InvalidInput("prior_lift_sd", self.prior_lift_sd, "a number above 0")
        if self.prior_lift_sd is not None and self.method is not Method.BAYESIAN:
            raise InvalidInput("prior_lift_sd", self.prior_lift_sd, "nothing, unless method is bayesian")
        self._check_looks()

    def _check_looks(self) -> None:
        if not self.looks:
            return
        if self.method is not Method.GROUP_SEQUENTIAL:
            raise InvalidInput("looks", self.looks, "nothing, unless method is group_sequential")
        rising = all(a < b for a, b in zip((0.0, *self.looks), self.looks, strict=False))
        if not rising or self.looks[-1] != 1 or len(self.looks) > MAX_LOOKS:
            accepted = f"at most {MAX_LOOKS} shares above 0, ascending, the last 1, as 0.5, 1"
            raise InvalidInput("looks", self.looks, accepted)

    @property
    def planned_looks(self) -> tuple[float, ...]:
        """The looks of a group sequential plan, as shares of the planned sample."""
        return self.looks or DEFAULT_LOOKS
