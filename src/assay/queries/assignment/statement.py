"""One query that assigns a whole table of units to an experiment, and says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from assay.assignment.bucketing import BUCKETS
from assay.assignment.snapshot import leads_to_cycle
from assay.errors import InvalidInput, NotFound
from assay.model.decision import Reason
from assay.model.design import Randomizer
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.queries.assignment.columns import ColumnKind, Scope
from assay.queries.assignment.conditions import attributes_of, condition_sql
from assay.queries.assignment.draws import drawn_text, out_of_traffic, undrawn, variant_number
from assay.queries.assignment.engines import FALSE, TRUE, engine_of

_UNIT = "assay_unit"
_FORCED = 1_000
"""Codes of decisions: the variant's place; that and 1,000 when forced; -1 and less for reasons without a variant."""
_CODES = {reason: -number for number, reason in enumerate(Reason, 1)}


def assignment_sql(
    experiments: Iterable[Experiment],
    key: str,
    *,
    dialect: str,
    table: str,
    unit: str,
    columns: Mapping[str, ColumnKind | str],
    now: datetime,
    keep: Sequence[str] = (),
) -> str:
    """A SELECT of `unit`, `keep`, `variant` and `reason` in experiment `key`, for every row of `table`.

    experiments: those that started, prerequisites included. dialect: duckdb, clickhouse, postgres or spark. table: a
    name, dots between its parts, or a subquery in brackets. unit: the column with the unit; it is read as text.
    columns: what each column that is an attribute holds; an attribute without a column is missing for every unit.
    now: the time of the decision, aware, one for all. variant is NULL where the unit has none.
    Raises NotFound, and InvalidInput for what SQL cannot say: conditions on actions, naive times, unknown dialects.
    """
    known = {item.key: item for item in experiments if item.status not in (Status.DRAFT, Status.REVIEW)}
    if key not in known:
        raise NotFound("started experiment", key, known=known)
    if now.tzinfo is None:
        raise InvalidInput("now", now.isoformat(), "a time with an offset")
    scope = Scope(engine_of(dialect), {name: ColumnKind(kind) for name, kind in columns.items()}, now)
    return _Statement(known, scope).render(key, table, unit, keep)


