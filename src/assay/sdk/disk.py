"""The last snapshot on disk, for the start without a server."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


def read_snapshot_file(path: Path, url: str) -> tuple[Any, str | None] | None:
    """The document and its tag; None when the file is missing, torn, or of another server."""
    try:
        kept = json.loads(path.read_bytes())
        return (kept["document"], kept["etag"]) if kept["url"] == url else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_snapshot_file(path: Path, url: str, document: Any, etag: str | None) -> None:
    """Replace the file whole: whoever reads it meanwhile sees the old one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"url": url, "etag": etag, "document": document}, file)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
