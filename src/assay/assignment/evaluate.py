"""Who gets what, and why: a pure function of the snapshot, the unit, its attributes and the time. It never raises.

The exposure is not logged here: the caller decides whether the unit really met the variant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any

from assay.assignment.digest import md5
from assay.assignment.gates import Asked
from assay.assignment.snapshot import CompiledExperiment, Snapshot, decide
from assay.model.decision import Decision, Reason
from assay.model.moment import EPOCH

_by_key = attrgetter("experiment")


def evaluate(
    snapshot: Snapshot,
    unit: str,
    attributes: Mapping[str, Any] | object,
    now: datetime | None,
    experiments: Iterable[str] | None = None,
) -> list[Decision]:
    """One decision for each experiment asked for, in that order.

    With None, the decisions of all running experiments in which the unit has a variant, by key: those it cannot be in
    are not even looked at. unit: any non-empty text. now: aware; None for the present, and then the clock is read only
    if some experiment goes by it.
    """
    if not isinstance(unit, str) or not unit:
        return [] if experiments is None else [_refused(snapshot, key) for key in experiments]
    # A dict is told apart first: asking whether something is a Mapping takes longer than the rest of this line.
    given = attributes if type(attributes) is dict or isinstance(attributes, Mapping) else {}
    if now is None:
        now = datetime.now(timezone.utc) if snapshot.reads_time else EPOCH
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
        experiment = known.get(key) if type(key) is str else _found(known, key)
        if experiment is None:
            decisions.append(_nothing(key, Reason.UNKNOWN_EXPERIMENT))
            continue
        if not experiment.is_plain:
            decisions.append(decide(experiment, Asked(unit, raw_unit, given, now)))
            continue
        if experiment.texts is not None:
            try:
                outside = given.get(experiment.attribute) not in experiment.texts
            except TypeError:
                # Lists and objects have no hash, and are no text.
                outside = True
            if outside:
                decisions.append(experiment.not_in_audience)
                continue
        elif experiment.audience is not None and not experiment.audience(given, now):
            decisions.append(experiment.not_in_audience)
            continue
        digest = md5(raw_unit + experiment.suffix).digest()
        if experiment.traffic_end is not None and digest[4:8] >= experiment.traffic_end:
            decisions.append(experiment.not_in_traffic)
        elif experiment.half is not None:
            decisions.append(experiment.outcomes[digest >= experiment.half])
        else:
            # Bytes compare from the left: the first four choose, and a digest that begins with a start is not
            # below it.
            decisions.append(experiment.outcomes[bisect_right(experiment.starts, digest)])
    return decisions


def _found(known: Mapping[str, CompiledExperiment], key: object) -> CompiledExperiment | None:
    return known.get(key) if isinstance(key, str) else None


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
