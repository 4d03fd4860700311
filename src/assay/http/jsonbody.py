"""Control-plane bodies, looked at before anything is made of them: what JSON or storage cannot carry is refused."""

from __future__ import annotations

import json
import math
from typing import Any

from assay.errors import InvalidInput, Malformed

MAX_DEPTH = 50
MAX_DIGITS = 300
_SHOWN = 80


def check_json(body: bytes) -> None:
    """Raise for what cannot be kept.

    Malformed: not JSON, or whole numbers of more than MAX_DIGITS digits. InvalidInput, naming the path: NaN, Infinity,
    text that is not Unicode (half of a surrogate pair), nesting deeper than MAX_DEPTH.
    """
    try:
        document = json.loads(body, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise Malformed("body", body[:_SHOWN].decode(errors="replace"), f"JSON in UTF-8 ({error})") from None
    _check(document, "", 0)


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"whole numbers have at most {MAX_DIGITS} digits")
    return int(digits)


def _check(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput(path, "…", f"values nested at most {MAX_DEPTH} deep")
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(path or "body", value, "a finite number")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, path)
            _check(item, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _check(item, f"{path}[{i}]", depth + 1)


def _check_text(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="replace").decode()
        raise InvalidInput(path or "body", shown, "text in Unicode: here is half of a surrogate pair") from None
