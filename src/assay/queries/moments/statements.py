"""The SQL itself: exposures → who is compared, events → columns per unit, units → moments per variant."""

from __future__ import annotations

from collections.abc import Sequence

from assay.model.event import microseconds
from assay.model.measurement import MomentsRequest
from assay.queries.moments.chunks import Chunk
from assay.queries.moments.dialects import Dialect
from assay.queries.moments.features import Amount, Feature, Part, Shape, TooEarly, amount_sql, column_sql
from assay.queries.moments.layout import Layout

SAMPLING_SALT = ":sample"


def exposed_sql(requests: Sequence[MomentsRequest], layout: Layout, condition: str = "") -> str:
    """Units per experiment: their arm, when they met it first, and whether they met a second one."""
    dialect = layout.dialect
    conditions = [f"e.experiment IN ({_keys(requests, dialect)})", *_bounded("e.first_at", "e", requests, dialect)]
    sampled = _sampled(requests, dialect)
    conditions += [item for item in (sampled, condition) if item]
    return (
        "SELECT e.experiment AS experiment, e.unit AS unit, MIN(e.variant) AS arm, MIN(e.first_at) AS met_at,\n"
        "       CASE WHEN MIN(e.variant) = MAX(e.variant) THEN 0 ELSE 1 END AS twice\n"
        f"FROM {layout.exposures} AS e\n"
        f"WHERE {' AND '.join(conditions)}\n"
        "GROUP BY e.experiment, e.unit"
    )


def ticks_sql(chunk: Chunk, layout: Layout, condition: str = "") -> str:
    """The events that matter, one column per amount."""
    dialect, places = layout.dialect, amounts(chunk)
    selected = ["v.unit AS unit", "v.experiment AS named", "v.occurred_at AS at_us"]
    selected += [
        f"{amount_sql(amount, layout.field(amount[1]) if amount[1] else '', dialect)} AS {name}"
        for amount, name in places.items()
    ]
    conditions = [condition] if condition else []
    if all(event is not None for event, _ in places):
        kinds = sorted({event for event, _ in places if event is not None})
        conditions.append(f"v.type IN ({', '.join(map(dialect.text, kinds))})")
    where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {', '.join(selected)}\nFROM {layout.events} AS v{where}"


def per_unit_sql(chunk: Chunk, layout: Layout, *, everyone: bool = False) -> str:
    """The chunk's columns per unit that has events, out of the relations ticks and exposed. everyone: also of those
    without events or in two variants, NULL in every column, with met_at and twice."""
    dialect, places = layout.dialect, amounts(chunk)
    columns = [f"{column_sql(column, places, dialect)} AS {chunk.place(column)}" for column in chunk.columns]
    conditions = ["x.twice = 0", "(t.named = '' OR t.named = x.experiment)"]
    conditions += _bounded("t.at_us", "x", chunk.requests, dialect)
    known = ("experiment", "unit", "arm", *(("met_at", "twice") if everyone else ()))
    selected = ",\n       ".join([*(f"x.{name} AS {name}" for name in known), *columns])
    matched = " AND ".join(conditions)
    joined = (
        f"FROM exposed AS x LEFT JOIN ticks AS t ON t.unit = x.unit AND {matched}"
        if everyone
        else f"FROM ticks AS t JOIN exposed AS x ON x.unit = t.unit\nWHERE {matched}"
    )
    return f"SELECT {selected}\n{joined}\nGROUP BY {', '.join(f'x.{name}' for name in known)}"


def valued_sql(chunk: Chunk, layout: Layout, source: str = "per_unit") -> str:
    """What the metrics make of the columns: a value per unit, and what stands beside it."""
    selected = ["p.experiment AS experiment", "p.arm AS arm"]
    selected += [f"p.{chunk.place(item)} AS b{i}" for i, item in enumerate(chunk.early)]
    for i, shape in enumerate(chunk.shapes):
        selected += [
            f"{_of_unit(shape, name, chunk, layout.dialect)} AS s{i}_{j}" for j, name in enumerate(shape.names)
        ]
    return f"SELECT {', '.join(selected)}\nFROM {source} AS p"


def centres_sql(chunk: Chunk) -> str:
    """Counts and means per experiment and variant, out of the relation valued."""
    selected = ["u.experiment AS experiment", "u.arm AS arm"]
    selected += [f"SUM(u.b{i}) AS early_{i}" for i in range(len(chunk.early))]
    for i, shape in enumerate(chunk.shapes):
        selected += [f"COUNT(u.s{i}_0) AS n_{i}", f"MAX(u.s{i}_0) AS max_{i}"]
        selected += [f"AVG(u.s{i}_{j}) AS mean_{i}_{j}" for j in range(len(shape.names))]
    return f"SELECT {', '.join(selected)}\nFROM valued AS u\nGROUP BY u.experiment, u.arm"


def crossed_sql(chunk: Chunk) -> str:
    """Sums of products about the means, out of the relations valued and centres: a large mean costs no digits."""
    centred, summed = ["u.experiment AS experiment", "u.arm AS arm"], ["d.experiment AS experiment", "d.arm AS arm"]
    for i, shape in enumerate(chunk.shapes):
        n = len(shape.names)
        centred += [f"u.s{i}_{j} - c.mean_{i}_{j} AS d{i}_{j}" for j in range(n)]
        summed += [f"SUM(d.d{i}_{j} * d.d{i}_{k}) AS cross_{i}_{j}_{k}" for j in range(n) for k in range(j, n)]
    inner = (
        f"SELECT {', '.join(centred)}\n"
        "    FROM valued AS u JOIN centres AS c ON c.experiment = u.experiment AND c.arm = u.arm"
    )
    return f"SELECT {', '.join(summed)}\nFROM (\n    {inner}\n) AS d\nGROUP BY d.experiment, d.arm"


