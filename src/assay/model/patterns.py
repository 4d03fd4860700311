"""Patterns for text: the part of regular expressions that means the same everywhere and cannot run away.

Allowed: literals, `.`, classes, `\\d \\w \\s \\b` and escapes of punctuation, groups, `|`, `^` first, `$` last, and the
quantifiers `? * + {m} {m,n}` on single characters and classes, `?` on groups. At most two of them are without bound,
and two only behind `^`: what there is to try must not grow beyond all bounds with a hostile value.
"""

from __future__ import annotations

import re

from assay.errors import InvalidInput

MAX_PATTERN = 200
MAX_SUBJECT = 1_000
"""Longer values are matched by their first characters only."""
_MAX_UNBOUND = 2
_MAX_TIMES = 100
_MAX_STEPS = 20_000_000
"""The most tries on a value of full length, some 20 ms: values come from strangers."""

_TOKEN = re.compile(
    r"(?P<class>\[\^?(?:\\[dwnrtfv]|\\[^A-Za-z0-9]|[^\\\[\]])+\])|(?P<escape>\\[dwsbnrtfv]|\\[^A-Za-z0-9])|(?P<open>\((?:\?:)?)|(?P<close>\))"
    r"|(?P<many>[*+?]|\{\d{1,3}(?:,\d{1,3})?\})|(?P<or>\|)|(?P<dot>\.)|(?P<literal>[^\\\[\](){}*+?|.^$])",
    re.DOTALL,
)
_PART = re.compile(
    r"\[\^?(?:\\.|[^\\\]])+\]|\\.|(?P<open>\(\?:)|(?P<or>\|)|(?P<close>\))|(?P<unbound>[*+])|(?P<maybe>\?)"
    r"|\{(?P<low>\d+)(?:,(?P<high>\d+))?\}|.",
    re.DOTALL,
)
_SPACE = "[ \\t\\n\\r\\f\\v]"


def check_pattern(pattern: str, field: str) -> str:
    """The pattern in a form that Python, JavaScript and RE2 read alike; raises InvalidInput."""
    if not 0 < len(pattern) <= MAX_PATTERN:
        raise InvalidInput(field, pattern, f"a pattern of 1 to {MAX_PATTERN} characters")
    first, last = pattern.startswith("^"), _ends_anchored(pattern)
    inner = pattern[first : len(pattern) - last]
    parts = _parts(inner, field, pattern)
    canonical = ("^" if first else "") + "".join(parts) + ("$" if last else "")
    try:
        re.compile(canonical)
    except re.error as error:
        raise InvalidInput(field, pattern, f"a regular expression ({error})") from None
    ways, unbound = ways_of(canonical)
    places = 1 if first else MAX_SUBJECT
    if places * ways * MAX_SUBJECT**unbound > _MAX_STEPS:
        accepted = "a pattern with fewer ways to be tried: begin it with '^', or use fewer *, +, ?, {m,n} and |"
        raise InvalidInput(field, pattern, accepted)
    return canonical


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A checked pattern, to be searched for. `$` is the very end, not before a last line break."""
    if _ends_anchored(pattern):
        pattern = pattern[:-1] + r"\Z"
    return re.compile(pattern, re.ASCII)


def _ends_anchored(pattern: str) -> bool:
    if not pattern.endswith("$"):
        return False
    before = pattern[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def _parts(inner: str, field: str, pattern: str) -> list[str]:
    parts: list[str] = []
    at, unbound, before = 0, 0, ""
    while at < len(inner):
        found = _TOKEN.match(inner, at)
        if found is None:
            raise InvalidInput(field, pattern, f"no {inner[at : at + 3]!r} there: see the allowed patterns")
        kind, text = found.lastgroup or "", found.group()
        if kind == "many":
            unbound += text in "*+"
            _check_quantifier(text, before, field, pattern)
        if unbound > _MAX_UNBOUND:
            raise InvalidInput(field, pattern, f"at most {_MAX_UNBOUND} of * and +")
        parts.append({"dot": "[^\\n]", "open": "(?:"}.get(kind, _SPACE if text == "\\s" else text))
        at, before = found.end(), kind
    return parts


def _check_quantifier(text: str, before: str, field: str, pattern: str) -> None:
    if before not in ("class", "escape", "dot", "literal", "close"):
        raise InvalidInput(field, pattern, f"something before {text!r} that it repeats")
    if before == "close" and text != "?":
        raise InvalidInput(field, pattern, f"groups repeated by '?' at most, not by {text!r}")
    bounds = [int(number) for number in re.findall(r"\d+", text)]
    if bounds and (max(bounds) > _MAX_TIMES or bounds != sorted(bounds)):
        raise InvalidInput(field, pattern, f"repetitions from low to high, at most {_MAX_TIMES}")


def ways_of(canonical: str) -> tuple[int, int]:
    """The product over quantifiers and groups of the choices they leave, and how many quantifiers have no bound."""
    unbound = 0
    groups = [[0, 1]]  # the alternatives that are complete, and the one at hand
    for found in _PART.finditer(canonical):
        if found["open"]:
            groups.append([0, 1])
        elif found["or"]:
            groups[-1] = [sum(groups[-1]), 1]
        elif found["close"]:
            inside = sum(groups.pop())
            groups[-1][1] *= inside
        elif found["unbound"]:
            unbound += 1
        elif found["maybe"]:
            groups[-1][1] *= 2
        elif found["low"]:
            groups[-1][1] *= int(found["high"] or found["low"]) - int(found["low"]) + 1
    return sum(groups[0]), unbound
