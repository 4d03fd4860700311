"""The last definitions that were read, on disk: a process that starts while their database is gone begins with them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import structlog

from assay.model.document import from_document, to_document
from assay.model.experiment import Experiment

_log = structlog.get_logger("assay.snapshot")


class SnapshotFile:
    """The LastDefinitions port: one file, written beside and put in its place whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, version: int, experiments: Sequence[Experiment]) -> None:
        document = {"version": version, "experiments": [to_document(item) for item in experiments]}
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(document))
            fresh.replace(self._path)
        except OSError as error:
            _log.warning("the last definitions could not be written", path=str(self._path), why=str(error))

    def load(self) -> tuple[int, list[Experiment]] | None:
        try:
            document = json.loads(self._path.read_text())
            return int(document["version"]), [from_document(Experiment, item) for item in document["experiments"]]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("the last definitions cannot be read", path=str(self._path), why=str(error))
            return None
