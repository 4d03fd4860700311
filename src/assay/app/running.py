"""Where the server of a data folder answers: it writes its address there, for commands that need it to do something."""

from __future__ import annotations

from pathlib import Path

_FILE = "server.url"


def announce(data: Path, url: str) -> None:
    """Say that a server of this folder answers at `url`."""
    data.mkdir(parents=True, exist_ok=True)
    (data / _FILE).write_text(url, "utf-8")


def withdraw(data: Path) -> None:
    """Say that no server runs."""
    (data / _FILE).unlink(missing_ok=True)


def announced(data: Path) -> str | None:
    """The address that was announced last; after a crash nobody may answer there."""
    try:
        return (data / _FILE).read_text("utf-8").strip() or None
    except OSError:
        return None
