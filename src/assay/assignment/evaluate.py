"""Who gets what, and why: a pure function of the snapshot, the unit, its attributes and the time. It never raises.

The exposure is not logged here: the caller decides whether the unit really met the variant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from assay.assignment.digest import md5
from assay.assignment.gates import Asked
from assay.assignment.snapshot import Snapshot, decide
from assay.model.decision import Decision, Reason

_by_key = attrgetter("experiment")


def evaluate(
    snapshot: Snapshot,
    unit: str,
    attributes: Mapping[str, Any] | object,
    now: datetime,
    experiments: Iterable[str] | None = None,
) -> list[Decision]:
    """One decision for each experiment asked for, in that order.

    With None, the decisions of all running experiments in which the unit has a variant, by key: those it cannot be in
    are not even looked at. unit: any non-empty text. now: aware.
    """
    if not isinstance(unit, str) or not unit:
        return [] if experiments is None else [_refused(snapshot, key) for key in experiments]
    # A dict is told apart first: asking whether something is a Mapping takes longer than the rest of this line.
    given = attributes if type(attributes) is dict or isinstance(attributes, Mapping) else {}
    try:
        raw_unit = unit.encode()
    except UnicodeEncodeError:
        raw_unit = unit.encode("utf-8", "surrogatepass")
    if experiments is None:
        return _evaluate_all(snapshot, Asked(unit, raw_unit, given, now))
    known = snapshot.experiments
    decisions = []
    # A loop without calls for the plain case: up to Python 3.11 a call costs as much as the hash.
    for key in experiments:
        if not isinstance(key, str) or key not in known:
            decisions.append(_nothing(key, Reason.UNKNOWN_EXPERIMENT))
            continue
        experiment = known[key]
        if experiment.gates is not None or experiment.choose is not None or not experiment.is_running:
            decisions.append(decide(experiment, Asked(unit, raw_unit, given, now)))
        elif experiment.audience is not None and not experiment.audience(given, now):
            decisions.append(experiment.not_in_audience)
        else:
            digest = md5(raw_unit + experiment.suffix).digest()
            if experiment.traffic_end is not None and digest[4:8] >= experiment.traffic_end:
                decisions.append(experiment.not_in_traffic)
            else:
                # Bytes compare from the left: the first four choose, and a digest that begins with a start is not
                # below it.
                decisions.append(experiment.outcomes[bisect_right(experiment.starts, digest)])
    return decisions


def _evaluate_all(snapshot: Snapshot, asked: Asked) -> list[Decision]:
    decisions = [
        decision
        for experiment in snapshot.index.candidates(asked.unit, asked.raw_unit, asked.attributes)
        if (decision := decide(experiment, asked)).variant is not None
    ]
    decisions.sort(key=_by_key)
    return decisions


def _refused(snapshot: Snapshot, key: object) -> Decision:
    known = isinstance(key, str) and key in snapshot.experiments
    return _nothing(key, Reason.INVALID_UNIT if known else Reason.UNKNOWN_EXPERIMENT)


def _nothing(key: object, reason: Reason) -> Decision:
    return Decision(str(key), None, None, None, reason)
