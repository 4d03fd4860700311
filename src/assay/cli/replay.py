"""Replaying a real experiment through the public HTTP API, event by event, as its visitors would have caused it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

import httpx

API = "/api/v1"
_CHUNK = 240
_BATCH = 100
_CONCURRENCY = 16
_CONTEXT = {"channel": "web"}
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Arm:
    """One headline of the archive with what happened to it."""

    variant: str
    headline: str
    impressions: int
    clicks: int


@dataclass(frozen=True, slots=True)
class Archive:
    """One headline test."""

    test_id: str
    created: str
    source: str
    licence: str
    arms: tuple[Arm, ...]

    @property
    def impressions(self) -> int:
        """Over all arms."""
        return sum(arm.impressions for arm in self.arms)


def load_archive() -> Archive:
    """The headline test that ships with the package."""
    text = (files("assay.cli") / "data" / "upworthy_headlines.json").read_text("utf-8")
    document = json.loads(text)
    arms = tuple(Arm(**arm) for arm in document["arms"])
    return Archive(document["test_id"], document["created"], document["source"], document["licence"], arms)


def definition(archive: Archive) -> dict[str, Any]:
    """The experiment as it is created over HTTP."""
    return {
        "name": "Which headline for a Maya Angelou poem?",
        "description": f"Headline test {archive.test_id} of {archive.created}. {archive.source}. {archive.licence}.",
        "hypothesis": "A headline that tells a story is clicked more often than one that states the moral",
        "owner": "newsroom",
        "tags": ["headline", "upworthy"],
        "variants": [
            {
                "id": arm.variant,
                "name": arm.headline,
                "is_control": arm.variant == "control",
                "config": {"headline": arm.headline},
            }
            for arm in archive.arms
        ],
        "audience": {"and": [{"attribute": "channel", "op": "eq", "value": "web"}]},
        "primary_metric": {"key": "click_rate", "name": "Click rate", "type": "conversion", "event": "click"},
        "plan": {"method": "sequential", "baseline": 0.0153, "minimum_effect": 1.0},
    }


class Replay:
    """Visitors come one after another; each is assigned by Assay and then does what a visitor of that arm did.

    The archive says how many saw each headline and how many of those clicked, not who: which visitor clicks is drawn
    with a fixed seed. A visitor whose arm has had all its impressions leaves before seeing the headline.
    """

    def __init__(self, client: httpx.AsyncClient, archive: Archive, *, seed: int = 20140915) -> None:
        self._client = client
        self._archive = archive
        self._outcomes = {arm.variant: _outcomes(arm, seed) for arm in archive.arms}
        self.experiment_id = ""

    async def create_and_start(self) -> str:
        """Define the experiment and start it; returns its id."""
        created = await self._post("/experiments", definition(self._archive))
        self.experiment_id = created["experiment_id"]
        await self._post(f"/experiments/{self.experiment_id}/start")
        return self.experiment_id

    async def run(self, progress: Callable[[int], None]) -> int:
        """All visitors; calls progress with each number of new impressions. Returns how many visitors came."""
        n_visitors = 0
        while any(self._outcomes.values()):
            visitors = [f"visitor-{n_visitors + i:05d}" for i in range(_CHUNK)]
            n_visitors += len(visitors)
            events = self._events_of(visitors, await self._assign(visitors))
            for start in range(0, len(events), _BATCH):
                answer = await self._post("/events", events[start : start + _BATCH])
                if answer["refused"]:
                    raise RuntimeError(f"events were refused: {answer['refused'][:3]}")
            progress(sum(event["event_type"] == "exposure" for event in events))
        return n_visitors

    async def stop_and_conclude(self) -> dict[str, Any]:
        """Wait until everything sent is in the results, stop, and return the final results."""
        await self._results_when(lambda found: found["total_users_exposed"] == self._archive.impressions)
        await self._post(f"/experiments/{self.experiment_id}/stop")
        return await self._results_when(lambda found: bool(found.get("final")))

    async def _results_when(self, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = await self._client.get(f"{API}/experiments/{self.experiment_id}/results")
            found: dict[str, Any] = answer.raise_for_status().json()
            if ready(found):
                return found
            await asyncio.sleep(0.2)
        raise TimeoutError(f"the results did not arrive within {_PATIENCE_SECONDS:.0f} s")

    async def _assign(self, visitors: list[str]) -> list[str | None]:
        gate = asyncio.Semaphore(_CONCURRENCY)

        async def one(visitor: str) -> str | None:
            request = {
                "user_id": visitor,
                "experiments": [self.experiment_id],
                "context": _CONTEXT,
                "log_exposure": False,
            }
            async with gate:
                answer = await self._post("/experiments/assign", request)
            variant: str | None = answer["assignments"][0]["variant_id"]
            return variant

        return list(await asyncio.gather(*map(one, visitors)))

    def _events_of(self, visitors: list[str], variants: list[str | None]) -> list[dict[str, Any]]:
        events = []
        for visitor, variant in zip(visitors, variants, strict=True):
            if variant is None or not self._outcomes[variant]:
                continue
            clicked = self._outcomes[variant].pop()
            events.append(self._event(visitor, "exposure", variant))
            if clicked:
                events.append(self._event(visitor, "click", variant))
        return events

    def _event(self, visitor: str, event_type: str, variant: str) -> dict[str, Any]:
        return {
            "user_id": visitor,
            "event_type": event_type,
            "timestamp": datetime.now(timezone.utc).isoformat(),
            "experiments": [{"experiment_id": self.experiment_id, "variant_id": variant}],
        }

    async def _post(self, path: str, body: Any = None) -> Any:
        answer = await self._client.post(f"{API}{path}", json=body)
        if answer.is_error:
            raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text}")
        return answer.json()


def _outcomes(arm: Arm, seed: int) -> list[bool]:
    clicks = [True] * arm.clicks + [False] * (arm.impressions - arm.clicks)
    random.Random(f"{seed}:{arm.variant}").shuffle(clicks)
    return clicks
