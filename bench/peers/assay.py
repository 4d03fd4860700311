"""Ours: the decision with its reason and all an exposure needs, and the same with the exposure's line."""

from __future__ import annotations

from datetime import datetime, timezone
from time import time_ns
from typing import Any

from bench.peers.job import COUNTRIES, KEY, KEYS, SALT, VARIANTS, Attributes, Peer


def definition(key: str = KEY, **fields: Any) -> Any:
    """The experiment as Assay defines it."""
    from assay.model.audience import Attribute, Audience, Operator
    from assay.model.experiment import Experiment, Variant
    from assay.model.lifecycle import Stage

    variants = tuple(Variant(key=name, weight=500_000, control=name == "control") for name in VARIANTS)
    audience = Audience(Attribute("country", Operator.IN, COUNTRIES))
    given = {"audience": audience, **fields}
    return Experiment(key=key, name=key, salt=SALT, stage=Stage.RUNNING, variants=variants, **given)


def assay() -> Peer:
    """Decisions at present. The clock is read when an experiment goes by it, which none of these does."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot

    snapshot, first = compile_snapshot([definition(key) for key in KEYS], 1), (KEY,)

    def one(unit: str, attributes: Attributes) -> str | None:
        return evaluate(snapshot, unit, attributes, None, first)[0].variant

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        return [decision.variant for decision in evaluate(snapshot, unit, attributes, None, KEYS)]

    return Peer({"": one}, {"": five})


def assay_told() -> Peer:
    """Decisions by a caller who knows the time already: what `evaluate` takes by itself."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot

    snapshot, first = compile_snapshot([definition(key) for key in KEYS], 1), (KEY,)
    now = datetime.now(timezone.utc)

    def one(unit: str, attributes: Attributes) -> str | None:
        return evaluate(snapshot, unit, attributes, now, first)[0].variant

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        return [decision.variant for decision in evaluate(snapshot, unit, attributes, now, KEYS)]

    return Peer({"": one}, {"": five})


def assay_logged() -> Peer:
    """Decisions, and each exposure written as the line that goes to the inbox."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot
    from assay.service.eventlines import exposure_line

    snapshot, first = compile_snapshot([definition(key) for key in KEYS], 1), (KEY,)

    def one(unit: str, attributes: Attributes) -> str | None:
        (decision,) = evaluate(snapshot, unit, attributes, None, first)
        if decision.variant is not None:
            exposure_line(unit, KEY, decision.variant, time_ns() // 1_000, attributes)
        return decision.variant

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        decisions = evaluate(snapshot, unit, attributes, None, KEYS)
        for decision in decisions:
            if decision.variant is not None:
                exposure_line(unit, decision.experiment, decision.variant, time_ns() // 1_000, attributes)
        return [decision.variant for decision in decisions]

    return Peer({"": one}, {"": five})
