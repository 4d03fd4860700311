"""What databases spell differently. Every method takes and gives SQL; nothing here knows of experiments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from assay.assignment.bucketing import first_bytes
from assay.errors import InvalidInput

TRUE, FALSE = "(1 = 1)", "(1 = 0)"
_HEX_DIGITS = 8


class Engine:
    """DuckDB, and what the others inherit from it. Digests are MD5 in hex, compared from the left as text."""

    name: ClassVar[str] = "duckdb"
    quote: ClassVar[str] = '"'
    text_type: ClassVar[str] = "VARCHAR"
    fence: ClassVar[str] = ""
    """A column that keeps a subquery apart, where its columns would else be worked out again by the query around it."""

    def identifier(self, name: str) -> str:
        """A name of a column or table."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def text(self, value: str) -> str:
        """A text literal."""
        return "'" + value.replace("'", "''") + "'"

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


class ClickHouse(Engine):
    """Digests are the first eight bytes as a number, and codes small: both are compared many at once."""

    name = "clickhouse"
    quote = "`"
    text_type = "String"

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def identifier(self, name: str) -> str:
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def truth(self, condition: str) -> str:
        return f"ifNull({condition}, 0)"

    def as_text(self, value: str) -> str:
        return f"toString({value})"

    def whole(self, value: str) -> str:
        return f"toInt64({value})"

    def number(self, digits: str) -> str:
        return f"toInt64OrNull({digits})"

    def divided(self, value: str, by: int) -> str:
        return f"intDiv({value}, {by})"

    def is_number(self, value: str) -> str:
        return f"NOT isNaN({value})"

    def length(self, text: str) -> str:
        return f"lengthUTF8({text})"

    def cut(self, text: str, start: int, length: int) -> str:
        return f"substringUTF8({text}, {start}, {length})"

    def lower(self, text: str) -> str:
        return f"lowerUTF8({text})"

    def holds(self, text: str, part: str) -> str:
        return f"position({text}, {self.text(part)}) > 0"

    def starts(self, text: str, part: str) -> str:
        return f"startsWith({text}, {self.text(part)})"

    def ends(self, text: str, part: str) -> str:
        return f"endsWith({text}, {self.text(part)})"

    def has(self, items: str, value: str) -> str:
        return f"has({items}, {value})"

    def found(self, text: str, pattern: str) -> str:
        return f"match({text}, {self.text(self.pattern(pattern))})"

    def replaced(self, text: str, pattern: str, by: str) -> str:
        return f"replaceRegexpAll({text}, {self.text(self.pattern(pattern))}, {self.text(by)})"

    def taken(self, text: str, pattern: str) -> str:
        return f"extract({text}, {self.text(self.pattern(pattern))})"

    def milliseconds(self, moment: str) -> str:
        return f"toUnixTimestamp64Milli(toDateTime64({moment}, 3, 'UTC'))"

    def digest(self, text: str) -> str:
        return f"byteSwap(reinterpretAsUInt64(MD5({text})))"

    def hex_digest(self, text: str) -> str:
        return f"lower(hex(MD5({text})))"

    def below(self, digest: str, bucket: int) -> str:
        return f"{digest} < {int.from_bytes(first_bytes(bucket), 'big') << 32}"

    def traffic_below(self, digest: str, bucket: int) -> str:
        return f"bitAnd({digest}, {2**32 - 1}) < {int.from_bytes(first_bytes(bucket), 'big')}"

    def code(self, number: int) -> str:
        return f"toInt16({number})"

    def is_blank(self, text: str) -> str:
        return f"empty(ifNull({text}, ''))"

    def smallest(self, texts: Sequence[str], place: str) -> str:
        return f"arraySort([{', '.join(texts)}])[{place} + 1]"


