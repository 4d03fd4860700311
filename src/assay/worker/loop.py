"""The periodic work of the embedded stack: load, analyse, and look for changed definitions, in a thread of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import structlog

from assay.model.experiment import Experiment
from assay.model.lifecycle import Stage
from assay.service.services import Services

_log = structlog.get_logger("assay.worker")


@dataclass(slots=True)
class Loop:
    """Runs a round every `pause_seconds`. A round that fails is logged, and the next one tries again."""

    services: Services
    pause_seconds: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    failing: bool = False
    _loaded_since: bool = True

    def start(self) -> None:
        """Begin in the background."""
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present round, then end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def round(self) -> None:
        """Load all that waits; analyse if anything came in, or an experiment waits for its first or final result."""
        services = self.services
        services.snapshots.refresh()
        # Who gathers is asked before loading: whatever reached the inbox before a stop is then in the final result.
        gathering = services.analysing.gathering()
        if services.loading.load_all():
            self._loaded_since = True
        # Until an analysis has gone through, what was loaded before it is still to be analysed: also after a crash.
        if not self._loaded_since:
            gathering = [item for item in gathering if item.stage is Stage.ANALYSIS or self._is_new(item)]
        if gathering:
            services.analysing.analyse(gathering)
        self._loaded_since = False

    def _is_new(self, experiment: Experiment) -> bool:
        return self.services.reading.latest(experiment.key) is None

    def _report(self, *, failing: bool) -> None:
        self.failing = failing
        self.services.health.worker_failing = failing

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.round()
                self._report(failing=False)
            except Exception:
                self._report(failing=True)
                _log.exception("round failed; trying again", pause_seconds=self.pause_seconds)
            self._stop.wait(self.pause_seconds)
