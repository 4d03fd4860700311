"""ClickHouse, PostgreSQL and Spark, where they differ from DuckDB."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assay.assignment.bucketing import first_bytes
from assay.errors import InvalidInput
from assay.queries.assignment.engines import Engine


class ClickHouse(Engine):
    """Digests are the first eight bytes as a number, and codes small: both are compared many at once."""

    name = "clickhouse"
    spares = False
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

    def can_hold(self, text: str) -> bool:
        return "\0" not in text

    def text(self, value: str) -> str:
        if not self.can_hold(value):
            raise InvalidInput("value", value, "text without the null character, which PostgreSQL cannot hold")
        return super().text(value)

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
