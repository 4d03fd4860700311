"""All use cases of one process, wired to its adapters; what every door is given."""

from __future__ import annotations

from dataclasses import dataclass

from assay.ports import Clock, Leases, Notices, Telemetry
from assay.service.activity import Watching
from assay.service.analyse import Analysing
from assay.service.assign import Assigning
from assay.service.editing import Editing
from assay.service.explaining import Explaining
from assay.service.exposures import ExposureLog
from assay.service.forgetting import Forgetting
from assay.service.lifecycle import Lifecycle
from assay.service.loading import Loading
from assay.service.reading import Reading
from assay.service.retention import Retention
from assay.service.sharing import Sharing
from assay.service.snapshots import Snapshots
from assay.service.track import Tracking
from assay.service.versions import Versions
from assay.service.watching import Watch


@dataclass(slots=True)
class Health:
    """How this process is doing, for those who ask. worker_failing: the last round of periodic work failed."""

    worker_failing: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases, one attribute each."""

    reading: Reading
    editing: Editing
    lifecycle: Lifecycle
    versions: Versions
    sharing: Sharing
    explaining: Explaining
    exposures: ExposureLog
    activity: Watching
    forgetting: Forgetting
    snapshots: Snapshots
    assigning: Assigning
    tracking: Tracking
    loading: Loading
    analysing: Analysing
    retention: Retention
    leases: Leases
    watch: Watch
    notices: Notices
    telemetry: Telemetry
    clock: Clock
    health: Health
