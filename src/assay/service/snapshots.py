"""The snapshot every request of this process reads, swapped whole when the definitions move."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from hashlib import sha256

from msgspec.json import encode

from assay.assignment.plugins import Randomizer
from assay.assignment.portable import snapshot_document
from assay.assignment.snapshot import EMPTY, Snapshot, compile_snapshot
from assay.ports import Definitions


class Snapshots:
    """Holds the current snapshot; reading it is a plain attribute access."""

    def __init__(self, definitions: Definitions, plugins: Mapping[str, Randomizer] | None = None) -> None:
        self._definitions = definitions
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
            self.current = compile_snapshot(self._definitions.all(), version, self._plugins)
            self.loaded = True
            return True

    def portable(self) -> tuple[str, bytes]:
        """The tag and the JSON of the document that evaluators elsewhere are given; made once per version."""
        with self._lock:
            version = self._definitions.version()
            if version != self._portable_version:
                content = encode(snapshot_document(self._definitions.all(), version))
                self._portable = f'"{version}-{sha256(content).hexdigest()[:16]}"', content
                self._portable_version = version
            return self._portable
