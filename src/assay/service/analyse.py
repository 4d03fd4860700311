"""From moments to results and a recommendation, for every experiment that gathers data."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from assay.decisions.guardrails import guardrail_states
from assay.decisions.recommendation import recommend
from assay.errors import AssayError
from assay.model.experiment import Experiment
from assay.model.lifecycle import Stage, Status
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.plan import Method
from assay.model.result import ExperimentResult, Progress, Validity
from assay.ports import Clock, Definitions, Measurements, Notices, Results, Telemetry
from assay.service.lifecycle import Lifecycle
from assay.service.looks import as_of_look, between_looks, looks_of
from assay.service.metric_tests import Tests, counted_metrics
from assay.service.planning import planned_sample, tuning_units
from assay.service.withheld import reason_to_withhold, withheld_result
from assay.stats.experiment import Beside, analyse_metrics
from assay.stats.trust.sample_ratio import sample_ratio

_SECONDS_PER_DAY = 86_400
_OVERSHOOT = 1.05
_GATHERING = (Stage.RUNNING, Stage.PAUSED, Stage.ANALYSIS)
_LATE_EVENTS = timedelta(days=7)

_log = structlog.get_logger("assay.analyse")
_KEPT_PER_AGE = 300
NO_TESTS: Tests = {}


@dataclass(frozen=True, slots=True)
class Analysing:
    """Analyses all experiments at once and saves what moved.

    sample_above_units: of an experiment with more units, a sample of so many or fewer is looked at; 0: never.
    """

    definitions: Definitions
    warehouse: Measurements
    results: Results
    notices: Notices
    lifecycle: Lifecycle
    telemetry: Telemetry
    clock: Clock
    tests: Tests = field(default_factory=dict)
    sample_above_units: int = 0
    _sizes: dict[str, int] = field(default_factory=dict)

    def gathering(self) -> list[Experiment]:
        """The experiments that gather data, wait for their final analysis, or ended lately and may see late events."""
        now = self.clock()
        return [item for item in self.definitions.all() if item.stage in _GATHERING or _ended_lately(item, now)]

    def analyse(self, experiments: Sequence[Experiment]) -> list[ExperimentResult]:
        """Analyse these in one pass and save what moved; an ended one gets its final result and goes on to decision.

        An experiment that cannot be analysed harms no other: it is logged, and tried again next time.
        """
        began = self.clock()
        moments = self._moments(experiments)
        saved = [
            result
            for experiment in experiments
            if experiment.data_key in moments
            and (result := self._save_result(experiment, moments[experiment.data_key]))
        ]
        self.telemetry.analysis_seconds((self.clock() - began).total_seconds())
        return saved

    def _moments(self, experiments: Sequence[Experiment]) -> dict[str, ExperimentMoments]:
        """All in one pass; one by one when that fails, to leave out only those that make it fail."""
        requests = [
            dataclasses.replace(request_of(experiment, self.tests), one_in=self._one_in(experiment))
            for experiment in experiments
        ]
        try:
            return self.warehouse.moments(requests)
        except Exception:
            if len(requests) == 1:
                _log.exception("experiment cannot be aggregated", experiment=requests[0].experiment)
                return {}
        found: dict[str, ExperimentMoments] = {}
        for experiment in experiments:
            found |= self._moments([experiment])
        return found

    def _one_in(self, experiment: Experiment) -> int:
        """A power of two by which an experiment's units are divided until they are not too many."""
        if not self.sample_above_units:
            return 1
        key = experiment.data_key
        if key not in self._sizes:
            last = self.results.latest(experiment.key)
            self._sizes[key] = _all_units(last) if last is not None and last.version == experiment.version else 0
        one_in = 1
        while self._sizes[key] > one_in * self.sample_above_units:
            one_in *= 2
        return one_in

    def _save_result(self, experiment: Experiment, moments: ExperimentMoments) -> ExperimentResult | None:
        """The result, if it is new and could be made."""
        try:
            last = self.results.latest(experiment.key)
            result = result_of(experiment, moments, self.clock(), tests=self.tests, last=last)
            self._sizes[experiment.data_key] = _all_units(result)
            waits = experiment.stage is Stage.ANALYSIS
            if not waits and not _moved(result, last):
                return None
            self.results.save(result, spacing_seconds=_spacing_seconds(experiment, result.at))
            if waits:
                self.lifecycle.analysed(experiment.key)
        except Exception:
            _log.exception("experiment cannot be analysed", experiment=experiment.key)
            return None
        self.notices.publish(experiment.key)
        return result


def _all_units(result: ExperimentResult) -> int:
    """Of the whole experiment, as far as a sample tells."""
    return result.n_units * result.quality.sampled_one_in


def _moved(result: ExperimentResult, last: ExperimentResult | None) -> bool:
    """Whether anything but the time differs from the last saved result."""
    if last is None or last.version != result.version:
        return True
    same_time = dataclasses.replace(last, at=result.at, progress=result.progress)
    return same_time != result


def _spacing_seconds(experiment: Experiment, now: datetime) -> float:
    """How far apart results are kept: the longer it runs, the farther, so that a month is not a million results."""
    return (now - experiment.started_at).total_seconds() / _KEPT_PER_AGE if experiment.started_at else 0.0


