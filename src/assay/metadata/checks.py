"""What single fields accept: text, addresses, colours, languages, numbers, names, JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from assay.errors import InvalidInput
from assay.metadata.colours import COLOUR_NAMES
from assay.metadata.fields import Check, gathered
from assay.model.names import check_key, check_text

MAX_URL = 2_000
_MAX_JSON_BYTES = 32 * 1024
_MAX_JSON_DEPTH = 20
_MAX_COLOUR = 60
_MAX_NUMBER = 2**53
_HEX = re.compile(r"#(?:[0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})")
_NUMBER = r"\d{1,3}(?:\.\d{1,3})?"
_ALPHA = rf"(?: *[,/] *(?:0|1|0?\.\d{{1,3}}|{_NUMBER}%))?"
_RGB = re.compile(rf"rgba?\( *{_NUMBER}%?(?: *, *| +){_NUMBER}%?(?: *, *| +){_NUMBER}%?{_ALPHA} *\)", re.ASCII)
_HSL = re.compile(rf"hsla?\( *{_NUMBER}(?:deg)?(?: *, *| +){_NUMBER}%(?: *, *| +){_NUMBER}%{_ALPHA} *\)", re.ASCII)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?")
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}")
_HANDLE = re.compile(r"@?([A-Za-z0-9_]{1,15})")
_REMOTE = ("http", "https")


def text(most: int) -> Check:
    """One line for people, of which something can be seen."""

    def check(value: Any, field: str) -> str:
        accepted = f"one line of text, 1 to {most:,} characters"
        if not isinstance(value, str) or any(c in "\n\r\t\u2028\u2029" for c in value):
            raise InvalidInput(field, value, accepted)
        check_text(value, field, most=most)
        if not any(unicodedata.category(c)[0] in "LNPS" for c in value):
            raise InvalidInput(field, value, accepted)
        return value

    return check


def url(*, absolute: bool = False) -> Check:
    """An http or https address, or one relative to the page unless it must be `absolute`."""
    accepted = f"a URL with http:// or https://, at most {MAX_URL:,} characters without spaces or quotes"
    accepted += ": readers elsewhere cannot resolve a relative one" if absolute else ", or one relative to the page"

    def check(value: Any, field: str) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= MAX_URL or not all(map(_in_url, value)):
            raise InvalidInput(field, value, accepted)
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise InvalidInput(field, value, accepted) from None
        if parts.username is not None or parts.password is not None:
            raise InvalidInput(field, f"a URL of {parts.hostname} with a user", "a URL without user or password")
        remote = parts.scheme in _REMOTE and bool(host) and value[len(parts.scheme) :].startswith("://")
        # Nothing before the first slash may be taken for a scheme, and two slashes would name another host.
        first = re.split(r"[/?#]", value, maxsplit=1)[0]
        relative = not parts.scheme and not value.startswith("//") and ":" not in first
        if not remote and (absolute or not relative):
            raise InvalidInput(field, value, accepted)
        return value

    return check


def _in_url(character: str) -> bool:
    return character not in "\"'<>\\`{}|^" and unicodedata.category(character)[0] not in "ZC"


def colour(value: Any, field: str) -> str:
    """A colour of CSS."""
    if isinstance(value, str) and len(value) <= _MAX_COLOUR:
        if value.lower() in COLOUR_NAMES:
            return value.lower()
        if _HEX.fullmatch(value) or _RGB.fullmatch(value) or _HSL.fullmatch(value):
            return value
    raise InvalidInput(field, value, "a colour like #1a2b3c, rgb(26, 43, 60), hsl(210 40% 17%), or a name of CSS")


def language(value: Any, field: str) -> str:
    """A language with script and region, in the usual case: de, en-GB, zh-Hant-TW."""
    found = _LANGUAGE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(field, value, "a language like de, en-GB or zh-Hant-TW")
    tongue, script, region = found.groups()
    return "-".join(filter(None, (tongue.lower(), script and script.title(), region and region.upper())))


def locale(value: Any, field: str) -> str:
    """A locale as Open Graph writes it."""
    if not isinstance(value, str) or not _LOCALE.fullmatch(value):
        raise InvalidInput(field, value, "language and country, like de_CH")
    return value


def handle(value: Any, field: str) -> str:
    """An account's name, with its @."""
    found = _HANDLE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(field, value, "an account like @assay: 1 to 15 of the characters A-Z a-z 0-9 _")
    return f"@{found.group(1)}"


def choice(*values: str) -> Check:
    """One of these words."""

    def check(value: Any, field: str) -> str:
        if value not in values:
            raise InvalidInput(field, value, f"one of {', '.join(values)}")
        return str(value)

    return check


def matching(pattern: str, accepted: str) -> Check:
    """Text of one form."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: Any, field: str) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise InvalidInput(field, value, accepted)
        return value

    return check


def number(low: float, high: float, unit: str = "") -> Check:
    """A number in a range, bounds included."""

    def check(value: Any, field: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise InvalidInput(field, value, f"a number from {low:g} to {high:,g}{unit and ' '}{unit}")
        return value

    return check


def whole(low: int, high: int, unit: str = "") -> Check:
    """A whole number in a range, bounds included."""

    def check(value: Any, field: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidInput(field, value, f"a whole number from {low} to {high:,}{unit and ' '}{unit}")
        return value

    return check


def feature(value: Any, field: str) -> bool | float | str:
    """What a switch in the page may be set to."""
    if isinstance(value, str):
        check_text(value, field, most=1_000)
        return value
    if isinstance(value, bool) or (isinstance(value, (int, float)) and abs(value) <= _MAX_NUMBER):
        return value
    raise InvalidInput(field, value, "true, false, a number up to 2^53 or text")


def table(check: Check, most: int) -> Check:
    """Names with a value each."""

    def check_all(value: Any, field: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InvalidInput(field, value, "an object")
        if len(value) > most:
            raise InvalidInput(field, f"{len(value)} of them", f"at most {most}")
        names = [(field, lambda name, where: check_key(name, where), name) for name in value]
        found = gathered([*names, *((f"{field}.{name}", check, item) for name, item in value.items())])
        return dict(zip(value, found[len(value) :], strict=True))

    return check_all


def json_value(value: Any, field: str) -> Any:
    """Anything that JSON can say, as dicts and lists of its own."""
    _check_depth(value, field, 0)
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(written.encode())
    except (TypeError, ValueError):
        raise InvalidInput(field, value, "JSON: objects, lists, text, finite numbers, true, false, null") from None
    if size > _MAX_JSON_BYTES:
        raise InvalidInput(field, f"{size:,} bytes", f"at most {_MAX_JSON_BYTES:,} bytes of JSON")
    return json.loads(written)


def _check_depth(value: Any, field: str, depth: int) -> None:
    if depth > _MAX_JSON_DEPTH:
        raise InvalidInput(field, "…", f"values nested at most {_MAX_JSON_DEPTH} deep")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidInput(field, key, "names that are text")
            _check_depth(item, field, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_depth(item, field, depth + 1)


def structured_data(value: Any, field: str) -> dict[str, Any]:
    """One JSON-LD object."""
    if not isinstance(value, Mapping) or "@context" not in value or not ({"@type", "@graph"} & set(value)):
        raise InvalidInput(field, value, "an object with @context, and with @type or @graph")
    found: dict[str, Any] = json_value(value, field)
    return found
