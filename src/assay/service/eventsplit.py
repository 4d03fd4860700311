"""A batch taken apart by its brackets alone, so that one event that no parser can read does not hide the others."""

from __future__ import annotations

import re

MAX_BYTES = 1024 * 1024
"""Longer batches are not worth the time this takes."""

# Text that is not closed reaches to the end: were it no token, each of its quotes would be tried against all the rest.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{},]', re.DOTALL)
_WRAPPED = re.compile(rb'\s*\{\s*"events"\s*:\s*(\[.*\])\s*\}\s*', re.DOTALL)
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")


def split_batch(body: bytes) -> list[bytes] | None:
    """The elements of a JSON array, or of {"events": [...]}, unread; None when the brackets do not fit."""
    if len(body) > MAX_BYTES:
        return None
    wrapped = _WRAPPED.fullmatch(body)
    text = (wrapped.group(1) if wrapped else body).strip()
    if not (text.startswith(b"[") and text.endswith(b"]")):
        return None
    elements, depth, begin = [], 0, 1
    for token in _TOKEN.finditer(text):
        sign = token.group()
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
        ends = depth == 0 or (sign == b"," and depth == 1)
        if ends:
            elements.append(text[begin : token.start()].strip())
            begin = token.end()
        if depth == 0:
            return elements if token.end() == len(text) and all(elements) else None
    return None
