"""What is asked of a warehouse for one experiment, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from assay.model.metric import Metric
from assay.model.moments import Moments
from assay.model.result import DataQuality
from assay.model.valuecounts import ValueCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentsRequest:
    """What the warehouse must aggregate for one experiment.

    until: events and exposures at or after it do not count. value_counts: keys of metrics whose exact value counts are
    wanted as well. one_in: look at one in so many units, drawn by their name, where all would be too many.
    """

    experiment: str
    variants: tuple[str, ...]
    metrics: tuple[Metric, ...]
    until: datetime | None = None
    value_counts: tuple[str, ...] = ()
    one_in: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentMoments:
    """The warehouse's answer for one experiment.

    units: exposed units per variant. metrics: per metric and variant, over the units that have a value.
    failures: metrics that could not be aggregated, with the reason. value_counts: per metric and variant, where asked.
    one_in: the units are a sample, one in so many.
    """

    experiment: str
    units: Mapping[str, int]
    metrics: Mapping[str, Mapping[str, Moments]]
    quality: DataQuality = DataQuality()
    first_exposure_at: datetime | None = None
    failures: Mapping[str, str] | None = None
    value_counts: Mapping[str, Mapping[str, ValueCounts]] = field(default_factory=dict)
    one_in: int = 1
