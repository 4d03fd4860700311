"""All of a metric's arms with less variance, by the strata or the covariates that there are."""

from __future__ import annotations

from collections.abc import Mapping

from assay.model.metric import MetricKind
from assay.model.moments import Moments
from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, Arm, arm_of
from assay.stats.reduction.cuped import adjusted_arm, adjustment
from assay.stats.reduction.linear import NO_COVARIATE, covariate_names
from assay.stats.reduction.report import Reduced
from assay.stats.reduction.strata import Strata, post_stratified


def reduced_arms(
    kind: MetricKind, moments: Mapping[str, Moments], strata: Strata | None = None
) -> Reduced | NoEstimate:
    """The arms of all variants with an estimate, adjusted for shares, means and ratios alike.

    moments: variant → moments, with covariates in columns whose names start with "covariate". strata: stratum →
    variant → moments of the same units. With strata they are post-stratified (and adjusted by covariates within them);
    where the strata cannot be used the covariates alone are, and a warning says so.
    A NoEstimate says why nothing was adjusted; compare the plain arms then.
    """
    why: NoEstimate | None = None
    if strata:
        found = post_stratified(strata, kind=kind)
        if isinstance(found, Reduced):
            return found
        why = found
    arms = {name: arm_of(kind, item) for name, item in moments.items()}
    plain = {name: arm for name, arm in arms.items() if isinstance(arm, Arm)}
    if not plain:
        return next((arm for arm in arms.values() if isinstance(arm, NoEstimate)), EMPTY_ARM)
    usable = {name: moments[name] for name in plain}
    if not any(map(covariate_names, usable.values())):
        return why or NO_COVARIATE
    by = adjustment(usable, kind=kind)
    if isinstance(by, NoEstimate):
        return by
    notes = () if why is None else (f"The strata were not used: {why.reason}.",)
    return Reduced(
        name="cuped",
        plain=plain,
        arms={name: adjusted_arm(item, by) for name, item in usable.items()},
        covariates=by.columns,
        warnings=notes + by.warnings,
    )
