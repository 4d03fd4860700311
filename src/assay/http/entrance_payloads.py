"""Request bodies about how units come into an experiment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Payload(BaseModel):
    """Unknown fields are refused by name: a misspelt one must not be lost silently."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class SlotIn(Payload):
    """A part of a layer, as shares: from `start` to before `end`."""

    start: Share
    end: Share


class LayerIn(Payload):
    """A place in a layer: `share` of it, wherever it is free, or the very `slots`."""

    id: str = Field(validation_alias=AliasChoices("id", "layer_id", "layer"))
    share: Share | None = None
    slots: list[SlotIn] | None = None


class PrerequisiteIn(Payload):
    """Only units that have one of `variants` (any, when left out) in another experiment."""

    experiment_id: str = Field(validation_alias=AliasChoices("experiment_id", "experiment"))
    variants: list[str] = Field(default_factory=list)


class RampStepIn(Payload):
    """More traffic from a time on, or so many hours after the start."""

    traffic_allocation: Share = Field(validation_alias=AliasChoices("traffic_allocation", "traffic"))
    at: datetime | None = None
    after_hours: Number | None = None


class StratumIn(Payload):
    """Shares of its own, by variant, for units whose attribute has one of `values`."""

    values: list[str]
    traffic_allocation: dict[str, Share] = Field(validation_alias=AliasChoices("traffic_allocation", "weights"))


class RandomizationIn(Payload):
    """How the variant is drawn; which fields count depends on the method."""

    method: Literal["uniform", "weighted", "stratified", "blocked", "cluster", "switchback", "custom"]
    attribute: str | None = None
    strata: list[StratumIn] = Field(default_factory=list)
    strata_by: list[str] = Field(default_factory=list)
    block_size: int | None = None
    period_minutes: Number | None = None
    anchor: datetime | None = None
    plugin: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class LevelIn(Payload):
    """One level of a factor. config: what it adds to the config of its cells; {factor: level} when left out."""

    id: str = Field(validation_alias=AliasChoices("id", "key", "level"))
    config: dict[str, Any] | None = None


class FactorIn(Payload):
    """A factor and its levels; the first level is the baseline."""

    id: str = Field(validation_alias=AliasChoices("id", "key", "name"))
    levels: list[LevelIn | str]


class EntranceIn(Payload):
    """The parts of a draft that say how units come in, beside audience and traffic."""

    layer: LayerIn | None = None
    in_holdouts: bool | None = None
    prerequisites: list[PrerequisiteIn] | None = None
    ramp: list[RampStepIn] | None = None
    forced: dict[str, str] | None = None
    allow: list[str] | None = None
    deny: list[str] | None = None
    sticky: bool | None = None
    randomization: RandomizationIn | None = None
    factors: list[FactorIn] | None = None


class TrafficIn(Payload):
    """More traffic for a running experiment."""

    traffic_allocation: Share


class ExplainIn(Payload):
    """Who is asked about, and what is known of them."""

    user_id: str = Field(validation_alias=AliasChoices("user_id", "unit"))
    context: dict[str, Any] = Field(default_factory=dict)
    consistency_key: str | None = None


class LayerBody(Payload):
    """A layer. Its salt is drawn when it is created and stays for life."""

    id: str
    name: str = ""
    description: str = ""


class HoldoutBody(Payload):
    """A share of all units kept out of every experiment that starts from now on."""

    id: str
    share: Share
    name: str = ""
    description: str = ""
    active: bool = True


class SegmentBody(Payload):
    """A named audience."""

    id: str
    audience: dict[str, Any] | list[Any]
    name: str = ""
    description: str = ""


class LayerChange(Payload):
    """What may change about a layer."""

    name: str | None = None
    description: str | None = None


class HoldoutChange(Payload):
    """What may change about a holdout; running experiments keep the share they started with."""

    name: str | None = None
    description: str | None = None
    share: Share | None = None
    active: bool | None = None


class SegmentChange(Payload):
    """What may change about a segment; running experiments keep what it said when they started."""

    name: str | None = None
    description: str | None = None
    audience: dict[str, Any] | list[Any] | None = None
