"""One query that assigns a whole table of units to an experiment, and says why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from assay.assignment.bucketing import BUCKETS
from assay.assignment.snapshot import leads_to_cycle
from assay.errors import InvalidInput, NotFound
from assay.model.decision import Reason
from assay.model.design import Randomizer
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.model.table import ColumnKind
from assay.queries.assignment.columns import Scope
from assay.queries.assignment.conditions import attributes_of, condition_sql
from assay.queries.assignment.dialects import engine_of
from assay.queries.assignment.draws import drawn_text, out_of_traffic, undrawn, variant_number
from assay.queries.assignment.engines import FALSE, TRUE

_UNIT = "assay_unit"
_FORCED = 1_000
"""Codes of decisions: the variant's place; that and 1,000 when forced; below 0 for reasons without a variant."""
_CODES = {reason: -number for number, reason in enumerate(Reason, 1)}
_Cases = list[tuple[str, int]]


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
        self._fences = 0
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
        query = f"SELECT {', '.join(columns)}\nFROM {self._table(table)}"
        if self._hashes:
            hashes = ", ".join(f"{text} AS {name}" for text, name in self._hashes.items())
            query = f"SELECT *, {hashes}{self._fence()}\nFROM ({query}) AS units"
        for name, code in codes:
            query = f"SELECT *, {code} AS {self._name(name)}{self._fence()}\nFROM ({query}) AS decided"
        code, experiment = self._name(key), self._known[key]
        decided = dict(codes)[key]
        shown = ", ".join([f"{_UNIT} AS {quote(unit)}", *kept])
        variant, reason = self._variant(experiment, code), self._reason(experiment, code, decided)
        return f"SELECT {shown},\n  {variant} AS variant,\n  {reason} AS reason\nFROM ({query}) AS assigned"

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

    def _fence(self) -> str:
        self._fences += 1
        return f", {self._engine.fence} AS assay_fence_{self._fences}" if self._engine.fence else ""

    def _table(self, table: str) -> str:
        if table.startswith("("):
            return f"{table} AS given"
        return ".".join(self._engine.identifier(part) for part in table.split("."))

    def _name(self, experiment: str) -> str:
        return f"assay_code_{list(self._known).index(experiment)}"

    def _hash(self, text: str, key: str, salt: str, *, only: str = TRUE) -> str:
        """The column with the digest of a text under a key and a salt; NULL where `only` is not true."""
        digest = self._engine.digest(self._engine.joined([text, self._engine.text(f":{key}:{salt}")]))
        if only != TRUE:
            digest = f"CASE WHEN {only} THEN {digest} END"
        return self._hashes.setdefault(digest, f"assay_hash_{len(self._hashes)}")

    def _code(self, experiment: Experiment) -> str:
        """Every question in its order; the first that ends it gives the code."""
        invalid = (self._engine.is_blank(_UNIT), _CODES[Reason.INVALID_UNIT])
        live = any(variant.weight > 0 for variant in experiment.variants)
        if experiment.status is not Status.RUNNING or not live:
            return self._cases([invalid], self._last(Reason.NOT_RUNNING))
        cases: _Cases = [invalid, *self._lists(experiment)]
        for holdout in experiment.holdouts:
            kept_out = self._in_slice(self._hash(_UNIT, holdout.holdout, holdout.salt), 0, holdout.share)
            cases.append((kept_out, _CODES[Reason.IN_HOLDOUT]))
        if experiment.layer is not None:
            place = self._hash(_UNIT, experiment.layer.layer, experiment.layer.salt)
            slots = [self._in_slice(place, slot.start, slot.end) for slot in experiment.layer.slots]
            cases.append((f"NOT ({' OR '.join(slots) or FALSE})", _CODES[Reason.NOT_IN_LAYER]))
        if experiment.prerequisites:
            cases.append((self._unmet(experiment), _CODES[Reason.PREREQUISITE_NOT_MET]))
        return self._cases(*self._draw(experiment, cases))

    def _draw(self, experiment: Experiment, cases: _Cases) -> tuple[_Cases, str]:
        text = drawn_text(experiment, _UNIT, self._scope)
        audience = experiment.audience
        matches = TRUE if audience.everyone else condition_sql(audience.condition, self._scope)
        # Nothing is hashed for units outside the audience. Where the unit itself is drawn that also says who is out.
        told_by_hash = self._engine.spares and matches != TRUE and text == _UNIT
        if matches != TRUE and not told_by_hash:
            cases.append((f"NOT {matches}", _CODES[Reason.NOT_IN_AUDIENCE]))
        if told_by_hash:
            digest = self._hash(_UNIT, experiment.key, experiment.salt, only=matches)
            cases.append((f"{digest} IS NULL", _CODES[Reason.NOT_IN_AUDIENCE]))
        nothing = undrawn(experiment, text, self._scope)
        if nothing != FALSE:
            cases.append((nothing, _CODES[Reason.NO_RANDOMIZATION_UNIT]))
        if text is None:
            return cases, self._last(Reason.NO_RANDOMIZATION_UNIT)
        if not told_by_hash:
            digest = self._hash(text, experiment.key, experiment.salt)
        outside = out_of_traffic(experiment, digest, self._scope)
        if outside != FALSE:
            cases.append((outside, _CODES[Reason.NOT_IN_TRAFFIC]))
        if experiment.randomization.method is Randomizer.CUSTOM:
            return cases, self._last(Reason.NOT_SUPPORTED)
        return cases, variant_number(experiment, digest, self._scope)

    def _cases(self, cases: _Cases, last: str) -> str:
        whens = [f"WHEN {test} THEN {self._engine.code(code)}" for test, code in cases]
        return "CASE\n  " + "\n  ".join(whens) + f"\n  ELSE {last} END"

    def _last(self, reason: Reason) -> str:
        return self._engine.code(_CODES[reason])

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
        held = [self._engine.text(unit) for unit in units if self._engine.can_hold(unit)]
        return f"{_UNIT} IN ({', '.join(held)})" if held else FALSE

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
        names = {number: item.key for number, item in enumerate(experiment.variants)}
        chosen = f"({code} % {_FORCED})" if experiment.forced else code
        return self._engine.named(chosen, names)

    def _reason(self, experiment: Experiment, code: str, decided: str) -> str:
        names = {0: Reason.ASSIGNED.value}
        # Only what the query can answer is named: fewer comparisons for every row.
        names |= {number: reason.value for reason, number in _CODES.items() if self._answers(reason, decided)}
        if experiment.forced:
            names[-_FORCED] = Reason.FORCED.value
        return self._engine.outcome(code, names, _FORCED if experiment.forced else None)

    def _answers(self, reason: Reason, decided: str) -> bool:
        return re.search(rf"{re.escape(self._last(reason))}(?!\d)", decided) is not None
