"""The stored form of an event."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assay.model.event import EXPOSURE
from assay.service.eventlines import EventLine, encode_line, event_key, exposure_line

UNITS = st.text(st.characters(codec="utf-8"), min_size=1)
CONTEXTS = st.dictionaries(UNITS, st.none() | st.booleans() | st.integers(-(2**60), 2**60) | UNITS, max_size=3)


@given(UNITS, st.integers(0, 2**52), CONTEXTS)
def test_an_exposure_by_hand_is_the_line_that_the_encoder_writes(unit: str, at: int, context: dict[str, Any]) -> None:
    key = event_key(unit, None, EXPOSURE, at, "e-1.x_Y@2")
    line = EventLine(key, unit, EXPOSURE, "e-1.x_Y@2", "blue.s", at, {}, context)
    assert exposure_line(unit, "e-1.x_Y@2", "blue.s", at, context) == encode_line(line)
