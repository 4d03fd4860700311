"""The client: decides in process by a snapshot it keeps fresh, and sends what units met."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from assay.assignment.evaluate import evaluate
from assay.errors import InvalidInput
from assay.model.decision import Decision, Reason
from assay.model.experiment import Variant
from assay.sdk.link import Link, Report
from assay.sdk.transport import Transport, UrllibTransport

_log = logging.getLogger("assay.sdk")
_MANY = 5_000
"""So many waiting events are sent at once."""


class Client:
    """Decides who gets what without asking the server each time.

    url: the server's address. refresh_seconds: between two looks for changed definitions. flush_seconds: how long an
    event waits for others at most. cache: a file for the last snapshot, so that a start without a server decides as
    before. timeout: seconds for one request. max_waiting: events kept while the server is away; the oldest go first.
    on_error: told of what went wrong, from any thread; without it, a warning in the log `assay.sdk`.

    Deciding and tracking never raise, whatever they are given: objects that fail when they are looked at get the reason
    `error`. The constructor raises InvalidInput for settings that cannot be. Until there is a first snapshot every
    experiment is `unknown_experiment`. Safe to use from many threads, and after a fork: the child sends its own events
    only. What still waits when the process ends is sent then, for `timeout` seconds at most.

    What the server reads out of a `user_agent` must be given itself here (`device_type`, `browser` and the like),
    randomisers that are plug-ins of the server give `not_supported`, and the time is this machine's.
    """

    def __init__(
        self,
        url: str,
        *,
        refresh_seconds: float = 30.0,
        flush_seconds: float = 2.0,
        cache: str | Path | None = None,
        timeout: float = 5.0,
        max_waiting: int = 100_000,
        on_error: Report | None = None,
        transport: Transport | None = None,
    ) -> None:
        _check(url, refresh_seconds, flush_seconds, timeout, max_waiting)
        self.url, self._on_error = url.rstrip("/"), on_error
        self._link = Link(
            self.url,
            transport if transport is not None else UrllibTransport(),
            _reporter(on_error),
            refresh_seconds=refresh_seconds,
            flush_seconds=flush_seconds,
            cache=None if cache is None else Path(cache),
            timeout=timeout,
            max_waiting=max_waiting,
        )

    # Deciding

    def decide(
        self, experiment: str, unit: str, attributes: Mapping[str, Any] | None = None, *, log_exposure: bool = True
    ) -> Decision:
        """What a unit gets in an experiment, and why. log_exposure: the unit meets its variant now.

        Forced units are never logged, and each unit once per variant.
        """
        self._link.start()
        known = attributes if attributes is not None else {}
        try:
            (decision,) = evaluate(self._link.snapshot, unit, known, None, (experiment,))
        except Exception as error:
            self._report("a decision failed", error)
            return Decision(experiment if type(experiment) is str else "", None, None, None, Reason.ERROR)
        if log_exposure:
            self.log_exposure(unit, decision, known)
        return decision

    def decide_all(
        self, unit: str, attributes: Mapping[str, Any] | None = None, *, log_exposure: bool = False
    ) -> list[Decision]:
        """Every running experiment in which the unit has a variant, by key. Nobody meets all of them at once, so
        nothing is logged unless it is asked for."""
        self._link.start()
        known = attributes if attributes is not None else {}
        try:
            decisions = evaluate(self._link.snapshot, unit, known, None)
        except Exception as error:
            self._report("decisions failed", error)
            return []
        if log_exposure:
            for decision in decisions:
                self.log_exposure(unit, decision, known)
        return decisions

    def variant(self, experiment: str, unit: str, attributes: Mapping[str, Any] | None = None) -> str | None:
        """The key of the unit's variant, or None; logs the exposure."""
        return self.decide(experiment, unit, attributes).variant

    def config(
        self,
        experiment: str,
        unit: str,
        attributes: Mapping[str, Any] | None = None,
        default: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """A copy of the config of the unit's variant, `default` for units without one; logs the exposure."""
        config = self.decide(experiment, unit, attributes).config
        return copy.deepcopy(config) if config is not None else default if default is not None else {}

    def log_exposure(self, unit: str, decision: Decision, attributes: Mapping[str, Any] | None = None) -> None:
        """Say that a unit meets the variant of a decision now; forced units and those without one are left out."""
        if not decision.counts:
            return
        try:
            self._link.outbox.expose(unit, decision, attributes)
            self._after_adding()
        except Exception as error:
            self._report("an exposure cannot be sent", error)

    def control(self, experiment: str) -> Variant | None:
        """The control of an experiment, None when it is not known."""
        found = self._link.snapshot.experiments.get(experiment) if isinstance(experiment, str) else None
        return None if found is None else found.control

    @property
    def experiments(self) -> tuple[str, ...]:
        """The keys of all running experiments."""
        return self._link.snapshot.running

    # Telling

    def track(
        self,
        unit: str,
        event_type: str,
        metrics: Mapping[str, float] | None = None,
        *,
        properties: Mapping[str, Any] | None = None,
        value: float | None = None,
        event_id: str | None = None,
        at: datetime | None = None,
    ) -> str | None:
        """Send an event soon; returns its id, None when it cannot be sent.

        With an id of your own it counts once however often it is sent. at: when it happened, now when left out.
        """
        self._link.start()
        event: dict[str, Any] = {"event_type": event_type}
        named = (("metrics", metrics), ("properties", properties), ("value", value), ("event_id", event_id))
        try:
            if not isinstance(unit, str) or not unit:
                raise InvalidInput("unit", unit, "a text that is not empty")
            for name, given in named:
                if given is not None:
                    event[name] = dict(given) if isinstance(given, Mapping) else given
            when = datetime.now(timezone.utc) if at is None else at.astimezone(timezone.utc)
            added = self._link.outbox.add(unit, event, when)
        except Exception as error:
            self._report("an event cannot be sent", error)
            return None
        self._after_adding()
        return None if self._link.closed else added

    @property
    def waiting(self) -> int:
        """Events not yet sent."""
        return len(self._link.outbox)

    @property
    def dropped(self) -> int:
        """Events lost because too many waited, or because the client was closed."""
        return self._link.outbox.dropped

    def flush(self, timeout: float | None = None) -> bool:
        """Send what waits, now; True when nothing waits any more. timeout: seconds; one request's when left out."""
        return self._link.flush(self._link.timeout if timeout is None else timeout)

    # Living

    def wait_until_ready(self, timeout: float = 10.0) -> bool:
        """Wait for a first snapshot, from the server or the cache; False when there is none in time."""
        self._link.start()
        return self._link.ready.wait(timeout)

    def refresh(self) -> bool:
        """Look for changed definitions now; True when the server answered."""
        return self._link.refresh()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener`, from any thread, whenever the definitions have changed or the server came or went."""
        self._link.listeners.append(listener)

    @property
    def is_ready(self) -> bool:
        """Whether there is a snapshot to decide by."""
        return self._link.ready.is_set()

    @property
    def is_stale(self) -> bool:
        """Whether the server did not answer last time: decisions are by the last snapshot."""
        return self._link.stale

    def close(self) -> None:
        """Stop looking for changes, and send what waits. Deciding goes on by the last snapshot."""
        self._link.close()

    def __del__(self) -> None:
        link = getattr(self, "_link", None)
        if link is not None:
            link.leave()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside

    def _after_adding(self) -> None:
        outbox = self._link.outbox
        if len(outbox) >= _MANY:
            self._link.wake()
        if outbox.dropped and (lost := outbox.news_of_losses()):
            why = "the client is closed" if self._link.closed else "too many events wait, and the oldest go"
            self._report(f"{why}: {lost} lost so far")

    def _report(self, message: str, error: BaseException | None = None) -> None:
        _reporter(self._on_error)(message, error)


def _reporter(on_error: Report | None) -> Report:
    """Tells on_error, or the log; never raises. It knows no client, so that a forgotten client can go."""

    def report(message: str, error: BaseException | None) -> None:
        if on_error is None:
            _log.warning("%s%s", message, f": {error}" if error is not None else "")
            return
        try:
            on_error(message, error)
        except Exception:
            _log.exception("on_error failed")

    return report


def _check(url: Any, refresh: Any, flush: Any, timeout: Any, most: Any) -> None:
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidInput("url", url, "an address like http://127.0.0.1:8000")
    for name, value, least in (
        ("refresh_seconds", refresh, 0.1),
        ("flush_seconds", flush, 0.0),
        ("timeout", timeout, 0.1),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= 86_400:
            raise InvalidInput(name, value, f"seconds from {least:g} to a day")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise InvalidInput("max_waiting", most, "a whole number of events, at least 1")
