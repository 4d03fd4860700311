"""Who gets what: a pure function of the snapshot, the unit, its attributes and the time. It never raises.

The exposure is not logged here: the caller decides whether the unit really met the variant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import md5
from typing import Any

from assay.assignment.snapshot import CompiledExperiment, Snapshot
from assay.model.decision import Decision, Reason
from assay.model.lifecycle import Status

_RUNNING = Status.RUNNING


def evaluate(
    snapshot: Snapshot,
    unit: str,
    attributes: Mapping[str, Any],
    now: datetime,
    experiments: Iterable[str] | None = None,
) -> list[Decision]:
    """One decision for each experiment asked for, in that order (all running ones when None).

    unit: any non-empty text. now: aware; reserved for conditions on time.
    """
    known = snapshot.experiments
    keys = snapshot.running if experiments is None else experiments
    if not isinstance(unit, str) or not unit:
        return [Decision(str(key), None, None, None, Reason.INVALID_UNIT) for key in keys]
    if not isinstance(attributes, Mapping):
        attributes = {}
    raw = unit.encode("utf-8", "surrogatepass")
    decisions = []
    for key in keys:
        experiment = known.get(key) if isinstance(key, str) else None
        if experiment is None:
            decisions.append(Decision(str(key), None, None, None, Reason.UNKNOWN_EXPERIMENT))
        else:
            decisions.append(_decide(experiment, raw, attributes))
    return decisions


def _decide(experiment: CompiledExperiment, raw_unit: bytes, attributes: Mapping[str, Any]) -> Decision:
    if experiment.status is not _RUNNING:
        return experiment.not_running
    if experiment.audience is not None and not experiment.audience(attributes):
        return experiment.not_in_audience
    digest = int.from_bytes(md5(raw_unit + experiment.suffix, usedforsecurity=False).digest()[:8], "big")
    # The same buckets as `bucketing`, both read from one integer.
    if ((digest & 0xFFFFFFFF) * 1_000_000) >> 32 >= experiment.traffic:
        return experiment.not_in_traffic
    return experiment.outcome(((digest >> 32) * 1_000_000) >> 32)