class _Statement:
    """Three layers of subqueries: the columns needed, every hash once, and the codes, parents first."""

    def __init__(self, known: Mapping[str, Experiment], scope: Scope) -> None:
        self._known, self._scope, self._engine = known, scope, scope.engine
        self._hashes: dict[str, str] = {}
        parents = {item.key: [need.experiment for need in item.prerequisites] for item in known.values()}
        self._cyclic = {name for name in parents if parents[name] and leads_to_cycle(name, parents) is not None}

    def render(self, key: str, table: str, unit: str, keep: Sequence[str]) -> str:
        asked = self._asked(key)
        codes = [(name, self._code(self._known[name])) for name in asked]
        read = sorted({name for item in asked for name in self._read(self._known[item])} & set(self._scope.columns))
        quote = self._engine.identifier
        kept = [quote(name) for name in keep]
        carried = list(dict.fromkeys([*map(quote, read), *kept]))
        columns = [f"{self._engine.as_text(quote(unit))} AS {_UNIT}", *carried]
        query = f"SELECT {', '.join(columns)} FROM {self._table(table)}"
        if self._hashes:
            hashes = ", ".join(f"{text} AS {name}" for text, name in self._hashes.items())
            query = f"SELECT *, {hashes} FROM ({query}) AS units{self._engine.fence}"
        for name, code in codes:
            query = f"SELECT *, {code} AS {self._name(name)} FROM ({query}) AS decided{self._engine.fence}"
        code, experiment = self._name(key), self._known[key]
        shown = ", ".join([f"{_UNIT} AS {quote(unit)}", *kept])
        variant, reason = self._variant(experiment, code), self._reason(code)
        return f"SELECT {shown}, {variant} AS variant, {reason} AS reason FROM ({query}) AS assigned"

    def _asked(self, key: str) -> list[str]:
        """The experiment and all that it depends on, parents first. Those before a circle ask nobody."""
        order: list[str] = []
        waiting = [(key, False)]
        while waiting:
            name, leaving = waiting.pop()
            if leaving:
                order.append(name)
            elif name not in order and name in self._known:
                waiting.append((name, True))
                if name not in self._cyclic:
                    waiting.extend((need.experiment, False) for need in self._known[name].prerequisites)
        return list(dict.fromkeys(order))

    def _read(self, experiment: Experiment) -> set[str]:
        own = experiment.randomization
        names = {*attributes_of(experiment.audience.condition), *own.strata_by}
        return names | ({own.attribute} if own.attribute else set())

    def _table(self, table: str) -> str:
        if table.startswith("("):
            return f"{table} AS given"
        return ".".join(self._engine.identifier(part) for part in table.split("."))

    def _name(self, experiment: str) -> str:
        return f"assay_code_{list(self._known).index(experiment)}"

    def _hash(self, text: str, key: str, salt: str) -> str:
        """The column with the digest of a text under a key and a salt."""
        digest = self._engine.digest(self._engine.joined([text, self._engine.text(f":{key}:{salt}")]))
        return self._hashes.setdefault(digest, f"assay_hash_{len(self._hashes)}")

    def _code(self, experiment: Experiment) -> str:
        """Every question in its order; the first that ends it gives the code."""
        live = any(variant.weight > 0 for variant in experiment.variants)
        if experiment.status is not Status.RUNNING or not live:
            return self._cases([(self._invalid(), _CODES[Reason.INVALID_UNIT])], str(_CODES[Reason.NOT_RUNNING]))
        cases: list[tuple[str, int]] = [(self._invalid(), _CODES[Reason.INVALID_UNIT]), *self._lists(experiment)]
        for holdout in experiment.holdouts:
            kept_out = self._in_slice(self._hash(_UNIT, holdout.holdout, holdout.salt), 0, holdout.share)
            cases.append((kept_out, _CODES[Reason.IN_HOLDOUT]))
        if experiment.layer is not None:
            place = self._hash(_UNIT, experiment.layer.layer, experiment.layer.salt)
            slots = [self._in_slice(place, slot.start, slot.end) for slot in experiment.layer.slots]
            cases.append((f"NOT ({' OR '.join(slots) or FALSE})", _CODES[Reason.NOT_IN_LAYER]))
        if experiment.prerequisites:
            cases.append((self._unmet(experiment), _CODES[Reason.PREREQUISITE_NOT_MET]))
        if not experiment.audience.everyone:
            matches = condition_sql(experiment.audience.condition, self._scope)
            cases.append((f"NOT {matches}", _CODES[Reason.NOT_IN_AUDIENCE]))
        return self._cases(*self._draw(experiment, cases))

    def _draw(self, experiment: Experiment, cases: list[tuple[str, int]]) -> tuple[list[tuple[str, int]], str]:
        text = drawn_text(experiment, _UNIT, self._scope)
        nothing = undrawn(experiment, text, self._scope)
        if nothing != FALSE:
            cases.append((nothing, _CODES[Reason.NO_RANDOMIZATION_UNIT]))
        if text is None:
            return cases, str(_CODES[Reason.NO_RANDOMIZATION_UNIT])
        digest = self._hash(text, experiment.key, experiment.salt)
        outside = out_of_traffic(experiment, digest, self._scope)
        if outside != FALSE:
            cases.append((outside, _CODES[Reason.NOT_IN_TRAFFIC]))
        if experiment.randomization.method is Randomizer.CUSTOM:
            return cases, str(_CODES[Reason.NOT_SUPPORTED])
        return cases, variant_number(experiment, digest, self._scope)

    def _cases(self, cases: Sequence[tuple[str, int]], last: str) -> str:
        return f"CASE {' '.join(f'WHEN {test} THEN {code}' for test, code in cases)} ELSE {last} END"

    def _invalid(self) -> str:
        return f"{_UNIT} IS NULL OR {_UNIT} = ''"

    def _lists(self, experiment: Experiment) -> Iterable[tuple[str, int]]:
        places = {variant.key: number for number, variant in enumerate(experiment.variants)}
        for key, number in places.items():
            units = [unit for unit, variant in experiment.forced.items() if variant == key]
            if units:
                yield self._listed(units), _FORCED + number
        if experiment.deny:
            yield self._listed(experiment.deny), _CODES[Reason.DENIED]
        if experiment.allow:
            yield f"NOT {self._listed(experiment.allow)}", _CODES[Reason.NOT_ALLOWED]

    def _listed(self, units: Iterable[str]) -> str:
        return f"{_UNIT} IN ({', '.join(map(self._engine.text, units))})"

    def _in_slice(self, digest: str, start: int, end: int) -> str:
        parts = []
        if start > 0:
            parts.append(f"NOT {self._engine.below(digest, start)}" if start < BUCKETS else FALSE)
        if end < BUCKETS:
            parts.append(self._engine.below(digest, end) if end > 0 else FALSE)
        return f"({' AND '.join(parts) or TRUE})"

    def _unmet(self, experiment: Experiment) -> str:
        if experiment.key in self._cyclic:
            return TRUE
        parts = []
        for need in experiment.prerequisites:
            parent = self._known.get(need.experiment)
            if parent is None:
                return TRUE
            numbers = [n for n, item in enumerate(parent.variants) if not need.variants or item.key in need.variants]
            accepted = ", ".join(str(code) for n in numbers for code in (n, n + _FORCED))
            parts.append(f"{self._name(need.experiment)} NOT IN ({accepted})" if accepted else TRUE)
        return f"({' OR '.join(parts)})"

    def _variant(self, experiment: Experiment, code: str) -> str:
        keys = enumerate(experiment.variants)
        whens = [f"WHEN {code} IN ({n}, {n + _FORCED}) THEN {self._engine.text(item.key)}" for n, item in keys]
        return f"CASE {' '.join(whens)} END" if whens else f"NULLIF({self._engine.text('')}, '')"

    def _reason(self, code: str) -> str:
        whens = [f"WHEN {code} >= {_FORCED} THEN 'forced'", f"WHEN {code} >= 0 THEN 'assigned'"]
        whens += [f"WHEN {code} = {number} THEN '{reason.value}'" for reason, number in _CODES.items()]
        return f"CASE {' '.join(whens)} END"
