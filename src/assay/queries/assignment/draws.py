"""How an experiment draws, as SQL: the text that is hashed, who takes part, and the number of the variant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from assay.assignment.bucketing import BUCKETS
from assay.assignment.randomisers import traffic_at
from assay.model.design import Randomization, Randomizer, block_composition
from assay.model.experiment import Experiment
from assay.model.moment import milliseconds
from assay.queries.assignment.columns import Scope
from assay.queries.assignment.engines import FALSE, TRUE, Engine


def drawn_text(experiment: Experiment, unit: str, scope: Scope) -> str | None:
    """The text before key and salt, NULL where an attribute has none; None when no unit has it."""
    randomization = experiment.randomization
    if randomization.method is Randomizer.CLUSTER:
        return scope.text_of(randomization.attribute or "")
    if randomization.method is Randomizer.SWITCHBACK:
        return _window(randomization, scope)
    return unit


def undrawn(experiment: Experiment, text: str | None, scope: Scope) -> str:
    """Whether the unit has nothing to be drawn by."""
    randomization = experiment.randomization
    if text is None:
        return TRUE
    if randomization.method is Randomizer.BLOCKED:
        texts = [scope.text_of(name) for name in randomization.strata_by]
        position = _position(randomization, scope)
        if position is None or None in texts:
            return TRUE
        parts = [f"{scope.text_of(randomization.attribute or '')} IS NULL", f"{position} < 0"]
        return f"({' OR '.join([*parts, *(f'{name} IS NULL' for name in texts)])})"
    by_attribute = randomization.method in (Randomizer.CLUSTER, Randomizer.SWITCHBACK) and randomization.attribute
    return f"{text} IS NULL" if by_attribute else FALSE


def out_of_traffic(experiment: Experiment, digest: str, scope: Scope) -> str:
    """Whether the unit is outside the part that takes part at this time."""
    traffic = traffic_at(experiment.traffic, experiment.ramp, scope.now)
    if traffic >= BUCKETS:
        return FALSE
    return f"NOT {scope.engine.traffic_below(digest, traffic)}" if traffic > 0 else TRUE


def variant_number(experiment: Experiment, digest: str, scope: Scope) -> str:
    """The place of the unit's variant among the experiment's variants, from 0 on."""
    randomization, engine = experiment.randomization, scope.engine
    weights = {variant.key: variant.weight for variant in experiment.variants}
    if randomization.method is Randomizer.BLOCKED:
        return _blocked(experiment, weights, scope)
    usual = _slices(weights.values(), digest, engine)
    stratum = scope.text_of(randomization.attribute or "") if randomization.method is Randomizer.STRATIFIED else None
    if stratum is None:
        return usual
    cases = []
    for part in randomization.strata:
        values = ", ".join(map(engine.text, part.values))
        own = _slices([part.weights.get(key, 0) for key in weights], digest, engine)
        cases.append(f"WHEN {engine.truth(f'{stratum} IN ({values})')} THEN {own}")
    return f"(CASE {' '.join(cases)} ELSE {usual} END)"


def _slices(weights: Iterable[int], digest: str, engine: Engine) -> str:
    live = [(number, weight) for number, weight in enumerate(weights) if weight > 0]
    ends = accumulate(weight for _, weight in live)
    pairs = list(zip((number for number, _ in live), ends, strict=True))
    cases = [f"WHEN {engine.below(digest, end)} THEN {engine.code(number)}" for number, end in pairs[:-1]]
    last = engine.code(pairs[-1][0])
    return f"(CASE {' '.join(cases)} ELSE {last} END)" if cases else last


def _window(randomization: Randomization, scope: Scope) -> str | None:
    period = round((randomization.period_minutes or 1) * 60_000)
    anchor = 0 if randomization.anchor is None else milliseconds(randomization.anchor)
    window = str((milliseconds(scope.now) - anchor) // period)
    if randomization.attribute is None:
        return scope.engine.text(window)
    region = scope.text_of(randomization.attribute)
    return None if region is None else scope.engine.joined([scope.engine.text(f"{window}|"), region])


def _position(randomization: Randomization, scope: Scope) -> str | None:
    column = scope.number(randomization.attribute or "")
    return None if column is None else scope.engine.whole(column)


def _blocked(experiment: Experiment, weights: Mapping[str, int], scope: Scope) -> str:
    """The block's places in the order of their digests; each carries the number of its variant behind the digest."""
    randomization, engine = experiment.randomization, scope.engine
    position = _position(randomization, scope)
    texts = [scope.text_of(name) for name in randomization.strata_by]
    if position is None or None in texts:
        return "0"
    size = randomization.block_size or 2
    numbers = {key: number for number, key in enumerate(weights)}
    composition = [numbers[key] for key in block_composition(weights, size)]
    block = engine.as_text(engine.divided(position, size))
    name = [part for text in texts if text is not None for part in (text, "'|'")] + [block]
    places = []
    for place, number in enumerate(composition):
        ending = engine.text(f"|{place}:{experiment.key}:{experiment.salt}")
        places.append(engine.joined([engine.hex_digest(engine.joined([*name, ending])), engine.text(f"{number}")]))
    chosen = engine.smallest(places, f"({position} % {size})")
    return engine.number(engine.cut(chosen, 33, 10))
