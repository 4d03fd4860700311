"""What experiments share: layers, holdouts, segments. Experiments keep a copy of what they started with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, Union

from assay.errors import InvalidInput
from assay.model.audience import Audience
from assay.model.names import check_key, check_name, check_text
from assay.model.shares import PARTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Units are spread over a layer's buckets once; experiments of the same layer own parts of it that do not overlap.

    Layers have salts of their own, so that two layers are independent of each other.
    """

    key: str
    name: str
    salt: str
    description: str = ""
    revision: int = 0
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        check_key(self.salt, "salt")
        _check(self.key, self.name, self.description)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """A share of all units, parts of 1,000,000, kept out of every experiment that starts while it is active."""

    key: str
    name: str
    salt: str
    share: int
    active: bool = True
    description: str = ""
    revision: int = 0
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        check_key(self.salt, "salt")
        _check(self.key, self.name, self.description)
        if not 0 < self.share < PARTS:
            raise InvalidInput("share", self.share / PARTS, "a share above 0 and below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """An audience with a name."""

    key: str
    name: str
    audience: Audience
    description: str = ""
    revision: int = 0
    created_at: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.key, self.name, self.description)


SharedItem: TypeAlias = Union[Layer, Holdout, Segment]
MAX_KEY = 80


def _check(key: str, name: str, description: str) -> None:
    check_key(key, "id")
    if len(key) > MAX_KEY:
        raise InvalidInput("id", key, f"at most {MAX_KEY} characters")
    check_name(name, "name")
    check_text(description, "description", most=10_000)