class Postgres(Engine):
    """Text is compared as bytes, whatever the database's collation. The database's encoding must be UTF-8."""

    name = "postgres"
    text_type = "TEXT"
    # Something volatile, and never reached: the planner keeps the subquery, folds this to NULL, and still runs in
    # parallel, which it would not with OFFSET 0.
    fence = "CASE WHEN FALSE THEN clock_timestamp() END"

    def ordered(self, text: str) -> str:
        return f'{text} COLLATE "C"'

    def number(self, digits: str) -> str:
        return f"CAST({digits} AS BIGINT)"

    def divided(self, value: str, by: int) -> str:
        return f"({value} / {by})"

    def is_number(self, value: str) -> str:
        return f"CAST({value} AS double precision) <> 'NaN'"

    def holds(self, text: str, part: str) -> str:
        return f"strpos({text}, {self.text(part)}) > 0"

    def ends(self, text: str, part: str) -> str:
        return f"right({text}, {len(part)}) = {self.text(part)}"

    def has(self, items: str, value: str) -> str:
        return f"{value} = ANY({items})"

    def pattern(self, pattern: str) -> str:
        return _escapes(pattern, {"b": r"\y"})

    def found(self, text: str, pattern: str) -> str:
        return f"{self.ordered(text)} ~ {self.text(self.pattern(pattern))}"

    def taken(self, text: str, pattern: str) -> str:
        return f"COALESCE(substring({text} from {self.text(self.pattern(pattern))}), '')"

    def milliseconds(self, moment: str) -> str:
        # A timestamp without a zone is taken as UTC, whatever the session's zone.
        return f"CAST(floor(extract(epoch FROM {moment}) * 1000) AS BIGINT)"

    def below(self, digest: str, bucket: int) -> str:
        return super().below(self.ordered(digest), bucket)

    def traffic_below(self, digest: str, bucket: int) -> str:
        return f'substr({digest}, 9, 8) COLLATE "C" < {self.text(first_bytes(bucket).hex())}'

    def smallest(self, texts: Sequence[str], place: str) -> str:
        items = ", ".join(texts)
        return f'(SELECT item FROM unnest(ARRAY[{items}]) AS item ORDER BY item COLLATE "C" OFFSET {place} LIMIT 1)'


class Spark(Engine):
    """Spark 3.3 or later."""

    name = "spark"
    quote = "`"
    text_type = "STRING"

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def divided(self, value: str, by: int) -> str:
        return f"({value} div {by})"

    def joined(self, parts: Sequence[str]) -> str:
        return f"concat({', '.join(parts)})"

    def starts(self, text: str, part: str) -> str:
        return f"startswith({text}, {self.text(part)})"

    def ends(self, text: str, part: str) -> str:
        return f"endswith({text}, {self.text(part)})"

    def has(self, items: str, value: str) -> str:
        return f"array_contains({items}, {value})"

    def pattern(self, pattern: str) -> str:
        # Java reads `$` before a last line break too, `\v` as a class of its own, and `&&` in classes as "both".
        read = _escapes(pattern, {"v": r"\x0B", "$": r"\x24"}).replace("&&", r"&\&")
        return read[:-1] + r"\z" if read.endswith("$") else read

    def found(self, text: str, pattern: str) -> str:
        return f"{text} RLIKE {self.text(self.pattern(pattern))}"

    def replaced(self, text: str, pattern: str, by: str) -> str:
        return f"regexp_replace({text}, {self.text(self.pattern(pattern))}, {self.text(by.replace(chr(92), '$'))})"

    def taken(self, text: str, pattern: str) -> str:
        return f"regexp_extract({text}, {self.text(self.pattern(pattern))}, 1)"

    def milliseconds(self, moment: str) -> str:
        return f"unix_millis({moment})"

    def hex_digest(self, text: str) -> str:
        return f"md5(CAST({text} AS BINARY))"

    def smallest(self, texts: Sequence[str], place: str) -> str:
        return f"element_at(sort_array(array({', '.join(texts)})), CAST({place} AS INT) + 1)"


def _escapes(pattern: str, spelled: Mapping[str, str]) -> str:
    """The pattern with some of its escapes spelled otherwise."""
    return re.sub(r"\\(.)", lambda found: spelled.get(found[1], found[0]), pattern, flags=re.DOTALL)


ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Engine(), ClickHouse(), Postgres(), Spark())}


def engine_of(dialect: str) -> Engine:
    """The engine of that name; raises InvalidInput naming those there are."""
    found = ENGINES.get({"postgresql": "postgres"}.get(dialect, dialect))
    if found is None:
        raise InvalidInput("dialect", dialect, f"one of {', '.join(ENGINES)}")
    return found
