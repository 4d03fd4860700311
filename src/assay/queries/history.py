"""The SQL that reads the rows of a history as lines of the inbox, or as events of the HTTP API; DuckDB's dialect.

Tables: the source, and beside it `known_experiments(experiment, kept_under, started)`,
`known_variants(experiment, variant)` and `repeated(n, nth)`, the rows that equal an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.event import EXPOSURE, microseconds
from assay.model.history import HistoryMapping, MetricColumn, RowProblem
from assay.model.metric import MetricKind

MAX_ROW_BYTES = 65_536
NO_VALUES = ("", "NA", "N/A", "NULL", "null", "NaN", "nan")
"""Texts that stand for no number."""
BROKEN = "assay: no row"
"""A column of the source that is true where a line could not be read."""
SECONDS_FROM, MILLISECONDS_FROM, MICROSECONDS_FROM, TOO_LARGE = 10**8, 10**11, 10**14, 10**17
"""A number is a time in seconds from the first of these on, in milliseconds from the second, and so on."""
_NUMBER = '"assay: number"'
_MAX_UNIT, _MAX_TYPE = 20_000, 100
_TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE", "TIMESTAMP WITH TIME ZONE")
_FLOATS = ("FLOAT", "DOUBLE")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", *_FLOATS)


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """The questions asked of one source. types: of its columns. latest: no row may be later, in microseconds.

    checked: whether experiments and variants are held against the known ones. as_events: for the HTTP API.
    """

    source: str
    types: Mapping[str, str]
    mapping: HistoryMapping
    latest: int
    grace: int = 0
    checked: bool = True
    as_events: bool = False

    def content(self) -> str:
        """The digest of a whole row: equal for equal rows."""
        columns = [name for name in self.types if name != BROKEN]
        return f"md5(to_json(struct_pack({', '.join(f'{quoted(c)} := {quoted(c)}' for c in columns)})))"

    def repeated(self) -> str:
        """Rows that equal an earlier one, with the number of their occurrence."""
        hashed = f"SELECT row_number() OVER () AS n, {self.content()} AS h FROM {self.source}"
        return f"""
            WITH often AS (SELECT h FROM ({hashed}) GROUP BY h HAVING count(*) > 1)
            SELECT n, nth FROM (
                SELECT n, row_number() OVER (PARTITION BY h ORDER BY n) AS nth
                FROM ({hashed}) SEMI JOIN often USING (h)
            ) WHERE nth > 1"""

    def extent(self) -> str:
        """Number of rows, first and last time."""
        at = self._time()
        fit = f"CASE WHEN {at} BETWEEN 0 AND {self.latest} THEN {at} END"
        return f"SELECT count(*), min({fit}), max({fit}) FROM {self.source}"

    def variants(self) -> str:
        """Experiments and the variants that rows name, at most a thousand."""
        experiment, variant = self._experiment(), self._text(self.mapping.variant)
        return f"""SELECT DISTINCT {experiment}, {variant} FROM {self.source}
            WHERE {experiment} IS NOT NULL AND {variant} IS NOT NULL ORDER BY ALL LIMIT 1000"""

    def rows(self, after: int, *, ordered: bool = False) -> str:
        """Each row after a number: its number, what is wrong with it, what was given, itself as JSON if it is wrong,
        its lines, and how many exposures and events those are. ordered: sort them, which takes disk."""
        return f"""
            WITH numbered AS (SELECT row_number() OVER () AS {_NUMBER}, * FROM {self.source}),
            read AS (
                SELECT {_NUMBER} AS n, {quoted(BROKEN) if BROKEN in self.types else "false"} AS broken,
                    {self._text(self.mapping.unit)} AS unit, {self._time()} AS moment, {self._type()} AS type,
                    {self._experiment()} AS experiment, {self._variant()} AS variant, {self._id()} AS id,
                    {self._metrics()} {self._properties()} AS properties,
                    {self._given_time()} AS given_time, {self._whole()} AS whole
                FROM numbered WHERE {_NUMBER} > {after}
            ),
            named AS ({self._named()}),
            made AS (
                SELECT *, {self._wrong()} AS problem, {self._exposure()} AS exposure, {self._events()} AS events
                FROM named
            ),
            lined AS (SELECT *, concat_ws(chr(10), exposure, nullif(array_to_string(events, chr(10)), '')) AS lines
                FROM made),
            judged AS (SELECT *, coalesce(problem, CASE WHEN strlen(lines) > {MAX_ROW_BYTES} THEN 'size' END) AS wrong
                FROM lined)
            SELECT n, wrong, CASE WHEN wrong IS NOT NULL THEN {self._given()} END,
                CASE WHEN wrong IS NOT NULL THEN whole END, CASE WHEN wrong IS NULL THEN lines END,
                (exposure IS NOT NULL)::INTEGER, len(events)
            FROM judged {"ORDER BY n" if ordered else ""}"""

    def _named(self) -> str:
        """With what is known of the row's experiment, and the id of its occurrence."""
        occurrence = "r.id || CASE WHEN p.nth > 1 THEN '-' || p.nth ELSE '' END" if self._counts() else "r.id"
        repeated = "LEFT JOIN repeated AS p ON p.n = r.n" if self._counts() else ""
        kept, started, known, joined = "r.experiment", "NULL::BIGINT", "r.variant", ""
        if self.checked:
            kept, started, known = "e.kept_under", "e.started", "v.variant"
            joined = """LEFT JOIN known_experiments AS e ON e.experiment = r.experiment
                LEFT JOIN known_variants AS v ON v.experiment = r.experiment AND v.variant = r.variant"""
        return f"""SELECT r.* REPLACE ({occurrence} AS id), {kept} AS kept_under, {started} AS started,
                {known} AS known_variant, to_json(unit) AS unit_text
            FROM read AS r {joined} {repeated}"""

    def _counts(self) -> bool:
        """Whether equal rows are told apart by their number of occurrence."""
        return self.mapping.id is None

    def _text(self, column: str | None) -> str:
        """A column as text; what is empty is nothing."""
        if column is None:
            return "NULL::VARCHAR"
        name, kind = quoted(column), self.types[column]
        if kind == "JSON":
            return f"nullif(({name}->>'$'), '')"
        if kind in _FLOATS:
            # A table that once had a gap has made 7.0 of 7.
            whole = f"isfinite({name}) AND {name} = floor({name}) AND abs({name}) < 1e15"
            return f"CASE WHEN {whole} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) ELSE CAST({name} AS VARCHAR) END"
        return f"nullif(CAST({name} AS VARCHAR), '')"

    def _time(self) -> str:
        if self.mapping.at is not None:
            return f"{microseconds(self.mapping.at)}::BIGINT"
        column = self.mapping.time or ""
        name, kind = quoted(column), self.types[column]
        if kind in _TIMES:
            return _epoch(name if kind.endswith("ZONE") else f"CAST({name} AS TIMESTAMP)")
        if kind.removeprefix("U") in _NUMBERS or kind.startswith("DECIMAL"):
            return _epoch_of_number(f"CAST({name} AS DOUBLE)")
        text = self._text(column)
        number = rf"regexp_full_match({text}, '\s*-?\d+(\.\d*)?\s*')"
        in_words = _epoch(f"TRY_CAST({text} AS TIMESTAMPTZ)")
        return f"CASE WHEN {number} THEN {_epoch_of_number(f'TRY_CAST({text} AS DOUBLE)')} ELSE {in_words} END"

    def _given_time(self) -> str:
        return "NULL::VARCHAR" if self.mapping.at is not None else self._text(self.mapping.time)

    def _type(self) -> str:
        if self.mapping.type is not None:
            return self._text(self.mapping.type)
        return f"{literal(self.mapping.event)}" if self.mapping.event is not None else "NULL::VARCHAR"

    def _experiment(self) -> str:
        if self.mapping.experiment is not None:
            return literal(self.mapping.experiment)
        return self._text(self.mapping.experiment_column)

    def _variant(self) -> str:
        return self._text(self.mapping.variant) if self.mapping.exposures else "NULL::VARCHAR"

    def _id(self) -> str:
        return self._text(self.mapping.id) if self.mapping.id is not None else f"'row-' || {self.content()}"

    def _metrics(self) -> str:
        """Of each metric the number, and the text of what is none."""
        parts = []
        for i, metric in enumerate(self.mapping.metrics):
            text, number = self._text(metric.column), self._number(metric.column)
            missing = f"({text} IS NULL OR {text} IN ({', '.join(map(literal, NO_VALUES))}))"
            if self.types[metric.column] in _FLOATS:
                missing = f"{quoted(metric.column)} IS NULL"
            good = f"isfinite({number})"
            parts.append(f"CASE WHEN NOT {missing} AND {good} THEN {number} END AS m{i},")
            parts.append(f"CASE WHEN NOT {missing} AND NOT coalesce({good}, false) THEN {text} END AS bad{i},")
        return " ".join(parts)

    def _number(self, column: str) -> str:
        kind = self.types[column]
        if kind == "BOOLEAN" or kind.removeprefix("U") in _NUMBERS or kind.startswith("DECIMAL"):
            return f"CAST({quoted(column)} AS DOUBLE)"
        text = f"lower(trim({self._text(column)}))"
        words = f"CASE WHEN {text} IN ('true', 't') THEN 1.0 WHEN {text} IN ('false', 'f') THEN 0.0 END"
        return f"coalesce(TRY_CAST({text} AS DOUBLE), {words})"

    def _properties(self) -> str:
        pairs = ", ".join(f"{literal(name)}, {quoted(name)}" for name in self.mapping.properties)
        return f"json_object({pairs})" if pairs else "'{}'"

    def _whole(self) -> str:
        columns = [name for name in self.types if name != BROKEN]
        return f"to_json(struct_pack({', '.join(f'{quoted(c)} := {quoted(c)}' for c in columns)}))"

    def _wrong(self) -> str:
        """The first thing that is wrong with a row, or NULL."""
        mapping, p = self.mapping, RowProblem
        lines = [
            ("broken", p.ROW),
            (f"unit IS NULL OR length(unit) > {_MAX_UNIT}", p.UNIT),
            ("id IS NULL", p.ID),
            ("moment IS NULL OR moment < 0", p.TIME),
            (f"moment > {self.latest}", p.FUTURE),
        ]
        if self.checked:
            lines.append(("experiment IS NOT NULL AND kept_under IS NULL", p.UNKNOWN_EXPERIMENT))
        lines += [
            ("variant IS NOT NULL AND experiment IS NULL", p.EXPERIMENT),
            ("variant IS NOT NULL AND known_variant IS NULL", p.UNKNOWN_VARIANT),
            (f"started IS NOT NULL AND moment < started - {self.grace}", p.BEFORE_START),
        ]
        if mapping.type is not None or mapping.event is not None:
            lines.append((f"type IS NULL OR length(type) > {_MAX_TYPE}", p.TYPE))
            lines.append((f"lower(type) = '{EXPOSURE}' AND type <> '{EXPOSURE}'", p.TYPE))
            if mapping.exposures:
                lines.append((f"type = '{EXPOSURE}' AND variant IS NULL", p.VARIANT))
        elif mapping.variant is not None and mapping.exposures:
            lines.append(("variant IS NULL", p.VARIANT))
        wrong = [f"WHEN {condition} THEN '{problem.value}'" for condition, problem in lines]
        wrong += [f"WHEN bad{i} IS NOT NULL THEN '{p.METRIC.value}:{i}'" for i, _ in enumerate(mapping.metrics)]
        return f"CASE {' '.join(wrong)} END"

    def _given(self) -> str:
        """What stands in the field that is wrong."""
        columns = {
            RowProblem.UNIT: "unit",
            RowProblem.ID: "id",
            RowProblem.TIME: "given_time",
            RowProblem.FUTURE: "given_time",
            RowProblem.BEFORE_START: "given_time",
            RowProblem.UNKNOWN_EXPERIMENT: "experiment",
            RowProblem.UNKNOWN_VARIANT: "variant",
            RowProblem.TYPE: "type",
        }
        cases = [f"WHEN '{problem.value}' THEN {column}" for problem, column in columns.items()]
        cases += [f"WHEN '{RowProblem.METRIC.value}:{i}' THEN bad{i}" for i, _ in enumerate(self.mapping.metrics)]
        return f"CASE wrong {' '.join(cases)} WHEN 'size' THEN strlen(lines) || ' bytes' END"

    def _exposure(self) -> str:
        alone = self.mapping.type is None and self.mapping.event is None and not self.mapping.metrics
        # A row that is an exposure and nothing else keeps its id; beside an event it is told apart by its name.
        event_id = "id" if alone else f"CASE WHEN type = '{EXPOSURE}' THEN id ELSE id || ':exposure' END"
        line = self._line(event_id, literal(EXPOSURE), "variant", literal("{}"))
        return f"CASE WHEN variant IS NOT NULL THEN {line} END"

    def _events(self) -> str:
        mapping = self.mapping
        if mapping.wide:
            lines = [self._wide_event(i, metric) for i, metric in enumerate(mapping.metrics)]
            return f"list_filter([{', '.join(lines)}], lambda line: line IS NOT NULL)"
        if mapping.type is None and mapping.event is None:
            return "[]::VARCHAR[]"
        pairs = [
            f"CASE WHEN m{i} IS NOT NULL THEN to_json({literal(m.name)}) || ':' || to_json(m{i}) END"
            for i, m in enumerate(mapping.metrics)
        ]
        metrics = f"'{{' || concat_ws(',', {', '.join(pairs)}) || '}}'" if pairs else literal("{}")
        line = self._line("id", "type", "NULL::VARCHAR", metrics)
        return f"CASE WHEN type <> '{EXPOSURE}' THEN [{line}] ELSE []::VARCHAR[] END"

    def _wide_event(self, i: int, metric: MetricColumn) -> str:
        line = self._line(
            f"id || {literal(':' + metric.name)}",
            literal(metric.name),
            "NULL::VARCHAR",
            f"'{{\"value\":' || to_json(m{i}) || '}}'",
        )
        met = f"m{i} IS NOT NULL" + (f" AND m{i} <> 0" if metric.kind is MetricKind.CONVERSION else "")
        return f"CASE WHEN {met} THEN {line} END"

    def _line(self, event_id: str, event_type: str, variant: str, metrics: str) -> str:
        """One exposure or event as JSON; the arguments are SQL. The key is that of `service.eventlines.event_key`."""
        if self.as_events:
            arm = f"', \"variant_id\":' || to_json({variant})" if variant != "NULL::VARCHAR" else "''"
            return f"""'{{"user_id":' || unit_text || ',"event_type":' || to_json({event_type}) || ',"timestamp":"'
                || strftime(make_timestamp(moment), '%Y-%m-%dT%H:%M:%S.%fZ') || '","event_id":' || to_json({event_id})
                || ',"experiments":[' || coalesce('{{"experiment_id":' || to_json(experiment) || {arm} || '}}', '')
                || '],"metrics":' || {metrics} || ',"properties":' || properties || '}}'"""
        key = f"""md5('["id",' || unit_text || ',' || to_json({event_id}) || ',0]')"""
        return f"""'{{"key":"' || {key} || '","unit":' || unit_text || ',"type":' || to_json({event_type})
            || ',"experiment":' || to_json(coalesce(kept_under, '')) || ',"variant":'
            || coalesce(to_json({variant}), 'null') || ',"occurred_at":' || moment
            || ',"metrics":' || {metrics} || ',"properties":' || properties || '}}'"""


def _epoch(moment: str) -> str:
    return f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"


def _epoch_of_number(number: str) -> str:
    return f"""CASE WHEN {number} < {SECONDS_FROM} THEN NULL
        WHEN {number} < {MILLISECONDS_FROM} THEN CAST(round({number} * 1e6) AS BIGINT)
        WHEN {number} < {MICROSECONDS_FROM} THEN CAST(round({number} * 1e3) AS BIGINT)
        WHEN {number} < {TOO_LARGE} THEN CAST({number} AS BIGINT) END"""
