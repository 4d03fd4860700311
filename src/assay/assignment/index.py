"""Which running experiments a unit may take part in, found without asking every one.

A layer gives each unit one place, so of all its experiments only those in that place are asked. Experiments outside
layers whose audience asks for one of a few values of an attribute are found by the unit's own value.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.assignment.bucketing import BUCKETS, first_bytes
from assay.assignment.digest import md5
from assay.assignment.gates import suffix_of
from assay.model.audience import All, Attribute, Condition, Operator
from assay.model.experiment import Experiment

if TYPE_CHECKING:
    from assay.assignment.snapshot import CompiledExperiment

Found = tuple["CompiledExperiment", ...]


@dataclass(frozen=True, slots=True)
class LayerIndex:
    """Where the parts of a layer begin, and the experiments of each part."""

    suffix: bytes
    starts: tuple[bytes, ...]
    parts: tuple[Found, ...]

    def find(self, raw_unit: bytes) -> Found:
        """The experiments at the unit's place."""
        return self.parts[bisect_right(self.starts, md5(raw_unit + self.suffix).digest())]


@dataclass(frozen=True, slots=True)
class Index:
    """Running experiments by layer, by the value of an attribute, by a unit that is forced, and all others."""

    layers: tuple[LayerIndex, ...] = ()
    by_value: Mapping[str, Mapping[str, Found]] = field(default_factory=dict)
    forced: Mapping[str, Found] = field(default_factory=dict)
    others: Found = ()

    def candidates(self, unit: str, raw_unit: bytes, attributes: Mapping[str, Any]) -> list[CompiledExperiment]:
        """Every experiment that may have a variant for the unit, and few that have not; each once."""
        found = list(self.others)
        for name, known in self.by_value.items():
            value = attributes.get(name)
            if isinstance(value, str):
                found.extend(known.get(value, ()))
        for layer in self.layers:
            found.extend(layer.find(raw_unit))
        forced = self.forced.get(unit)
        if forced is not None:
            seen = {id(item) for item in found}
            found.extend(item for item in forced if id(item) not in seen)
        return found


def build_index(running: Iterable[tuple[Experiment, CompiledExperiment]]) -> Index:
    """The index over running experiments."""
    layers: dict[tuple[str, str], list[tuple[Experiment, CompiledExperiment]]] = defaultdict(list)
    free: list[tuple[Experiment, CompiledExperiment]] = []
    forced: dict[str, list[CompiledExperiment]] = defaultdict(list)
    for experiment, compiled in running:
        for unit in experiment.forced:
            forced[unit].append(compiled)
        if experiment.layer is not None:
            layers[experiment.layer.layer, experiment.layer.salt].append((experiment, compiled))
        else:
            free.append((experiment, compiled))
    by_value, others = _by_value(free)
    return Index(
        tuple(_layer_index(*names, members) for names, members in layers.items()),
        by_value,
        {unit: tuple(found) for unit, found in forced.items()},
        others,
    )


def _layer_index(key: str, salt: str, members: list[tuple[Experiment, CompiledExperiment]]) -> LayerIndex:
    slots = [
        (slot.start, slot.end, compiled)
        for experiment, compiled in members
        if experiment.layer is not None
        for slot in experiment.layer.slots
    ]
    edges = sorted({edge for start, end, _ in slots for edge in (start, end)} | {0})
    at: dict[int, list[CompiledExperiment]] = {edge: [] for edge in edges}
    for start, end, compiled in slots:
        for edge in edges[bisect_left(edges, start) : bisect_left(edges, end)]:
            at[edge].append(compiled)
    inner = [edge for edge in edges if 0 < edge < BUCKETS]
    parts = tuple(tuple(at[edge]) for edge in edges if edge < BUCKETS)
    return LayerIndex(suffix_of(key, salt), tuple(first_bytes(edge) for edge in inner), parts)


def _by_value(
    free: list[tuple[Experiment, CompiledExperiment]],
) -> tuple[dict[str, dict[str, Found]], Found]:
    """Each experiment under the attribute that most others are under too, so that few attributes are looked up."""
    wanted = [(compiled, dict(_required(experiment.audience.condition))) for experiment, compiled in free]
    popular = Counter(name for _, names in wanted for name in names)
    lists: dict[str, dict[str, list[CompiledExperiment]]] = defaultdict(lambda: defaultdict(list))
    others = []
    for compiled, names in wanted:
        if not names:
            others.append(compiled)
            continue
        # The fewest values tell most; between equals, the commonest attribute.
        name = min(names, key=lambda item: (len(names[item]), -popular[item], item))
        for value in names[name]:
            lists[name][value].append(compiled)
    by_value = {name: {value: tuple(found) for value, found in values.items()} for name, values in lists.items()}
    return by_value, tuple(others)


def _required(condition: Condition) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Attributes that must have one of a few texts for the condition to match."""
    if isinstance(condition, All):
        for part in condition.conditions:
            yield from _required(part)
    elif isinstance(condition, Attribute):
        if condition.op is Operator.EQ and isinstance(condition.value, str):
            yield condition.attribute, (condition.value,)
        elif condition.op is Operator.IN and isinstance(condition.value, tuple):
            texts = tuple({item: None for item in condition.value if isinstance(item, str)})
            if len(texts) == len(set(condition.value)):
                yield condition.attribute, texts
