"""The periodic work: load, analyse, and look for changed definitions, in a thread of its own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex

import structlog

from assay.errors import AssayError
from assay.model.experiment import Experiment
from assay.model.lifecycle import Stage
from assay.service.services import Services

_log = structlog.get_logger("assay.worker")
_ANALYSIS = "analysis"
_LEASE_ROUNDS, _LEAST_LEASE_SECONDS = 10, 30.0
_RETENTION_EVERY = timedelta(hours=1)
_JUMP_SECONDS, _DAY_SECONDS = 600, 86_400


@dataclass(slots=True)
class Loop:
    """Runs a round every `pause_seconds`. A round that fails is logged, and the next one tries again.

    works: loads and analyses; otherwise a round looks for changed definitions only. shared: several processes load, so
    what this one loaded says nothing of what there is to analyse.
    """

    services: Services
    pause_seconds: float
    works: bool = True
    shared: bool = False
    analyse_every: float = 0.0
    holder: str = field(default_factory=lambda: token_hex(8))
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    failing: bool = False
    _loaded_since: bool = True
    elapsed: Callable[[], float] = time.monotonic
    _dropped_at: datetime | None = None
    _analysed_at: float = -math.inf
    _seen: tuple[datetime, float] | None = None
    _trusted_from: float = -math.inf

    def start(self) -> None:
        """Begin in the background."""
        for name, action, pause in (("worker", self._work, self.pause_seconds), ("watch", self._look, 2.0)):
            thread = threading.Thread(target=self._repeat, args=(action, pause), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the present round, then end."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def round(self) -> None:
        """Load all that waits; analyse if anything came in, or an experiment waits for its first or final result.

        Loading goes on while definitions do not answer.
        """
        services = self.services
        if not self.works:
            services.snapshots.refresh()
            return
        gathering: list[Experiment] | None = None
        gone: AssayError | None = None
        try:
            services.snapshots.refresh()
            # Who gathers is asked before loading: what reached the inbox before a stop is then in the final result.
            gathering = services.analysing.gathering()
        except AssayError as error:
            gone = error
        if services.loading.load_all() or self.shared:
            self._loaded_since = True
        if gathering is None:
            raise gone or AssayError("definitions do not answer")
        if self._may_analyse():
            self._drop_old(gathering)
            self._analyse(gathering)

    def _analyse(self, gathering: list[Experiment]) -> None:
        # Until an analysis has gone through, what was loaded before it is still to be analysed: also after a crash.
        began = self.elapsed()
        of_all = self._loaded_since and began - self._analysed_at >= self.analyse_every
        if not of_all:
            gathering = [item for item in gathering if item.stage is Stage.ANALYSIS or self._is_new(item)]
        if gathering:
            self.services.analysing.analyse(gathering)
        if of_all:
            self._loaded_since, self._analysed_at = False, began

    def _may_analyse(self) -> bool:
        """Of several workers one analyses, for as long as it lives."""
        seconds = max(_LEAST_LEASE_SECONDS, _LEASE_ROUNDS * self.pause_seconds)
        return self.services.leases.hold(_ANALYSIS, self.holder, seconds=seconds, now=self.services.clock())

    def _drop_old(self, gathering: list[Experiment]) -> None:
        """Once an hour. A clock that jumped is no reason to throw anything away until it has run evenly for a day."""
        now, run = self.services.clock(), self.elapsed()
        if self._seen is not None:
            jump = (now - self._seen[0]).total_seconds() - (run - self._seen[1])
            if abs(jump) > _JUMP_SECONDS:
                _log.warning("the clock jumped; nothing old is dropped for a day", seconds=round(jump))
                self._trusted_from = run + _DAY_SECONDS
        self._seen = now, run
        if run < self._trusted_from:
            return
        if self._dropped_at is None or now - self._dropped_at > _RETENTION_EVERY:
            self._dropped_at = now
            self.services.retention.drop_old(gathering)

    def _is_new(self, experiment: Experiment) -> bool:
        return self.services.reading.latest(experiment.key) is None

    def _report(self, *, failing: bool) -> None:
        self.failing = failing
        self.services.health.worker_failing = failing

    def _work(self) -> None:
        try:
            self.round()
            self._report(failing=False)
        except AssayError as error:
            why = str(error)
            self._told(lambda: _log.warning("round failed; trying again", why=why))
        except Exception:
            self._told(lambda: _log.exception("round failed; trying again", pause_seconds=self.pause_seconds))

    def _told(self, tell: Callable[[], None]) -> None:
        """A failure is told when it begins, and not again until a round has gone through."""
        if not self.failing:
            tell()
        self._report(failing=True)

    def _look(self) -> None:
        self.services.watch.look()

    def _repeat(self, action: Callable[[], None], pause_seconds: float) -> None:
        while not self._stop.is_set():
            action()
            self._stop.wait(pause_seconds)
        if self.works and action == self._work:
            self._give_back()

    def _give_back(self) -> None:
        try:
            self.services.leases.release(_ANALYSIS, self.holder)
        except AssayError as error:
            _log.warning("the lease could not be given back", why=str(error))
