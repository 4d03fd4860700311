"""What a decision costs at the very least, in plain Python."""

from __future__ import annotations

from bench.peers.job import COUNTRIES, KEY, KEYS, SALT, Attributes, One, Peer


def md5_floor() -> Peer:
    """One hash of the text that ours hashes, and its digest. It decides nothing."""
    from assay.assignment.digest import md5

    suffix, suffixes = f":{KEY}:{SALT}", [f":{key}:{SALT}" for key in KEYS]

    def one(unit: str, _: Attributes) -> None:
        md5((unit + suffix).encode()).digest()

    def five(unit: str, _: Attributes) -> list[None]:
        for item in suffixes:
            md5((unit + item).encode()).digest()
        return []

    return Peer({"": one}, {"": five})


def bare_md5(key: str = KEY) -> One:
    """The same hash, two buckets in whole numbers, audience, variant, and nothing else."""
    from assay.assignment.digest import md5

    countries, suffix, half = frozenset(COUNTRIES), f":{key}:{SALT}", 500_000

    def decide(unit: str, attributes: Attributes) -> str | None:
        if attributes.get("country") not in countries:
            return None
        digest = md5((unit + suffix).encode()).digest()
        if (int.from_bytes(digest[4:8], "big") * 1_000_000) >> 32 >= 1_000_000:
            return None
        bucket = (int.from_bytes(digest[:4], "big") * 1_000_000) >> 32
        return "control" if bucket < half else "treatment"

    return decide


def bare() -> Peer:
    """A decision written by hand: no definitions, no reason, no exposure."""
    deciders = [bare_md5(key) for key in KEYS]
    return Peer({"": deciders[0]}, {"": lambda unit, attributes: [item(unit, attributes) for item in deciders]})
