"""How much variance an adjustment removed, and how many units that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, ZERO_VARIANCE, Arm

NOTHING_LEFT = NoEstimate("nothing_left", "the adjustment explains every unit, so no number of units would do the same")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """share_removed: of the variance, 0.45 = 45 %; below 0 when the adjustment costs more than it gives.

    units_factor: 1 / (1 - share_removed); 1.8: as precise as 1.8 times the units would be without the adjustment.
    """

    share_removed: float
    units_factor: float | NoEstimate

    def sentence(self) -> str:
        """The same in words."""
        if isinstance(self.units_factor, NoEstimate):
            return "All variance was removed."
        if self.share_removed < 0:
            return f"The adjustment added {-self.share_removed:.1%} to the variance; leave it out."
        worth = f"as if there were {self.units_factor:.2f} × the units"
        return f"{self.share_removed:.1%} of the variance was removed, {worth}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """Arms of every variant that has an estimate, as they are (`plain`) and adjusted (`arms`), by variant key.

    name: how, "cuped" or "stratified". strata: how many were used after merging; 1 without post-stratification.
    covariates: those used. warnings: what was left out or merged, and why.
    """

    name: str
    plain: Mapping[str, Arm]
    arms: Mapping[str, Arm]
    strata: int = 1
    covariates: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def reduction(self, treatment: str, control: str) -> Reduction | NoEstimate:
        """Of the variance of the difference between two variants."""
        return self._of((treatment, control))

    def arm_reduction(self, variant: str) -> Reduction | NoEstimate:
        """Of the variance of one variant's own value."""
        return self._of((variant,))

    def _of(self, variants: tuple[str, ...]) -> Reduction | NoEstimate:
        if not set(variants) <= set(self.arms):
            return EMPTY_ARM
        return reduction_of(
            sum(self.plain[variant].variance for variant in variants),
            sum(self.arms[variant].variance for variant in variants),
        )


def reduction_of(before: float, after: float) -> Reduction | NoEstimate:
    """Of a variance before and after an adjustment; nothing where there was none before."""
    if before <= 0:
        return ZERO_VARIANCE
    removed = 1 - after / before
    return Reduction(share_removed=removed, units_factor=before / after if after > 0 else NOTHING_LEFT)
