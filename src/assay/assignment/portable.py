"""The snapshot as a document: what evaluators elsewhere (other processes, other languages) are given.

It holds what evaluation needs and nothing else: no metrics, no plans, no results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assay.assignment.plugins import Randomizer as Plugin
from assay.assignment.snapshot import Snapshot, compile_snapshot
from assay.errors import InvalidInput
from assay.model.document import from_document, to_document
from assay.model.experiment import ALGORITHM, Experiment, Variant
from assay.model.lifecycle import Stage, Status

FORMAT = 1
"""Grows when a reader of the old form would misread the new one."""

_FIELDS = (
    "key",
    "salt",
    "algorithm",
    "version",
    "traffic",
    "ramp",
    "audience",
    "randomization",
    "layer",
    "holdouts",
    "prerequisites",
    "forced",
    "allow",
    "deny",
    "started_at",
    "planned_end",
)
_VARIANT_FIELDS = ("key", "name", "weight", "control", "config")
_EVALUATED = (Status.RUNNING, Status.PAUSED)


def snapshot_document(experiments: Iterable[Experiment], version: int) -> dict[str, Any]:
    """Running and paused experiments in full, the keys of ended ones, drafts not at all; sorted by key."""
    known = sorted(experiments, key=lambda item: item.key)
    shown = [item for item in known if item.status in _EVALUATED]
    gone = [item.key for item in known if item.status not in (*_EVALUATED, Status.DRAFT, Status.REVIEW)]
    return {
        "format": FORMAT,
        "version": version,
        "experiments": [experiment_document(item) for item in shown],
        "ended": gone,
    }


def experiment_document(experiment: Experiment) -> dict[str, Any]:
    """One experiment as evaluators are given it. Parts that hold their default are left out."""
    document: dict[str, Any] = {"running": experiment.status is Status.RUNNING}
    for name in _FIELDS:
        value = getattr(experiment, name)
        if name in ("key", "salt", "algorithm", "version", "traffic") or value not in (None, (), {}, _DEFAULTS[name]):
            document[name] = to_document(value)
    document["variants"] = [
        {name: to_document(getattr(variant, name)) for name in _VARIANT_FIELDS} for variant in experiment.variants
    ]
    return document


def read_snapshot(document: Any, plugins: Mapping[str, Plugin] | None = None) -> Snapshot:
    """A snapshot from its document; raises InvalidInput naming what is wrong with it."""
    return compile_snapshot(read_experiments(document), document["version"], plugins)


def read_experiments(document: Any) -> list[Experiment]:
    """The experiments of a snapshot's document; ended ones hold their key alone."""
    if not isinstance(document, Mapping) or not isinstance(document.get("experiments"), list):
        raise InvalidInput("snapshot", document, "the document of a snapshot")
    if document.get("format") != FORMAT:
        raise InvalidInput("format", document.get("format"), f"{FORMAT}: this reader knows no other")
    version, ended_keys = document.get("version"), document.get("ended", [])
    if isinstance(version, bool) or not isinstance(version, int):
        raise InvalidInput("version", version, "a whole number")
    if not isinstance(ended_keys, list) or not all(isinstance(key, str) for key in ended_keys):
        raise InvalidInput("ended", ended_keys, "a list of keys")
    experiments = [read_experiment(item, f"experiments[{i}]") for i, item in enumerate(document["experiments"])]
    ended = [Experiment(key=key, name=key, stage=Stage.COMPLETED) for key in ended_keys]
    seen: set[str] = set()
    for item in experiments + ended:
        if item.key in seen:
            raise InvalidInput("experiments", item.key, "each key once")
        seen.add(item.key)
    return experiments + ended


def read_experiment(document: Any, path: str = "experiment") -> Experiment:
    """One experiment from its document. An algorithm that this code does not know is refused, not guessed."""
    if not isinstance(document, Mapping) or not isinstance(document.get("running"), bool):
        raise InvalidInput(path, document, "an object with 'running' and the experiment's fields")
    if document.get("algorithm") != ALGORITHM:
        raise InvalidInput(f"{path}.algorithm", document.get("algorithm"), f"{ALGORITHM}: this reader knows no other")
    given = {name: value for name, value in document.items() if name != "running"}
    stage = Stage.RUNNING if document["running"] else Stage.PAUSED
    return from_document(Experiment, given | {"name": given.get("key"), "stage": stage.value}, path)


_DEFAULTS = {name: getattr(Experiment(key="e", name="e", variants=(Variant(key="v"),)), name) for name in _FIELDS}
