"""How far imports came, one small file each; it names no unit."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from assay.model.history import Reached


class FileBookmarks:
    """The Bookmarks port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, name: str) -> Reached | None:
        try:
            return Reached(**json.loads(self._path(name).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            # Lost or broken: everything is read again, and counts once.
            return None

    def keep(self, name: str, reached: Reached) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._path(name).with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(asdict(reached)), "utf-8")
        unfinished.replace(self._path(name))

    def drop(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"
