"""Keys: the short names that experiments, variants, metrics and salts go by."""

from __future__ import annotations

import re
import unicodedata

from assay.errors import InvalidInput

KEY_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,100}")
KEY_ACCEPTED = "1 to 100 of the characters A-Z a-z 0-9 _ . -"


def check_key(value: object, field: str) -> str:
    """`value` if it is a key; raises InvalidInput naming `field` otherwise."""
    if not isinstance(value, str) or not KEY_PATTERN.fullmatch(value):
        raise InvalidInput(field, value, KEY_ACCEPTED)
    return value


def key_from_name(name: str) -> str:
    """A key made of a name for people: lower case, accents dropped, words joined by '-'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:90].rstrip("-")
    return key or "experiment"
