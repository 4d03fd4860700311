"""Regular expressions in schemas: the patterns that conditions may have too, with a bound on their work."""

from __future__ import annotations

from dataclasses import dataclass

from assay.model.patterns import check_pattern, compile_pattern, ways_of


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
    """The pattern of a schema; raises InvalidInput for one outside the allowed part."""
    canonical = check_pattern(text, field)
    ways, unbound = ways_of(canonical)
    return Pattern(text, f"(?a:{compile_pattern(canonical).pattern})", ways, unbound)
