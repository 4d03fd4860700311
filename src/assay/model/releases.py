"""Version numbers of apps and systems, compared as semantic versioning says."""

from __future__ import annotations

import re
from typing import TypeAlias

VERSION_ACCEPTED = "a version like 2, 17.4, 1.2.3 or 1.2.3-beta.1"

Release: TypeAlias = tuple[tuple[int, int, int, int], int, tuple[tuple[int, int, str], ...]]

_FORM = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?", re.ASCII
)
_MAX_CHARACTERS = 100
_MAX_DIGITS = 9


def release_of(text: object) -> Release | None:
    """What a version compares by, or None when the text is no version. Missing parts are 0: 1.2 equals 1.2.0.

    A pre-release comes before its release; its parts compare as numbers where both are, and numbers before words.
    """
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    major, minor, patch, build, before = found.groups()
    numbers = (int(major), int(minor or 0), int(patch or 0), int(build or 0))
    if before is None:
        return numbers, 1, ()
    return numbers, 0, tuple(_identifier(part) for part in before.split("."))


def _identifier(part: str) -> tuple[int, int, str]:
    if part.isascii() and part.isdigit() and len(part) <= _MAX_DIGITS:
        return 0, int(part), ""
    return 1, 0, part
