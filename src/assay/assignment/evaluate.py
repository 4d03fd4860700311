"""Who gets what: a pure function of the snapshot, the unit, its attributes and the time. It never raises.

The exposure is not logged here: the caller decides whether the unit really met the variant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from assay.assignment.digest import md5
from assay.assignment.snapshot import CompiledExperiment, Snapshot
from assay.model.decision import Decision, Reason


def evaluate(
    snapshot: Snapshot,
    unit: str,
    attributes: Mapping[str, Any] | object,
    now: datetime,
    experiments: Iterable[str] | None = None,
) -> list[Decision]:
    """One decision for each experiment asked for, in that order (all running ones when None).

    unit: any non-empty text. now: aware; reserved for conditions on time.
    """
    keys = snapshot.running if experiments is None else experiments
    if not isinstance(unit, str) or not unit:
        return [_nothing(key, Reason.INVALID_UNIT) for key in keys]
    # A dict is told apart first: asking whether something is a Mapping takes longer than the rest of this line.
    given = attributes if type(attributes) is dict or isinstance(attributes, Mapping) else {}
    try:
        raw_unit = unit.encode()
    except UnicodeEncodeError:
        raw_unit = unit.encode("utf-8", "surrogatepass")
    known = snapshot.experiments
    decisions = []
    # A loop: up to Python 3.11 a comprehension is a call of its own, as dear as the hash.
    for key in keys:
        if isinstance(key, str) and key in known:
            decisions.append(_decide(known[key], raw_unit, given))
        else:
            decisions.append(_nothing(key, Reason.UNKNOWN_EXPERIMENT))
    return decisions


def _decide(experiment: CompiledExperiment, raw_unit: bytes, attributes: Mapping[str, Any]) -> Decision:
    if not experiment.is_running:
        return experiment.not_running
    if experiment.audience is not None and not experiment.audience(attributes):
        return experiment.not_in_audience
    digest = md5(raw_unit + experiment.suffix).digest()
    if experiment.traffic_end is not None and digest[4:8] >= experiment.traffic_end:
        return experiment.not_in_traffic
    # Bytes compare from the left: the first four choose, and a digest that begins with a start is not below it.
    return experiment.outcomes[bisect_right(experiment.starts, digest)]


def _nothing(key: object, reason: Reason) -> Decision:
    return Decision(str(key), None, None, None, reason)
