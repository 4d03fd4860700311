"""Entity tags: answers that are not sent twice."""

from __future__ import annotations

from hashlib import blake2b


def etag_of(content: bytes) -> str:
    """An entity tag that changes whenever the content does."""
    return f'"{blake2b(content, digest_size=16).hexdigest()}"'


def matches(etag: str, if_none_match: str) -> bool:
    """Whether If-None-Match names the tag: a list, `*`, weak tags, and tags without their quotes are all understood."""
    given = (item.strip().removeprefix("W/").strip('"') for item in if_none_match.split(","))
    return any(item in ("*", etag.strip('"')) for item in given)
