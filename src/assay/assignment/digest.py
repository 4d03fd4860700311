"""MD5 for buckets and keys: nothing secret, only the same 16 bytes everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import md5
else:
    # The interpreter's own MD5 is twice as fast on short texts as the one behind hashlib, and is there even where
    # a policy forbids MD5 for security.
    try:
        from _md5 import md5
    except ImportError:
        from functools import partial
        from hashlib import md5 as _md5

        md5 = partial(_md5, usedforsecurity=False)

__all__ = ["md5"]
