"""PlanOut, in Python."""

from __future__ import annotations

import collections
import collections.abc
from typing import Any

from bench.peers.job import COUNTRIES, KEYS, VARIANTS, Attributes, Peer


def planout() -> Peer:
    """At its fastest: nothing logged, and no fingerprint of the experiment's source taken for each unit."""
    # PlanOut imports a name from `collections` that moved in Python 3.3 and was removed in 3.10.
    if not hasattr(collections, "MutableMapping"):
        collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]
    from planout.experiment import Experiment  # type: ignore[import-untyped]
    from planout.ops.random import UniformChoice  # type: ignore[import-untyped]

    def made(key: str) -> Any:
        class Split(Experiment):  # type: ignore[misc, unused-ignore]
            """One experiment; outside the audience it assigns nothing."""

            def setup(self) -> None:
                self.name = key
                self.set_auto_exposure_logging(False)

            def assign(self, params: Any, unit: str, country: str) -> bool:
                if country not in COUNTRIES:
                    return False
                params.variant = UniformChoice(choices=VARIANTS, unit=unit)
                return True

            def checksum(self) -> str:
                return ""

            def configure_logger(self) -> None:
                """Nothing."""

            def log(self, data: Any) -> None:
                """Nothing."""

            def previously_logged(self) -> bool:
                return True

        return Split

    splits = [made(key) for key in KEYS]
    first = splits[0]

    def one(unit: str, attributes: Attributes) -> str | None:
        found: str | None = first(unit=unit, country=attributes["country"]).get("variant")
        return found

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        country = attributes["country"]
        return [split(unit=unit, country=country).get("variant") for split in splits]

    return Peer({"": one}, {"one by one": five})
