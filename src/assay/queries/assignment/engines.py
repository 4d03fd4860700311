"""What databases spell differently. Every method takes and gives SQL; nothing here knows of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from assay.assignment.bucketing import first_bytes

TRUE, FALSE = "(1 = 1)", "(1 = 0)"
_HEX_DIGITS = 8


class Engine:
    """DuckDB, and what the others inherit from it. Digests are MD5 in hex, compared from the left as text."""

    name: ClassVar[str] = "duckdb"
    quote: ClassVar[str] = '"'
    text_type: ClassVar[str] = "VARCHAR"
    spares: ClassVar[bool] = True
    """Whether a CASE spares the engine the work for the rows that do not need it."""
    fence: ClassVar[str] = ""
    """A column that keeps a subquery apart, where its columns would else be worked out again by the query around it."""

    def identifier(self, name: str) -> str:
        """A name of a column or table."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def text(self, value: str) -> str:
        """A text literal."""
        return "'" + value.replace("'", "''") + "'"

    def can_hold(self, text: str) -> bool:
        """Whether a column of text may hold this."""
        return True

    def ordered(self, text: str) -> str:
        """Text that compares by code point."""
        return text

    def truth(self, condition: str) -> str:
        """The condition, false where it is NULL."""
        return f"COALESCE({condition}, FALSE)"

    def as_text(self, value: str) -> str:
        """A value as text."""
        return f"CAST({value} AS {self.text_type})"

    def whole(self, value: str) -> str:
        """A number without a fraction as a whole number."""
        return f"CAST({value} AS BIGINT)"

    def number(self, digits: str) -> str:
        """Digits as a whole number."""
        return f"TRY_CAST({digits} AS BIGINT)"

    def divided(self, value: str, by: int) -> str:
        """Whole-number division of numbers that are not negative."""
        return f"({value} // {by})"

    def is_number(self, value: str) -> str:
        """Whether a number is not NaN, which most engines call the greatest."""
        return f"NOT isnan(CAST({value} AS DOUBLE))"

    def length(self, text: str) -> str:
        """Characters of a text."""
        return f"length({text})"

    def cut(self, text: str, start: int, length: int) -> str:
        """Part of a text, from character 1 on."""
        return f"substr({text}, {start}, {length})"

    def lower(self, text: str) -> str:
        """Letters in lower case."""
        return f"lower({text})"

    def joined(self, parts: Sequence[str]) -> str:
        """Texts one behind the other."""
        return "(" + " || ".join(parts) + ")" if len(parts) > 1 else parts[0]

    def holds(self, text: str, part: str) -> str:
        """Whether a text holds another, given as Python text."""
        return f"contains({text}, {self.text(part)})"

    def starts(self, text: str, part: str) -> str:
        """Whether a text begins with another."""
        return f"starts_with({text}, {self.text(part)})"

    def ends(self, text: str, part: str) -> str:
        """Whether a text ends with another."""
        return f"suffix({text}, {self.text(part)})"

    def has(self, items: str, value: str) -> str:
        """Whether a list holds a value, given as SQL."""
        return f"list_contains({items}, {value})"

    def pattern(self, pattern: str) -> str:
        """A pattern of `model.patterns`, as this engine reads it."""
        return pattern

    def found(self, text: str, pattern: str) -> str:
        """Whether a pattern is found in a text."""
        return f"regexp_matches({text}, {self.text(self.pattern(pattern))})"

    def replaced(self, text: str, pattern: str, by: str) -> str:
        """Every place of a pattern replaced; `\\1` in `by` is the first group."""
        return f"regexp_replace({text}, {self.text(self.pattern(pattern))}, {self.text(by)}, 'g')"

    def taken(self, text: str, pattern: str) -> str:
        """The first group of a pattern's first place, '' when there is none."""
        return f"regexp_extract({text}, {self.text(self.pattern(pattern))}, 1)"

    def milliseconds(self, moment: str) -> str:
        """Milliseconds since 1970 of a column with points in time."""
        return f"epoch_ms({moment})"

    def digest(self, text: str) -> str:
        """The digest, in whatever form `below` compares."""
        return self.hex_digest(text)

    def hex_digest(self, text: str) -> str:
        """The digest as 32 hexadecimal digits."""
        return f"md5({text})"

    def below(self, digest: str, bucket: int) -> str:
        """Whether the digest's first four bytes fall below a bucket of 1 to 999,999."""
        return f"{digest} < {self.text(first_bytes(bucket).hex())}"

    def traffic_below(self, digest: str, bucket: int) -> str:
        """As `below`, for the four bytes that follow."""
        return f"substr({digest}, {_HEX_DIGITS + 1}, {_HEX_DIGITS}) < {self.text(first_bytes(bucket).hex())}"

    def code(self, number: int) -> str:
        """A whole number within ±10,000."""
        return str(number)

    def is_blank(self, text: str) -> str:
        """Whether a text is NULL or empty."""
        return f"{text} IS NULL OR {text} = ''"

    def named(self, code: str, names: Mapping[int, str]) -> str:
        """The name of a code as text; NULL for one that has none."""
        if not names:
            return f"NULLIF({self.text('')}, '')"
        whens = [f"WHEN {code} = {number} THEN {self.text(name)}" for number, name in names.items()]
        return f"CASE {' '.join(whens)} END"

    def outcome(self, code: str, names: Mapping[int, str], forced: int | None) -> str:
        """As `named`, where every code of 0 and more has the name of 0, and, from `forced` on, that of -`forced`."""
        whens = [] if forced is None else [f"WHEN {code} >= {forced} THEN {self.text(names[-forced])}"]
        whens.append(f"WHEN {code} >= 0 THEN {self.text(names[0])}")
        whens += [
            f"WHEN {code} = {n} THEN {self.text(name)}" for n, name in names.items() if n < 0 and n != -(forced or 0)
        ]
        return f"CASE {' '.join(whens)} END"

    def smallest(self, texts: Sequence[str], place: str) -> str:
        """The text at a place, from 0 on, when they are sorted."""
        return f"(list_sort([{', '.join(texts)}]))[CAST({place} AS INTEGER) + 1]"
