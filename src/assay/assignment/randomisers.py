"""The ways to draw a variant beyond one hash of the unit: strata, blocks, clusters, switchback, plug-ins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, TypeAlias

from assay.assignment.bucketing import first_bytes
from assay.assignment.digest import md5
from assay.assignment.gates import Asked, Nobody, end_of
from assay.assignment.plugins import Draw
from assay.assignment.plugins import Randomizer as Plugin
from assay.model.decision import Decision, Reason
from assay.model.design import RampStep, Randomization, Randomizer, block_composition
from assay.model.moment import milliseconds

Choose: TypeAlias = Callable[[Asked], Decision]
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Draws:
    """What every way of drawing needs of an experiment."""

    key: str
    salt: str
    suffix: bytes
    weights: Mapping[str, int]
    outcomes: Mapping[str, Decision]
    traffic: tuple[tuple[int, bytes | None], ...]
    nobody: Nobody

    def in_traffic(self, digest: bytes, now: datetime) -> bool:
        """Whether the unit takes part at this time."""
        end = self.traffic[0][1]
        if len(self.traffic) > 1:
            now_ms = milliseconds(now)
            for at, later in self.traffic[1:]:
                if now_ms < at:
                    break
                end = later
        return end is None or digest[4:8] < end


def traffic_steps(traffic: int, ramp: tuple[RampStep, ...]) -> tuple[tuple[int, bytes | None], ...]:
    """From when on which part of the buckets is in: milliseconds and the first bytes outside (None: all are in)."""
    steps = [(0, end_of(traffic))]
    steps.extend((milliseconds(step.at), end_of(step.traffic)) for step in ramp if step.at is not None)
    return tuple(steps)


def slices(weights: Mapping[str, int]) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """Where each variant but the first begins, and the variants that have any weight."""
    live = [(key, weight) for key, weight in weights.items() if weight > 0]
    bounds = tuple(accumulate(weight for _, weight in live))
    return tuple(first_bytes(bound) for bound in bounds[:-1]), tuple(key for key, _ in live)


def chooser(randomization: Randomization, draws: Draws, plugins: Mapping[str, Plugin]) -> Choose:
    """How an experiment draws; every chooser is total."""
    match randomization.method:
        case Randomizer.STRATIFIED:
            return _stratified(randomization, draws)
        case Randomizer.BLOCKED:
            return _blocked(randomization, draws)
        case Randomizer.CUSTOM:
            return _custom(randomization, draws, plugins)
        case _:
            return _hashed(draws, _text(randomization))


def drawn_text(randomization: Randomization, asked: Asked) -> str | None:
    """What is hashed for this unit, before the experiment's key and salt; None when an attribute is missing."""
    if randomization.method is Randomizer.BLOCKED:
        place = _place(randomization, asked)
        return None if place is None else asked.unit
    return _text(randomization)(asked)


def traffic_at(traffic: int, ramp: tuple[RampStep, ...], now: datetime) -> int:
    """The buckets that take part at a time are those below this one."""
    for step in ramp:
        if step.at is None or milliseconds(now) < milliseconds(step.at):
            break
        traffic = step.traffic
    return traffic


def text_of(value: Any) -> str | None:
    """What is hashed of an attribute: text as it is, whole numbers in digits; None for anything else and for ''."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_EXACT < value < _EXACT:
        return None
    return str(int(value)) if value == int(value) else None


def digest_for(text: str, suffix: bytes) -> bytes:
    """The 16 bytes of any text, lone surrogates included."""
    return md5(text.encode("utf-8", "surrogatepass") + suffix).digest()


def _hashed(draws: Draws, text: Callable[[Asked], str | None]) -> Choose:
    """One hash of the text decides on traffic and variant."""
    missing, outside = draws.nobody(Reason.NO_RANDOMIZATION_UNIT), draws.nobody(Reason.NOT_IN_TRAFFIC)
    starts, keys = slices(draws.weights)
    outcomes = tuple(draws.outcomes[key] for key in keys)

    def choose(asked: Asked) -> Decision:
        drawn = text(asked)
        if drawn is None:
            return missing
        digest = digest_for(drawn, draws.suffix)
        if not draws.in_traffic(digest, asked.now):
            return outside
        return outcomes[bisect_right(starts, digest)]

    return choose


def _stratified(randomization: Randomization, draws: Draws) -> Choose:
    """The unit's own hash, cut by the weights of its stratum: a unit that changes stratum moves as little as may be."""
    outside, name = draws.nobody(Reason.NOT_IN_TRAFFIC), randomization.attribute or ""
    usual = slices(draws.weights)
    by_value = {
        value: slices({key: stratum.weights.get(key, 0) for key in draws.weights})
        for stratum in randomization.strata
        for value in stratum.values
    }

    def choose(asked: Asked) -> Decision:
        digest = md5(asked.raw_unit + draws.suffix).digest()
        if not draws.in_traffic(digest, asked.now):
            return outside
        starts, keys = by_value.get(text_of(asked.attributes.get(name)) or "", usual)
        return draws.outcomes[keys[bisect_right(starts, digest)]]

    return choose


