"""Keys: the short names that experiments, variants, metrics and salts go by."""

from __future__ import annotations

import re
import unicodedata

from assay.errors import InvalidInput

KEY_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,100}")
KEY_ACCEPTED = "1 to 100 of the characters A-Z a-z 0-9 _ . -, not dots alone"


def check_key(value: object, field: str) -> str:
    """`value` if it is a key; raises InvalidInput naming `field` otherwise."""
    if not isinstance(value, str) or not KEY_PATTERN.fullmatch(value) or not value.strip("."):
        raise InvalidInput(field, value, KEY_ACCEPTED)
    return value


def key_from_name(name: str) -> str:
    """A key made of a name for people: lower case, accents dropped, words joined by '-'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:90].rstrip("-")
    return key or "experiment"


def check_text(value: str, field: str, *, most: int) -> None:
    """Text for people: at most `most` characters, and no control characters but line breaks and tabs."""
    if len(value) > most:
        raise InvalidInput(field, f"{len(value):,} characters", f"at most {most:,} characters")
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\r\t":
            raise InvalidInput(field, value, f"text without control characters (here {character!a})")


_JOINERS = "\u200c\u200d"
"""Unseen, but parts of emoji and of words in several scripts."""
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols that show nothing."""


def check_name(value: str, field: str) -> None:
    """A name for people: one line, some of it can be seen, and nothing hides in it."""
    check_text(value, field, most=200)
    for character in value:
        hidden = unicodedata.category(character) in ("Cc", "Cf") and character not in _JOINERS
        # The tags that spell the flags of regions.
        if hidden and not "\U000e0020" <= character <= "\U000e007f":
            raise InvalidInput(field, value, f"text without unseen characters (here {character!a})")
    if not any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in value):
        raise InvalidInput(field, value, "a name with at least one visible character")
