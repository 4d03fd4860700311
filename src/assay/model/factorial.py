"""Full factorial experiments: factors and their levels in, one variant for every combination out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from assay.errors import InvalidInput
from assay.model.design import MAX_CELLS, Factor
from assay.model.experiment import Variant
from assay.model.shares import even_parts

Configs = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By factor and level: what the level adds to the config of its cells."""


def cells(factors: Sequence[Factor], configs: Configs) -> tuple[Variant, ...]:
    """Every combination, evenly weighted; that of all first levels is the control.

    Raises InvalidInput when there are too many, or when two levels of a cell set the same part of the config.
    """
    if not factors:
        raise InvalidInput("factors", [], "at least one factor")
    keys = [factor.key for factor in factors]
    if len(set(keys)) < len(keys):
        raise InvalidInput("factors", ", ".join(keys), "factors with ids that differ from each other")
    sizes = [len(factor.levels) for factor in factors]
    count = math.prod(sizes)
    if count > MAX_CELLS:
        given = f"{' × '.join(map(str, sizes))} = {count:,} cells"
        raise InvalidInput("factors", given, f"at most {MAX_CELLS} cells: each needs units enough to be told apart")
    weights = even_parts(count)
    return tuple(
        Variant(
            key=".".join(levels),
            weight=weight,
            control=i == 0,
            config=_config(dict(zip(keys, levels, strict=True)), configs),
            levels=dict(zip(keys, levels, strict=True)),
        )
        for i, (levels, weight) in enumerate(zip(product(*(f.levels for f in factors)), weights, strict=True))
    )


def _config(levels: Mapping[str, str], configs: Configs) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for factor, level in levels.items():
        added = configs.get(factor, {}).get(level, {factor: level})
        for name, value in added.items():
            if name in config:
                raise InvalidInput(f"factors.{factor}.{level}.config", name, "a part that no other factor sets")
            config[name] = value
    return config
