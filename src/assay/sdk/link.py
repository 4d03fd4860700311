"""The connection to a server: a snapshot kept fresh and events sent, in one thread behind the client."""

from __future__ import annotations

import atexit
import json
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.assignment.portable import read_snapshot
from assay.assignment.snapshot import EMPTY, Snapshot
from assay.errors import AssayError
from assay.sdk.disk import read_snapshot_file, write_snapshot_file
from assay.sdk.outbox import Outbox, body_of
from assay.sdk.retry import wait_seconds
from assay.sdk.transport import Answer, Transport

_SNAPSHOT, _EVENTS = "/api/v1/snapshot", "/api/v1/events"
_JSON = {"Content-Type": "application/json"}
_TAKEN = (202, 400, 413, 422)
"""The server has the events, or will never take them. Any other answer is "not now", "who are you", or, be it 200, not
the server's at all: they are sent again."""
_UNREADABLE = (AssayError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading a document of any content may raise."""
_LEAST_SECONDS = 0.1
Report = Callable[[str, BaseException | None], None]


class Link:
    """Looks for changed definitions and sends events. It begins with the first use, and again in a forked child."""

    def __init__(
        self,
        url: str,
        transport: Transport,
        report: Report,
        *,
        refresh_seconds: float,
        flush_seconds: float,
        cache: Path | None,
        timeout: float,
        max_waiting: int,
    ) -> None:
        self.url, self._transport, self._report = url, transport, report
        self._refresh_seconds, self._flush_seconds, self.timeout = refresh_seconds, flush_seconds, timeout
        self._cache, self._max_waiting = cache, max_waiting
        self.snapshot: Snapshot = EMPTY
        self._etag: str | None = None
        self.listeners: list[Callable[[], None]] = []
        self.closed = False
        self.ready = threading.Event()
        self.begin()
        self._read_cache()
        _links.add(self)

    def begin(self) -> None:
        """Make what belongs to one process."""
        self.outbox = Outbox(self._max_waiting)
        if self.closed:
            self.outbox.end()
        self._sending, self._asking, self._starting = threading.Lock(), threading.Lock(), threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = {_SNAPSHOT: 0, _EVENTS: 0}
        self._due = {_SNAPSHOT: 0.0, _EVENTS: 0.0}
        self.stale = False
        was_ready, self.ready = self.ready.is_set(), threading.Event()
        if was_ready:
            self.ready.set()

    def start(self) -> None:
        """Begin in the background, if that has not begun."""
        if self._thread is not None or self.closed:
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="assay-sdk", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    self._report("no thread can be started now", error)
                else:
                    self._thread = thread
                    _at_end_of_worker()

    def flush(self, timeout: float) -> bool:
        """Send what waits, now; True when nothing waits any more. timeout: seconds."""
        deadline = time.monotonic() + timeout
        while len(self.outbox):
            left = deadline - time.monotonic()
            if left <= 0 or not self._send(left, at_once=True):
                return False
        return True

    def refresh(self) -> bool:
        """Look for another snapshot now; True when the server answered."""
        with self._asking:
            headers = {} if self._etag is None else {"If-None-Match": self._etag}
            answer = self._request("GET", _SNAPSHOT, None, headers, self.timeout)
            good = answer is not None and (answer.status == 304 or (answer.status == 200 and self._take(answer)))
            if answer is not None and not good and answer.status != 200:
                self._report(f"the server gives no snapshot ({answer.status})", None)
            self._settle(_SNAPSHOT, good, answer, self._refresh_seconds * random.uniform(0.9, 1.1))
            if self.stale is good:
                self.stale = not good
                self._tell()
            return good

    def wake(self) -> None:
        """Send soon: much waits."""
        self._wake.set()

    def leave(self) -> None:
        """End the thread when it has sent what waits; does not wait for it."""
        self.closed = True
        self._wake.set()

    def close(self) -> None:
        """End the thread, and send what waits: here, as the thread may be waiting for a snapshot."""
        deadline = time.monotonic() + self.timeout
        self.leave()
        self.flush(self.timeout)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - time.monotonic()))
        lost = self.outbox.end()
        if lost:
            self._report(f"the client is closed, and {lost} events could not be sent", None)
        _links.discard(self)

    def _run(self) -> None:
        while not self.closed:
            try:
                pause = self._round()
            except Exception as error:
                self._report("something unforeseen", error)
                pause = 1.0
            self._wake.wait(pause)
            self._wake.clear()
        self.flush(self.timeout)

    def _round(self) -> float:
        """Whatever is due; returns the seconds to the next round."""
        now = time.monotonic()
        if now >= self._due[_SNAPSHOT]:
            self.refresh()
        if len(self.outbox) and now >= self._due[_EVENTS]:
            while len(self.outbox) and self._send(self.timeout):
                pass
        until = min(self._due[_SNAPSHOT], max(self._due[_EVENTS], time.monotonic() + self._flush_seconds))
        return max(0.01, until - time.monotonic())

    def _take(self, answer: Answer) -> bool:
        try:
            document = json.loads(answer.body)
            self._decide_by(document, answer.headers.get("etag"))
        except _UNREADABLE as error:
            self._report("a snapshot cannot be read", error)
            return False
        if self._cache is not None:
            try:
                write_snapshot_file(self._cache, self.url, document, self._etag)
            except OSError as error:
                self._report(f"the snapshot cannot be kept in {self._cache}", error)
        self._tell()
        return True

    def _decide_by(self, document: Any, etag: str | None) -> None:
        self.snapshot = read_snapshot(document)
        self._etag = etag
        self.ready.set()

    def _read_cache(self) -> None:
        kept = None if self._cache is None else read_snapshot_file(self._cache, self.url)
        if kept is not None:
            try:
                self._decide_by(*kept)
            except _UNREADABLE as error:
                self._report(f"the snapshot in {self._cache} cannot be read", error)

    def _send(self, timeout: float, *, at_once: bool = False) -> bool:
        """Send one batch; False when the server did not take it. at_once: do not wait as it asked. timeout: also for
        another who sends at this moment."""
        deadline = time.monotonic() + timeout
        if not self._sending.acquire(timeout=timeout):
            return False
        try:
            batch = self.outbox.batch()
            if not batch:
                return True
            if not at_once and time.monotonic() < self._due[_EVENTS]:
                return False
            left = min(self.timeout, max(_LEAST_SECONDS, deadline - time.monotonic()))
            answer = self._request("POST", _EVENTS, body_of(batch), _JSON, left)
            taken = answer is not None and answer.status in _TAKEN
            self._settle(_EVENTS, taken, answer, 0.0)
            if answer is not None and not taken:
                self._report(f"the server takes no events ({answer.status})", None)
            if taken and answer is not None:
                self.outbox.sent(batch)
                self._tell_refusals(answer, batch)
            return taken
        finally:
            self._sending.release()

    def _tell_refusals(self, answer: Answer, batch: Sequence[bytes]) -> None:
        try:
            document = json.loads(answer.body)
            refused = document.get("refused", ())
            for refusal in refused:
                # Only this machine's clock is wrong: once more, at the time the server receives it.
                if refusal.get("code") == "clock" and self.outbox.add_untimed(batch[refusal["index"]]):
                    continue
                accepted = f"given {refusal.get('given')}; accepted: {refusal.get('accepted')}"
                self._report(f"an event was refused: {refusal.get('field')}: {accepted}", None)
            if answer.status >= 400 and not refused:
                self._report(f"events were refused: {document.get('detail', answer.status)}", None)
        except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
            if answer.status >= 400:
                self._report(f"events were refused ({answer.status})", None)

    def _settle(self, what: str, good: bool, answer: Answer | None, pause: float) -> None:
        """When to try next."""
        self._failures[what] = 0 if good else self._failures[what] + 1
        if not good:
            told = None if answer is None else answer.headers.get("retry-after")
            pause = wait_seconds(told, self._failures[what])
        self._due[what] = time.monotonic() + pause

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> Answer | None:
        try:
            return self._transport.send(method, self.url + path, body, headers, timeout)
        except Exception as error:
            self._report(f"no answer from {self.url}", error)
            return None

    def _tell(self) -> None:
        for listener in list(self.listeners):
            try:
                listener()
            except Exception as error:
                self._report("a listener failed", error)


_links: weakref.WeakSet[Link] = weakref.WeakSet()


def _after_fork() -> None:
    """In a child: threads are gone and locks may be held for ever; the parent's events are the parent's to send."""
    for link in list(_links):
        link.begin()


def _at_exit() -> None:
    for link in list(_links):
        link.close()


def _at_end_of_worker() -> None:
    """Processes that multiprocessing forks end without atexit; they have an end of their own."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, _at_exit, exitpriority=0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
