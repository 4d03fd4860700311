"""Servers as processes of their own, to be killed and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One `assay serve`: killed and started again on the same folder and port."""

    def __init__(self, folder: Path, role: str = "all", environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.role, self.port = folder, role, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {"ASSAY_REFRESH_SECONDS": "0.05", "LOG_LEVEL": "ERROR", **(environment or {})}
        self.log = folder.parent / f"{role}-{self.port}.log"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = ["--role", self.role, "--port", str(self.port), "--data", str(self.folder)]
        command = [sys.executable, "-m", "assay", "serve", *options]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, env=os.environ | self.environment, stderr=log, stdout=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, f"the {self.role} did not start: {self.log.read_text()[-2_000:]}"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/ready").status_code == 200:
                    return process
            time.sleep(0.05)
        raise AssertionError(f"the {self.role} was not ready within {START_SECONDS} s")

    def kill(self) -> None:
        """kill -9"""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.process = self._start()

    def stop(self) -> None:
        """As an operator stops it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def running(folder: Path, role: str = "all", environment: Mapping[str, str] | None = None) -> Iterator[Node]:
    """A node that is killed in the end."""
    node = Node(folder, role, environment)
    try:
        yield node
    finally:
        node.kill()


def until(check: object, seconds: float = 30.0) -> None:
    """Wait until `check()` is true."""
    assert callable(check)
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)
