"""Regular expressions in schemas: the patterns that conditions may have too, with a bound on their work."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.model.patterns import check_pattern, compile_pattern

MAX_WAYS = 100_000
_TOKEN = re.compile(
    r"\[\^?(?:\\.|[^\\\]])+\]|\\.|(?P<open>\(\?:)|(?P<or>\|)|(?P<close>\))|(?P<unbound>[*+])|(?P<maybe>\?)"
    r"|\{(?P<low>\d+)(?:,(?P<high>\d+))?\}|.",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern with the most ways it can be tried from one place: `ways` × length ** `unbound`."""

    text: str
    python: str
    ways: int
    unbound: int

    def steps(self, length: int) -> int:
        """At most so many tries on text of `length` characters."""
        places = 1 if self.text.startswith("^") else length + 1
        return self.ways * places * int((length + 1) ** self.unbound)


def read_pattern(text: str, field: str) -> Pattern:
    """The pattern of a schema; raises InvalidInput for one outside the allowed part, or with too many ways."""
    canonical = check_pattern(text, field)
    ways, unbound = _ways(canonical)
    if ways > MAX_WAYS:
        accepted = f"a pattern with at most {MAX_WAYS:,} ways to be tried: fewer ?, {{m,n}} and |"
        raise InvalidInput(field, text, accepted)
    return Pattern(text, f"(?a:{compile_pattern(canonical).pattern})", ways, unbound)


def _ways(canonical: str) -> tuple[int, int]:
    """The product over quantifiers and groups of the choices they leave, and how many quantifiers have no bound."""
    unbound = 0
    groups = [[0, 1]]  # the alternatives that are complete, and the one at hand
    for found in _TOKEN.finditer(canonical):
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
