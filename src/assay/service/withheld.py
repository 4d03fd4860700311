"""Results that hold no comparison, because the way units were drawn does not allow a plain one."""

from __future__ import annotations

from datetime import datetime

from assay.model.design import Randomizer
from assay.model.experiment import Experiment
from assay.model.lifecycle import Stage
from assay.model.measurement import ExperimentMoments
from assay.model.result import (
    Action,
    ExperimentResult,
    NoEstimate,
    Progress,
    Recommendation,
    SampleRatio,
    Validity,
)

_DRAWN_TOGETHER = "units that share a draw are alike, so counting them one by one would understate the noise"
_REASONS = {
    Randomizer.STRATIFIED: "units of different strata have different chances, so averages would mix the strata up",
    Randomizer.CLUSTER: _DRAWN_TOGETHER,
    Randomizer.SWITCHBACK: _DRAWN_TOGETHER,
    Randomizer.CUSTOM: "the chances that a plug-in gave each unit are not known to the analysis",
}


def reason_to_withhold(experiment: Experiment) -> str | None:
    """Why variants cannot be compared by counting units, in words; None when they can."""
    why = _REASONS.get(experiment.randomization.method)
    return None if why is None else f"not computed for '{experiment.randomization.method.value}' randomisation: {why}"


def withheld_result(experiment: Experiment, moments: ExperimentMoments, now: datetime, why: str) -> ExperimentResult:
    """Units and nothing else; the reason stands in the place of every number."""
    control = experiment.control
    nothing = NoEstimate("randomization", why)
    weights = {variant.key: variant.weight for variant in experiment.variants}
    total = sum(weights.values()) or 1
    return ExperimentResult(
        experiment=experiment.key,
        version=experiment.version,
        at=now,
        status=experiment.status,
        plan=experiment.plan,
        validity=Validity.ANYTIME,
        control=control.key if control is not None else "",
        n_units=sum(moments.units.values()),
        units=moments.units,
        metrics=(),
        sample_ratio=SampleRatio(
            expected={key: weight / total for key, weight in weights.items()},
            observed=dict(moments.units),
            p_value=nothing,
            p_value_anytime=nothing,
            mismatch=False,
        ),
        recommendation=Recommendation(
            action=Action.INCONCLUSIVE,
            sentence="No verdict: variants of this design cannot be compared unit by unit.",
            reasons=(why[:1].upper() + why[1:] + ".",),
        ),
        progress=Progress(required_per_variant=None),
        quality=moments.quality,
        failures={metric.key: why for metric in experiment.metrics},
        final=experiment.stage in (Stage.ANALYSIS, Stage.DECISION),
    )
