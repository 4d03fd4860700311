"""The same experiments in other SDKs, each in its own file. A peer is imported only when it is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.peers.assay import assay, assay_logged, assay_told
from bench.peers.eppo import eppo
from bench.peers.growthbook import growthbook
from bench.peers.job import COUNTRIES, KEY, Peer
from bench.peers.launchdarkly import launchdarkly
from bench.peers.optimizely import optimizely
from bench.peers.plain import bare, bare_md5, md5_floor
from bench.peers.planout import planout
from bench.peers.statsig import statsig
from bench.peers.unleash import unleash

__all__ = ["COUNTRIES", "FLOOR", "KEY", "OURS", "PEERS", "bare_md5"]

OURS: dict[str, Callable[[], Peer]] = {"assay": assay, "assay_logged": assay_logged, "assay_told": assay_told}
FLOOR = "md5_floor"
"""The one that decides nothing."""
PEERS: dict[str, Callable[[], Peer]] = {
    FLOOR: md5_floor,
    "bare": bare,
    "eppo": partial(eppo, logged=False),
    "eppo_logged": partial(eppo, logged=True),
    "statsig": statsig,
    "growthbook": growthbook,
    "launchdarkly": launchdarkly,
    "optimizely": optimizely,
    "unleash": unleash,
    "planout": planout,
}
