"""Conditions and attributes of every kind, for properties that must hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from assay.model.audience import Operator

NAMES = st.sampled_from(["a", "b", "country", "timezone", "latitude", "longitude", "screen_width", "actions", "age"])
TIMES = st.sampled_from(["2026-02-05", "2026-02-05T10:30Z", "2025-12-31T23:59:59.999+14:00", "2028-02-29", "x", ""])
VERSIONS = st.sampled_from(["1", "v2.3", "1.2.3-beta.1", "1.2.3", "10.0.0.1", "1.2.3-beta.11+b", "1..2"])
TEXTS = st.sampled_from(["US", "DE", "us", "", "😀", "a.b", "Europe/Berlin", "asia/tokyo", "\ud800"]) | st.text(
    max_size=5
)
NUMBERS = st.integers(-1000, 1000) | st.floats(-1000, 1000, allow_nan=False)
SCALARS = st.booleans() | NUMBERS | TEXTS | TIMES | VERSIONS
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | TEXTS
    | TIMES
    | VERSIONS
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ACTIONS = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["buy", "view"]), "at": TIMES, "value": ANYTHING}) | ANYTHING,
    max_size=4,
)
ATTRIBUTES = st.fixed_dictionaries(
    {}, optional={"actions": ACTIONS, "timezone": TEXTS, "latitude": NUMBERS, "longitude": NUMBERS, "a": SCALARS}
) | st.dictionaries(NAMES, ANYTHING, max_size=4)

_LISTS = (Operator.IN, Operator.NOT_IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL)


@st.composite
def comparisons(draw: st.DrawFn) -> dict[str, Any]:
    """One comparison with a value that its operator takes."""
    op = draw(st.sampled_from(Operator))
    document: dict[str, Any] = {"attribute": draw(NAMES), "op": op.value}
    if op in _LISTS:
        document["value"] = draw(st.lists(SCALARS.filter(_in_unicode), min_size=1, max_size=3))
    elif op is Operator.BETWEEN:
        document["value"] = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    elif op in (Operator.WITHIN_LAST, Operator.LONGER_AGO):
        document["value"] = draw(st.floats(0, 10_000))
    elif op in (Operator.BEFORE, Operator.AFTER):
        document["value"] = draw(TIMES.filter(lambda text: len(text) > 1))
    elif op.value.startswith("version"):
        document["value"] = draw(VERSIONS.filter(lambda text: ".." not in text))
    elif op is Operator.MATCHES:
        document["value"] = draw(st.sampled_from([r"^[a-c]+\d*$", "U(?:S|K)?", r"\bx.y\b", "😀{1,2}"]))
    elif op in (Operator.STARTS_WITH, Operator.ENDS_WITH):
        document["value"] = draw(TEXTS.filter(_in_unicode))
    elif op in (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE):
        document["value"] = draw(NUMBERS | TEXTS.filter(_in_unicode))
    elif op not in (Operator.EXISTS, Operator.NOT_EXISTS):
        document["value"] = draw(SCALARS.filter(_in_unicode))
    return document


def _in_unicode(value: Any) -> bool:
    return not isinstance(value, str) or "\ud800" not in value


def _given(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the fields, at least one."""
    return st.fixed_dictionaries({}, optional=fields).filter(bool)


_CLOCKS = st.sampled_from(
    [{"start": "22:00", "end": "06:00"}, {"start": "00:00", "end": "24:00"}, {"start": "10:30", "end": "10:31"}]
)
TEMPORAL = st.builds(
    lambda given, zone: {"temporal": {**given, "timezone": zone}},
    _given(
        date_ranges=st.just([{"start": "2026-01-01T00:00:00Z", "end": "2026-02-05T00:00:00Z"}]),
        time_ranges=st.lists(_CLOCKS, min_size=1, max_size=2),
        days_of_week=st.lists(st.sampled_from(["monday", "thursday", "sunday"]), min_size=1),
        months=st.lists(st.sampled_from(["february", "july"]), min_size=1),
        seasons=st.lists(st.sampled_from(["winter", "summer"]), min_size=1),
        holidays=st.just([{"country": "US", "dates": ["2026-02-05", "2025-12-25"]}]),
    ),
    st.sampled_from(["UTC", "unit", "Pacific/Kiritimati", "America/New_York"]),
)
COORDINATES = st.sampled_from(
    [
        {"coordinates": {"north": 10.0, "south": -10.0, "east": -170.0, "west": 170.0}},
        {"coordinates": {"north": 90.0, "south": 0.0, "east": 180.0, "west": 0.0}},
    ]
)
SCREEN = _given(min_width=st.just(400), max_height=st.just(900), orientation=st.just("portrait")).map(
    lambda given: {"screen": given}
)
ACTION = _given(
    min_count=st.integers(0, 2), max_count=st.integers(2, 4), within_hours=st.floats(0, 9_000), max_value=NUMBERS
).map(lambda given: {"action": {"type": "buy", **given}})
LEAVES = comparisons() | TEMPORAL | COORDINATES | SCREEN | ACTION


def _combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, max_size=3)
    return (
        lists.map(lambda parts: {"and": parts})
        | lists.map(lambda parts: {"or": parts})
        | inner.map(lambda part: {"not": part})
        | inner.map(lambda part: {"segment": "s", "condition": part})
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: {
                "score": {"at_least": 0.1, "of": [{"weight": 0.1 + i, "if": p} for i, p in enumerate(parts)]}
            }
        )
    )


CONDITIONS = st.recursive(LEAVES, _combined, max_leaves=6)
