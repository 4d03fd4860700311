"""What every Notices adapter must do."""

from __future__ import annotations

import threading

from assay.ports import Notices


def test_who_waits_is_told(notices: Notices) -> None:
    told, other = threading.Event(), threading.Event()
    notices.subscribe("a", told.set)
    notices.subscribe("b", other.set)
    notices.publish("a")
    assert told.wait(5)
    assert not other.wait(0.3)


def test_who_no_longer_waits_is_not_told(notices: Notices) -> None:
    first, second = threading.Event(), threading.Event()
    end = notices.subscribe("a", first.set)
    notices.subscribe("a", second.set)
    end()
    notices.publish("a")
    assert second.wait(5)
    assert not first.is_set()
