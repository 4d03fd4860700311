"""The chance that a unit had of each variant before it was drawn: what inverse-probability analysis divides by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assay.assignment.gates import Asked, suffix_of
from assay.assignment.plugins import Draw
from assay.assignment.plugins import Randomizer as Plugin
from assay.assignment.randomisers import digest_for, text_of
from assay.model.design import Randomizer
from assay.model.experiment import Experiment
from assay.model.shares import PARTS


def probabilities(
    experiment: Experiment,
    unit: str,
    attributes: Mapping[str, Any],
    now: datetime,
    plugins: Mapping[str, Plugin] | None = None,
) -> dict[str, float]:
    """The chance of each variant, given that the unit takes part; they sum to 1. Empty when it cannot be told.

    For a forced unit its variant has chance 1. Blocks, clusters and switchback have the chances of the weights, too,
    though units that share a draw are not independent.
    """
    if unit in experiment.forced:
        return {variant.key: float(variant.key == experiment.forced[unit]) for variant in experiment.variants}
    if experiment.randomization.method is Randomizer.CUSTOM:
        return _by_plugin(experiment, Asked(unit, b"", attributes, now), plugins or {})
    weights = weights_for(experiment, attributes)
    return {key: weight / PARTS for key, weight in weights.items()} if sum(weights.values()) == PARTS else {}


def weights_for(experiment: Experiment, attributes: Mapping[str, Any]) -> dict[str, int]:
    """Parts of 1,000,000 by variant: the experiment's own, or those of the unit's stratum."""
    chosen = experiment.randomization
    if chosen.method is Randomizer.STRATIFIED:
        value = text_of(attributes.get(chosen.attribute or ""))
        for stratum in chosen.strata:
            if value in stratum.values:
                return {variant.key: stratum.weights.get(variant.key, 0) for variant in experiment.variants}
    return {variant.key: variant.weight for variant in experiment.variants}


def _by_plugin(experiment: Experiment, asked: Asked, plugins: Mapping[str, Plugin]) -> dict[str, float]:
    plugin = plugins.get(experiment.randomization.plugin or "")
    if plugin is None:
        return {}
    draw = Draw(
        asked.unit,
        asked.attributes,
        asked.now,
        experiment.key,
        experiment.salt,
        {variant.key: variant.weight for variant in experiment.variants},
        experiment.randomization.options,
        digest_for(asked.unit, suffix_of(experiment.key, experiment.salt)),
    )
    try:
        found = {str(key): float(value) for key, value in plugin.probabilities(draw).items()}
    except Exception:
        return {}
    return found if abs(sum(found.values()) - 1) < 1e-9 and min(found.values()) >= 0 else {}
