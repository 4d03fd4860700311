"""The snapshot every request of this process reads, swapped whole when the definitions move."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from hashlib import sha256

import structlog
from msgspec.json import encode

from assay.assignment.plugins import Randomizer
from assay.assignment.portable import snapshot_document
from assay.assignment.snapshot import EMPTY, Snapshot, compile_snapshot
from assay.errors import Unavailable
from assay.ports import Definitions, LastDefinitions

_log = structlog.get_logger("assay.snapshot")


class Snapshots:
    """Holds the current snapshot; reading it is a plain attribute access."""

    def __init__(
        self,
        definitions: Definitions,
        plugins: Mapping[str, Randomizer] | None = None,
        last: LastDefinitions | None = None,
    ) -> None:
        self._definitions = definitions
        self._last = last
        self._plugins = plugins or {}
        self._lock = threading.Lock()
        self.current: Snapshot = EMPTY
        self._portable: tuple[str, bytes] = ("", b"")
        self._portable_version = -1
        self.loaded = False

    def refresh(self) -> bool:
        """Compile anew if the definitions changed; True if they did. Cheap when nothing moved."""
        with self._lock:
            version = self._definitions.version()
            if self.loaded and version == self.current.version:
                return False
            experiments = self._definitions.all()
            self.current = compile_snapshot(experiments, version, self._plugins)
            self.loaded = True
            if self._last is not None:
                self._last.save(version, experiments)
            return True

    def begin(self) -> None:
        """The first snapshot: as definitions are now, or while they do not answer as they were last read.

        Raises Unavailable when there is neither.
        """
        try:
            self.refresh()
        except Unavailable:
            last = None if self._last is None else self._last.load()
            if last is None:
                raise
            with self._lock:
                self.current = compile_snapshot(last[1], last[0], self._plugins)
                self.loaded = True
            _log.warning("definitions do not answer: going on with those that were last read", version=last[0])

    def portable(self) -> tuple[str, bytes]:
        """The tag and the JSON of the document that evaluators elsewhere are given; made once per version."""
        with self._lock:
            version = self._definitions.version()
            if version != self._portable_version:
                content = encode(snapshot_document(self._definitions.all(), version))
                self._portable = f'"{version}-{sha256(content).hexdigest()[:16]}"', content
                self._portable_version = version
            return self._portable
