"""From request bodies to the model's words: layer, prerequisites, ramp, lists, randomisation, factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from assay.errors import InvalidInput
from assay.http.entrance_payloads import EntranceIn, FactorIn, LayerIn, LevelIn, RampStepIn, RandomizationIn
from assay.model.design import (
    Factor,
    LayerPlace,
    Prerequisite,
    RampStep,
    Randomization,
    Randomizer,
    Slot,
    Stratum,
)
from assay.model.document import parse_time
from assay.model.experiment import Variant
from assay.model.factorial import cells
from assay.model.names import check_key
from assay.model.shares import parts_of, split_parts


def entrance_of(payload: EntranceIn) -> dict[str, Any]:
    """The fields of an experiment that the request sets."""
    values: dict[str, Any] = {}
    if "layer" in payload.model_fields_set:
        values["layer"] = None if payload.layer is None else _layer(payload.layer)
    for name in ("in_holdouts", "forced", "sticky"):
        if getattr(payload, name) is not None:
            values[name] = getattr(payload, name)
    for name in ("allow", "deny"):
        if getattr(payload, name) is not None:
            values[name] = tuple(getattr(payload, name))
    if payload.prerequisites is not None:
        found = []
        for i, item in enumerate(payload.prerequisites):
            with _under(f"prerequisites[{i}]"):
                found.append(Prerequisite(item.experiment_id, tuple(item.variants)))
        values["prerequisites"] = tuple(found)
    if payload.ramp is not None:
        values["ramp"] = tuple(_step(item, f"ramp[{i}]") for i, item in enumerate(payload.ramp))
    if payload.randomization is not None:
        values["randomization"] = _randomization(payload.randomization)
    if payload.factors is not None:
        values["factors"], values["variants"] = _factorial(payload.factors)
    return values


def _layer(given: LayerIn) -> LayerPlace:
    if (given.share is None) == (given.slots is None):
        raise InvalidInput("layer.share", given.share, "either a share or slots")
    if given.share is not None:
        with _under("layer"):
            return LayerPlace(given.id, share=parts_of(given.share, "share"))
    slots = []
    for i, slot in enumerate(given.slots or ()):
        with _under(f"layer.slots[{i}]"):
            slots.append(Slot(parts_of(slot.start, "start"), parts_of(slot.end, "end")))
    with _under("layer"):
        return LayerPlace(given.id, slots=tuple(slots))


def _step(given: RampStepIn, path: str) -> RampStep:
    with _under(path):
        at = None if given.at is None else parse_time(given.at, "at")
        return RampStep(parts_of(given.traffic_allocation, "traffic_allocation"), at, given.after_hours)


def _randomization(given: RandomizationIn) -> Randomization:
    strata = []
    for i, item in enumerate(given.strata):
        with _under(f"randomization.strata[{i}]"):
            parts = split_parts(list(item.traffic_allocation.values()), "traffic_allocation")
            strata.append(Stratum(tuple(item.values), dict(zip(item.traffic_allocation, parts, strict=True))))
    with _under("randomization"):
        return Randomization(
            method=Randomizer(given.method),
            attribute=given.attribute,
            strata=tuple(strata),
            strata_by=tuple(given.strata_by),
            block_size=given.block_size,
            period_minutes=given.period_minutes,
            anchor=None if given.anchor is None else parse_time(given.anchor, "anchor"),
            plugin=given.plugin,
            options=given.options,
        )


def _factorial(given: Sequence[FactorIn]) -> tuple[tuple[Factor, ...], tuple[Variant, ...]]:
    factors: list[Factor] = []
    configs: dict[str, dict[str, dict[str, Any]]] = {}
    for i, item in enumerate(given):
        levels = [level if isinstance(level, LevelIn) else LevelIn(id=level) for level in item.levels]
        key = check_key(item.id, f"factors[{i}].id")
        with _under(f"factors[{i}]"):
            factors.append(Factor(key, tuple(level.id for level in levels)))
        configs[key] = {level.id: level.config for level in levels if level.config is not None}
    return tuple(factors), cells(factors, configs)


@contextmanager
def _under(path: str) -> Iterator[None]:
    """Errors inside are told under the path of the request."""
    try:
        yield
    except InvalidInput as error:
        raise error.at(f"{path}.{error.field}") from None
