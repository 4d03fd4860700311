"""Experiments of every design, alone and depending on each other, for properties that must hold for all of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from assay.model.audience import Audience, parse_condition
from assay.model.design import (
    HoldoutShare,
    LayerPlace,
    Prerequisite,
    RampStep,
    Randomization,
    Randomizer,
    Slot,
    Stratum,
)
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.model.shares import PARTS, even_parts
from tests.assignment.strategies import CONDITIONS

START = datetime(2026, 2, 1, tzinfo=timezone.utc)
UNITS = st.sampled_from([f"u{i}" for i in range(40)]) | st.text(min_size=1, max_size=5)
SHARES = st.sampled_from([0, 1, PARTS // 3, PARTS // 2, PARTS - 1, PARTS])
KEYS = ("a", "b", "c", "d", "e")
_STAGES = st.sampled_from([Stage.RUNNING] * 5 + [Stage.PAUSED, Stage.COMPLETED])


@st.composite
def weights(draw: st.DrawFn) -> tuple[int, ...]:
    """Two to four parts that sum to 1,000,000; a part may be nothing."""
    cuts = sorted(draw(st.lists(SHARES | st.integers(0, PARTS), min_size=1, max_size=3)))
    return tuple(end - start for start, end in zip([0, *cuts], [*cuts, PARTS], strict=True))


@st.composite
def randomizations(draw: st.DrawFn, keys: tuple[str, ...]) -> tuple[Randomization, tuple[int, ...]]:
    """A way to draw and weights that suit it."""
    parts = draw(weights().filter(lambda found: len(found) == len(keys)))
    method = draw(st.sampled_from(Randomizer))
    given: dict[str, Any] = {}
    if method is Randomizer.UNIFORM:
        parts = even_parts(len(keys))
    elif method is Randomizer.STRATIFIED:
        own = draw(weights().filter(lambda found: len(found) == len(keys)))
        given = {"attribute": "country", "strata": (Stratum(("US", "5"), dict(zip(keys, own, strict=True))),)}
    elif method is Randomizer.BLOCKED:
        size = len(keys) * draw(st.integers(1, 3))
        even = PARTS // len(keys)
        parts = (*[even] * (len(keys) - 1), PARTS - even * (len(keys) - 1))
        given = {"attribute": "age", "block_size": size, "strata_by": draw(st.sampled_from([(), ("country",)]))}
    elif method is Randomizer.CLUSTER:
        given = {"attribute": draw(st.sampled_from(["country", "age"]))}
    elif method is Randomizer.SWITCHBACK:
        given = {
            "period_minutes": draw(st.sampled_from([1, 60, 1440])),
            "attribute": draw(st.sampled_from([None, "a"])),
        }
    elif method is Randomizer.CUSTOM:
        given = {"plugin": "nobody-has-it"}
    return Randomization(method=method, **given), parts


@st.composite
def experiments(draw: st.DrawFn, key: str = "e", *, parents: tuple[str, ...] = KEYS) -> Experiment:
    """One experiment that started, with any of the things that stand before a variant."""
    keys = ("control", "green", "blue", "red")[: draw(st.integers(2, 4))]
    randomization, parts = draw(randomizations(keys))
    steps = sorted(draw(st.lists(st.integers(1, 400), max_size=3, unique=True)))
    traffics = sorted(draw(st.lists(SHARES, min_size=len(steps) + 1, max_size=len(steps) + 1)))
    slots = draw(st.none() | st.tuples(SHARES, SHARES).map(sorted))
    others = [name for name in parents if name != key]
    wanted = draw(st.lists(st.sampled_from(others), max_size=2, unique=True)) if others else []
    return Experiment(
        key=key,
        name=key,
        salt=f"s-{key}",
        stage=draw(_STAGES),
        started_at=START,
        variants=tuple(
            Variant(key=name, weight=part, control=name == "control") for name, part in zip(keys, parts, strict=True)
        ),
        randomization=randomization,
        traffic=traffics[0],
        ramp=tuple(
            RampStep(traffic=share, at=START + timedelta(hours=hour))
            for hour, share in zip(steps, traffics[1:], strict=True)
        ),
        audience=Audience(parse_condition(draw(st.just({"and": []}) | CONDITIONS))),
        forced={unit: draw(st.sampled_from(keys)) for unit in draw(st.lists(UNITS, max_size=2))},
        deny=tuple(draw(st.lists(UNITS, max_size=2, unique=True))),
        allow=tuple(draw(st.just([]) | st.lists(UNITS, max_size=20, unique=True))),
        layer=LayerPlace("layer", "ls", (Slot(*slots),)) if slots and slots[0] < slots[1] else None,
        holdouts=tuple(HoldoutShare("h", "hs", draw(SHARES)) for _ in range(draw(st.integers(0, 1)))),
        prerequisites=tuple(Prerequisite(name, draw(st.sampled_from([(), ("green",)]))) for name in wanted),
    )


@st.composite
def houses(draw: st.DrawFn) -> list[Experiment]:
    """Several experiments that may depend on each other, in circles too, and on some that are not there."""
    return [draw(experiments(key)) for key in draw(st.sets(st.sampled_from(KEYS), min_size=1))]