def _ended_lately(experiment: Experiment, now: datetime) -> bool:
    """Undecided and ended not long ago: events from before the end may still arrive, from clients that were offline."""
    ended = experiment.ended_at
    return experiment.stage is Stage.DECISION and ended is not None and now - ended < _LATE_EVENTS


def _until(experiment: Experiment) -> datetime | None:
    """When data stop counting: at the stop, or at the end that a fixed plan had set before."""
    ended, planned = experiment.ended_at, experiment.planned_end
    if experiment.plan.method is Method.FIXED and planned is not None and ended is not None:
        return min(ended, planned)
    return ended


def request_of(experiment: Experiment, tests: Tests = NO_TESTS) -> MomentsRequest:
    """What the warehouse must aggregate for an experiment."""
    return MomentsRequest(
        experiment=experiment.data_key,
        variants=tuple(variant.key for variant in experiment.variants),
        metrics=experiment.metrics,
        until=_until(experiment),
        value_counts=counted_metrics(experiment.metrics, tests),
    )


def result_of(
    experiment: Experiment,
    moments: ExperimentMoments,
    now: datetime,
    *,
    tests: Tests = NO_TESTS,
    last: ExperimentResult | None = None,
) -> ExperimentResult:
    """Everything one analysis says. Pure: the same arguments give the same result.

    tests: installed beside Assay. last: the result before, whose looks count in a group sequential plan.
    """
    control = experiment.control
    if control is None:
        raise AssayError(f"experiment '{experiment.key}' has no control and cannot be analysed")
    withheld = reason_to_withhold(experiment)
    if withheld is not None:
        return withheld_result(experiment, moments, now, withheld)
    required = planned_sample(experiment)
    validity = validity_of(experiment, moments, required)
    looks = looks_of(experiment, moments, required, last)
    live = {variant.key: variant.weight for variant in experiment.variants}
    ratio = sample_ratio(moments.units, live, alpha=experiment.plan.srm_alpha, validity=validity)
    metrics, failures = analyse_metrics(
        experiment.metrics,
        moments.metrics,
        control=control.key,
        plan=experiment.plan,
        validity=validity,
        tuning_units=tuning_units(experiment.plan, required),
        data=Beside(value_counts=moments.value_counts, installed=tests, looks=looks),
    )
    if last is not None and between_looks(looks, last):
        metrics = as_of_look(metrics, last)
    progress = progress_of(experiment, moments, required, now)
    titles = {variant.key: variant.title for variant in experiment.variants}
    recommendation = recommend(
        metrics=metrics,
        sample_ratio=ratio,
        progress=progress,
        plan=experiment.plan,
        validity=validity,
        control=control.key,
        titles=titles,
        running=experiment.ended_at is None,
        quality=moments.quality,
    )
    return ExperimentResult(
        experiment=experiment.key,
        version=experiment.version,
        at=now,
        status=experiment.status,
        plan=experiment.plan,
        validity=validity,
        control=control.key,
        n_units=sum(moments.units.values()),
        units=moments.units,
        metrics=metrics,
        sample_ratio=ratio,
        recommendation=recommendation,
        progress=progress,
        quality=dataclasses.replace(moments.quality, sampled_one_in=moments.one_in),
        guardrails=tuple(guardrail_states(metrics, control.key, titles)),
        failures={**failures, **(moments.failures or {})},
        final=experiment.stage in (Stage.ANALYSIS, Stage.DECISION),
        looks=looks.taken if looks is not None else (),
    )


def validity_of(experiment: Experiment, moments: ExperimentMoments, required: int | None) -> Validity:
    """Fixed-horizon numbers only for a plan that fixed its end, and only if it ended there: on the planned date, or
    with the planned sample and at most a twentieth more (beyond that, the end was chosen, not planned)"""
    if experiment.plan.method is not Method.FIXED or experiment.status is not Status.COMPLETED:
        return Validity.ANYTIME
    ended, planned = experiment.ended_at, experiment.planned_end
    on_time = ended is not None and planned is not None and ended >= planned
    smallest = min(moments.units.values(), default=0)
    enough = required is not None and required <= smallest <= required * _OVERSHOOT
    return Validity.FIXED if on_time or enough else Validity.ANYTIME


def progress_of(experiment: Experiment, moments: ExperimentMoments, required: int | None, now: datetime) -> Progress:
    """How far each live variant is, and the days left at the pace so far."""
    if required is None:
        return Progress(required_per_variant=None)
    live = [variant.key for variant in experiment.variants if variant.weight > 0]
    shares = {key: moments.units.get(key, 0) / required for key in live}
    days_left = None
    if experiment.ended_at is None and moments.first_exposure_at is not None:
        days = (now - moments.first_exposure_at).total_seconds() / _SECONDS_PER_DAY
        slowest = min(shares.values())
        if days > 0 and slowest > 0:
            days_left = max(0.0, days * (1 - slowest) / slowest)
    return Progress(required_per_variant=required, share_by_variant=shares, days_left=days_left)