def sums_sql(chunk: Chunk) -> str:
    """Moments per experiment and variant, out of the relations centres and crossed; in the order `answers` reads."""
    selected = ["c.experiment", "c.arm", *(f"c.early_{i}" for i in range(len(chunk.early)))]
    for i, shape in enumerate(chunk.shapes):
        n = len(shape.names)
        selected += [f"c.n_{i}", f"c.max_{i}", *(f"c.mean_{i}_{j}" for j in range(n))]
        selected += [f"x.cross_{i}_{j}_{k}" for j in range(n) for k in range(j, n)]
    joined = "FROM centres AS c JOIN crossed AS x ON x.experiment = c.experiment AND x.arm = c.arm"
    return f"SELECT {', '.join(selected)}\n{joined}"


def counts_sql(chunk: Chunk) -> str:
    """How many units have each value, for the first shape, out of the relation valued."""
    return (
        "SELECT u.experiment AS experiment, u.arm AS arm, u.s0_0 AS amount, COUNT(*) AS n_units\n"
        "FROM valued AS u\nWHERE u.s0_0 IS NOT NULL\nGROUP BY u.experiment, u.arm, u.s0_0"
    )


def units_sql() -> str:
    """Units per experiment and variant, those in two variants apart, out of the relation exposed."""
    return (
        "SELECT x.experiment AS experiment, x.arm AS arm, x.twice AS twice, COUNT(*) AS n_units,\n"
        "       MIN(x.met_at) AS met_at\nFROM exposed AS x\nGROUP BY x.experiment, x.arm, x.twice"
    )


def amounts(chunk: Chunk) -> dict[Amount, str]:
    """The tick column of each amount that the chunk adds up."""
    found: set[Amount] = set()
    for column in chunk.columns:
        if isinstance(column, Feature):
            found.add(column.amount)
        else:
            found |= {amount for amount, _ in column.covered}
    return {amount: f"a{i}" for i, amount in enumerate(sorted(found, key=repr))}


def merged_sql(column: Feature | TooEarly, old: str, new: str) -> str:
    """Two numbers of a column made one; either may be NULL."""
    if column.part in (Part.SUM, Part.COUNT):
        return f"CASE WHEN {old} IS NULL THEN {new} WHEN {new} IS NULL THEN {old} ELSE {old} + {new} END"
    sign = "<" if column.part is Part.MIN else ">"
    return f"CASE WHEN {old} IS NULL OR {new} {sign} {old} THEN {new} ELSE {old} END"


def _of_unit(shape: Shape, name: str, chunk: Chunk, dialect: Dialect) -> str:
    value = _bounded_value(shape, name, chunk, dialect)
    first = shape.names[0]
    if name == first:
        return value if shape.needs_value else f"COALESCE({value}, {dialect.number(0)})"
    filled = f"COALESCE({value}, {dialect.number(0)})"
    if not shape.needs_value:
        return filled
    return f"CASE WHEN {_bounded_value(shape, first, chunk, dialect)} IS NOT NULL THEN {filled} END"


def _bounded_value(shape: Shape, name: str, chunk: Chunk, dialect: Dialect) -> str:
    features = dict(shape.columns)[name]
    places = [f"p.{chunk.place(feature)}" for feature in features]
    value = places[0] if len(places) == 1 else f"{places[0]} / {places[1]}"
    if not shape.capped(name) or shape.cap is None:
        return value
    cap = dialect.number(shape.cap)
    # By CASE, because `least` skips NULL in some engines.
    return f"CASE WHEN {value} > {cap} THEN {cap} ELSE {value} END"


def _keys(requests: Sequence[MomentsRequest], dialect: Dialect) -> str:
    return ", ".join(dialect.text(request.experiment) for request in requests)


def _bounded(moment: str, alias: str, requests: Sequence[MomentsRequest], dialect: Dialect) -> list[str]:
    """The condition that a moment is before the end of its experiment, if any has one."""
    ends = [(request.experiment, microseconds(request.until)) for request in requests if request.until is not None]
    if not ends:
        return []
    if len(requests) == 1:
        return [f"{moment} < {ends[0][1]}"]
    whens = " ".join(f"WHEN {alias}.experiment = {dialect.text(key)} THEN {at}" for key, at in ends)
    return [f"{moment} < CASE {whens} ELSE {2**62} END"]


def _sampled(requests: Sequence[MomentsRequest], dialect: Dialect) -> str:
    """The condition that a unit is in its experiment's sample, if any is sampled."""
    sampled = [(request.experiment, request.one_in) for request in requests if request.one_in > 1]
    if not sampled:
        return ""
    salted = f"CONCAT(e.unit, {dialect.text(SAMPLING_SALT)})"
    whens = " ".join(f"WHEN e.experiment = {dialect.text(key)} THEN {one_in}" for key, one_in in sampled)
    return f"MOD({dialect.share.format(salted)}, CASE {whens} ELSE 1 END) = 0"
