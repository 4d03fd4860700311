"""What pages and read endpoints ask for: definitions and their results."""

from __future__ import annotations

from dataclasses import dataclass

from assay.errors import NotFound
from assay.model.experiment import Experiment
from assay.model.result import ExperimentResult
from assay.ports import Change, Definitions, Results


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads experiments, their latest results and how those came about."""

    definitions: Definitions
    results: Results

    def experiments(self) -> list[Experiment]:
        """Every experiment, newest first."""
        return self.definitions.all()

    def experiment(self, key: str) -> Experiment:
        """One experiment; raises NotFound."""
        experiment = self.definitions.get(key)
        if experiment is None:
            raise NotFound("experiment", key, known=[item.key for item in self.definitions.all()])
        return experiment

    def latest(self, key: str) -> ExperimentResult | None:
        """The newest result of an experiment's present version, if it has been analysed."""
        result = self.results.latest(key)
        return result if result is None or result.version == self.experiment(key).version else None

    def series(self, key: str, *, limit: int = 200) -> list[ExperimentResult]:
        """Results of the present version over time, oldest first."""
        version = self.experiment(key).version
        return [result for result in self.results.series(key, limit=limit) if result.version == version]

    def of_version(self, key: str, version: int) -> ExperimentResult | None:
        """The last result of one version."""
        found = [result for result in self.results.series(key, limit=10_000) if result.version == version]
        return found[-1] if found else None

    def changes(self, key: str) -> list[Change]:
        """The audit log of an experiment, oldest first."""
        return self.definitions.changes(key)
