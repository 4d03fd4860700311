"""What every Definitions adapter must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from assay.errors import Conflict, NotFound
from assay.model.audience import Attribute, Audience, Not, Operator
from assay.model.experiment import Experiment, Variant
from assay.model.metric import Measure, Metric, MetricKind, Role
from assay.ports import Definitions

NOW = datetime(2026, 2, 5, 10, 30, 0, 123456, tzinfo=timezone.utc)


def draft(key: str = "checkout", *, created_at: datetime = NOW) -> Experiment:
    return Experiment(
        key=key,
        name="Checkout 😀",
        tags=("a", "b"),
        variants=(
            Variant(key="control", weight=500_000, control=True, config={"nested": {"list": [1, 2.5, None, "é"]}}),
            Variant(key="green", weight=500_000),
        ),
        audience=Audience(Not(Attribute("country", Operator.IN, ("US", "CA")))),
        metrics=(
            Metric(key="rate", kind=MetricKind.CONVERSION, event="buy", role=Role.PRIMARY),
            Metric(key="ratio", kind=MetricKind.RATIO, event="click", denominator=Measure(event="view")),
        ),
        created_at=created_at,
    )


def test_what_is_saved_comes_back_whole(definitions: Definitions) -> None:
    saved = definitions.save(draft(), action="create", actor="ann", at=NOW)
    assert saved.revision == 1
    assert definitions.get("checkout") == saved
    assert definitions.get("other") is None


def test_newest_first(definitions: Definitions) -> None:
    for i, key in enumerate(("b", "a", "c")):
        definitions.save(draft(key, created_at=NOW + timedelta(days=i)), action="create", actor="ann", at=NOW)
    assert [item.key for item in definitions.all()] == ["c", "a", "b"]


def test_version_grows_with_every_change_and_only_then(definitions: Definitions) -> None:
    versions = [definitions.version()]
    saved = definitions.save(draft(), action="create", actor="ann", at=NOW)
    versions.append(definitions.version())
    definitions.save(replace(saved, description="x"), action="update", actor="ann", at=NOW)
    versions.append(definitions.version())
    definitions.delete("checkout", actor="ann", at=NOW)
    versions.append(definitions.version())
    assert versions == sorted(set(versions))
    assert definitions.version() == versions[-1]


def test_two_people_cannot_overwrite_each_other(definitions: Definitions) -> None:
    saved = definitions.save(draft(), action="create", actor="ann", at=NOW)
    definitions.save(replace(saved, description="first"), action="update", actor="ann", at=NOW)
    with pytest.raises(Conflict, match="changed by someone else"):
        definitions.save(replace(saved, description="second"), action="update", actor="bob", at=NOW)
    with pytest.raises(Conflict, match="already"):
        definitions.save(draft(), action="create", actor="bob", at=NOW)
    stored = definitions.get("checkout")
    assert stored is not None
    assert stored.description == "first"
    assert len(definitions.changes("checkout")) == 2


def test_the_audit_log_outlives_the_experiment(definitions: Definitions) -> None:
    saved = definitions.save(draft(), action="create", actor="ann", at=NOW)
    definitions.save(replace(saved, description="x"), action="update", actor="bob", at=NOW + timedelta(1))
    definitions.delete("checkout", actor="eve", at=NOW + timedelta(2))
    created, updated, deleted = definitions.changes("checkout")
    assert [c.actor for c in (created, updated, deleted)] == ["ann", "bob", "eve"]
    assert created.before is None
    assert created.after == updated.before
    assert updated.after is not None
    assert updated.after["description"] == "x"
    assert deleted.after is None
    assert deleted.at == NOW + timedelta(2)
    with pytest.raises(NotFound):
        definitions.delete("checkout", actor="eve", at=NOW)
