"""Servers as processes of their own, each on a chosen core."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
START_SECONDS = 30.0


class Server:
    """A server process on a free loopback port, ready to be asked."""

    def __init__(self, command: Sequence[str], core: int | None) -> None:
        self.port = _free_port()
        arguments = [str(self.port) if part == "PORT" else part for part in command]
        with on(core):
            self._process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=_environment())
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Return when the port is open; end the benchmark if the server ends or takes too long."""
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise SystemExit(f"no server on port {self.port}")

    def cpu_seconds(self) -> float | None:
        """Processor time of all its threads so far, where the system tells."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    """Ours without the settings of an Assay that may be served from this shell: the defaults are measured."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "API_"))}
    return {**plain, "LOG_LEVEL": "ERROR"}


def busy_seconds() -> float | None:
    """Processor time that everything on this machine has taken so far, where the system tells."""
    try:
        user, nice, system, _, _, irq, soft_irq, steal = Path("/proc/stat").read_text().split()[1:9]
    except (OSError, ValueError):
        return None
    return sum(map(int, (user, nice, system, irq, soft_irq, steal))) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def on(core: int | None) -> Iterator[None]:
    """Processes started inside run on this core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cores() -> tuple[int | None, int | None]:
    """A core for the servers and another for the load, where the system lets us choose."""
    found = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    return (found[0], found[1]) if len(found) > 1 else (None, None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
