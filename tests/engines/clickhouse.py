"""A ClickHouse of the tests' own: the engine from PyPI in a process of its own, spoken to by HTTP."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PASSWORD = "secret"
FRONT = Path(__file__).with_name("clickhouse_front.py")


class ClickhouseServer:
    """A server that can be killed and started again on its folder and port."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("chdb") is None:
            pytest.skip("chdb is not installed: make test installs it")
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._names = (f"test_{number}" for number in itertools.count())
        self.process = self._start()

    def url(self, database: str = "default", *, password: str = PASSWORD) -> str:
        """As users write it."""
        return f"clickhouse://default:{password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """The URL of a database that nobody has used."""
        return self.url(next(self._names))

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(FRONT), str(self._folder), str(self.port), PASSWORD]
        # Nothing of this process's is handed on: what holds a socket keeps a killed server's port.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None, "ClickHouse did not start"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/ping").status_code == 200:
                    return process
            time.sleep(0.05)
        raise AssertionError("ClickHouse was not ready in time")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def restart(self) -> None:
        self.process = self._start()


@contextlib.contextmanager
def clickhouse_server(folder: Path) -> Iterator[ClickhouseServer]:
    """A server for as long as the block runs."""
    server = ClickhouseServer(folder)
    try:
        yield server
    finally:
        server.kill()
