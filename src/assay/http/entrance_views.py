"""How units come in, as JSON: the same words and shares as in requests, and what saving filled in."""

from __future__ import annotations

from typing import Any

from assay.model.document import format_time, to_document
from assay.model.experiment import Experiment
from assay.model.shares import PARTS


def entrance_view(experiment: Experiment) -> dict[str, Any]:
    """Traffic, layer, holdouts, prerequisites, ramp, lists, randomisation and factors."""
    layer = experiment.layer
    return {
        "traffic_allocation": experiment.traffic / PARTS,
        "ramp": [
            {
                "traffic_allocation": step.traffic / PARTS,
                "at": None if step.at is None else format_time(step.at),
                "after_hours": step.after_hours,
            }
            for step in experiment.ramp
        ],
        "layer": None
        if layer is None
        else {
            "id": layer.layer,
            "slots": [{"start": slot.start / PARTS, "end": slot.end / PARTS} for slot in layer.slots],
        },
        "in_holdouts": experiment.in_holdouts,
        "holdouts": [{"id": item.holdout, "share": item.share / PARTS} for item in experiment.holdouts],
        "prerequisites": [
            {"experiment_id": item.experiment, "variants": list(item.variants)} for item in experiment.prerequisites
        ],
        "forced": dict(experiment.forced),
        "allow": list(experiment.allow),
        "deny": list(experiment.deny),
        "sticky": experiment.sticky,
        "randomization": _randomization(experiment),
        "factors": [{"id": item.key, "levels": list(item.levels)} for item in experiment.factors],
    }


def _randomization(experiment: Experiment) -> dict[str, Any]:
    chosen = experiment.randomization
    document: dict[str, Any] = {"method": chosen.method.value}
    for name in ("attribute", "strata_by", "block_size", "period_minutes", "anchor", "plugin", "options"):
        value = to_document(getattr(chosen, name))
        if value not in (None, [], {}):
            document[name] = value
    if chosen.strata:
        document["strata"] = [
            {
                "values": list(stratum.values),
                "traffic_allocation": {key: weight / PARTS for key, weight in stratum.weights.items()},
            }
            for stratum in chosen.strata
        ]
    return document
