"""From a unit's name to a bucket, exactly: integers only, the same in every process, language and database.

Algorithm 1: digest = md5(f"{unit}:{experiment_key}:{salt}") of the UTF-8 bytes. Keys and salts hold no colon, so the
last two colons always split the text. The first 8 hex digits, as u32, choose the variant; the next 8 the traffic.
bucket = (u32 * 1_000_000) >> 32. A unit takes part when its traffic bucket is below the traffic share, so growing
traffic only ever adds units and moves none.
"""

from __future__ import annotations

from assay.assignment.digest import md5

BUCKETS = 1_000_000


def digest_of(unit: str, experiment_key: str, salt: str) -> bytes:
    """The 16 bytes that decide everything. Lone surrogates, which UTF-8 cannot carry, are written as they are."""
    text = f"{unit}:{experiment_key}:{salt}".encode("utf-8", "surrogatepass")
    return md5(text).digest()


def variant_bucket(digest: bytes) -> int:
    """0 to 999,999: which variant."""
    return (int.from_bytes(digest[:4], "big") * BUCKETS) >> 32


def traffic_bucket(digest: bytes) -> int:
    """0 to 999,999: whether the unit takes part."""
    return (int.from_bytes(digest[4:8], "big") * BUCKETS) >> 32


def first_bytes(bucket: int) -> bytes:
    """The least four bytes of a digest that fall into a bucket of 0 to 999,999; all lesser ones fall below it.

    Bytes compare as the numbers they spell, so a digest can be placed without making numbers of it.
    """
    return (-(-(bucket << 32) // BUCKETS)).to_bytes(4, "big")