def _text(randomization: Randomization) -> Callable[[Asked], str | None]:
    if randomization.method is Randomizer.CLUSTER:
        name = randomization.attribute or ""
        return lambda asked: text_of(asked.attributes.get(name))
    if randomization.method is Randomizer.SWITCHBACK:
        return _window(randomization)
    return lambda asked: asked.unit


def _window(randomization: Randomization) -> Callable[[Asked], str | None]:
    period = round((randomization.period_minutes or 1) * 60_000)
    anchor = 0 if randomization.anchor is None else milliseconds(randomization.anchor)
    name = randomization.attribute

    def text(asked: Asked) -> str | None:
        window = (milliseconds(asked.now) - anchor) // period
        if name is None:
            return str(window)
        region = text_of(asked.attributes.get(name))
        return None if region is None else f"{window}|{region}"

    return text


def _blocked(randomization: Randomization, draws: Draws) -> Choose:
    """Position p is in block p // size; the block's variants are shuffled by the hashes of its places."""
    missing, outside = draws.nobody(Reason.NO_RANDOMIZATION_UNIT), draws.nobody(Reason.NOT_IN_TRAFFIC)
    size = randomization.block_size or 2
    composition = block_composition(draws.weights, size)

    def choose(asked: Asked) -> Decision:
        place = _place(randomization, asked)
        if place is None:
            return missing
        if not draws.in_traffic(md5(asked.raw_unit + draws.suffix).digest(), asked.now):
            return outside
        block, number = place
        hashes = [digest_for(f"{block}|{i}", draws.suffix) for i in range(size)]
        order = sorted(range(size), key=hashes.__getitem__)
        return draws.outcomes[composition[order[number]]]

    return choose


def _place(randomization: Randomization, asked: Asked) -> tuple[str, int] | None:
    """The name of the unit's block, strata first, and its place there."""
    position: Any = asked.attributes.get(randomization.attribute or "")
    if text_of(position) is None or isinstance(position, str) or position < 0:
        return None
    strata = [text_of(asked.attributes.get(name)) for name in randomization.strata_by]
    block, place = divmod(int(position), randomization.block_size or 2)
    names = [part for part in strata if part is not None]
    return ("|".join([*names, str(block)]), place) if len(names) == len(strata) else None


def _custom(randomization: Randomization, draws: Draws, plugins: Mapping[str, Plugin]) -> Choose:
    missing, outside = draws.nobody(Reason.NOT_SUPPORTED), draws.nobody(Reason.NOT_IN_TRAFFIC)
    failed, none = draws.nobody(Reason.ERROR), draws.nobody(Reason.NO_RANDOMIZATION_UNIT)
    plugin = plugins.get(randomization.plugin or "")

    def choose(asked: Asked) -> Decision:
        draw = draw_of(asked, draws, randomization)
        if not draws.in_traffic(draw.digest, asked.now):
            return outside
        if plugin is None:
            return missing
        try:
            variant = plugin.choose(draw)
            return none if variant is None else draws.outcomes.get(variant, failed)
        except Exception:
            return failed

    return choose


def draw_of(asked: Asked, draws: Draws, randomization: Randomization) -> Draw:
    """What a plug-in is given."""
    digest = md5(asked.raw_unit + draws.suffix).digest()
    return Draw(
        asked.unit,
        asked.attributes,
        asked.now,
        draws.key,
        draws.salt,
        draws.weights,
        randomization.options,
        digest,
    )
