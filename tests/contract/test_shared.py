"""What every Shared adapter must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from assay.errors import Conflict, NotFound
from assay.model.audience import Attribute, Audience, Operator
from assay.model.shared import Holdout, Layer, Segment
from assay.ports import Shared

NOW = datetime(2026, 2, 5, 10, 30, tzinfo=timezone.utc)
LAYER = Layer(key="checkout", name="Checkout 😀", salt="s1", created_at=NOW)
SEGMENT = Segment(key="checkout", name="Payers", audience=Audience(Attribute("paid", Operator.EQ, True)))


def test_what_is_saved_comes_back_whole_and_kinds_do_not_mix(shared: Shared) -> None:
    layer = shared.save(LAYER, action="create", actor="ann", at=NOW)
    segment = shared.save(SEGMENT, action="create", actor="ann", at=NOW)
    assert (layer.revision, shared.get(Layer, "checkout"), shared.get(Segment, "checkout")) == (1, layer, segment)
    assert shared.get(Holdout, "checkout") is None
    other = shared.save(replace(LAYER, key="basket"), action="create", actor="ann", at=NOW)
    assert shared.all(Layer) == [other, layer]


def test_two_people_cannot_overwrite_each_other(shared: Shared) -> None:
    saved = shared.save(LAYER, action="create", actor="ann", at=NOW)
    shared.save(replace(saved, name="first"), action="update", actor="ann", at=NOW)
    with pytest.raises(Conflict, match="changed by someone else"):
        shared.save(replace(saved, name="second"), action="update", actor="bob", at=NOW)
    with pytest.raises(Conflict, match="already"):
        shared.save(LAYER, action="create", actor="bob", at=NOW)
    stored = shared.get(Layer, "checkout")
    assert stored is not None
    assert stored.name == "first"


def test_every_change_is_in_the_log(shared: Shared) -> None:
    saved = shared.save(LAYER, action="create", actor="ann", at=NOW)
    shared.save(replace(saved, name="other"), action="update", actor="bob", at=NOW)
    shared.delete(Layer, "checkout", actor="eve", at=NOW)
    changes = shared.changes(Layer, "checkout")
    assert [(item.action, item.actor) for item in changes] == [("create", "ann"), ("update", "bob"), ("delete", "eve")]
    assert changes[0].before is None
    assert changes[1].before == changes[0].after
    assert changes[2].after is None
    assert shared.get(Layer, "checkout") is None
    with pytest.raises(NotFound, match="layer"):
        shared.delete(Layer, "checkout", actor="eve", at=NOW)
    assert shared.changes(Segment, "checkout") == []
