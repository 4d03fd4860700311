"""What must hold for every unit, share and audience."""

from __future__ import annotations

import math
import subprocess
import sys
from bisect import bisect_right
from datetime import datetime, timezone
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.assignment.bucketing import digest_of, first_bytes, traffic_bucket, variant_bucket
from assay.assignment.evaluate import evaluate
from assay.assignment.snapshot import Snapshot, compile_snapshot
from assay.model.audience import Audience, parse_condition
from assay.model.decision import Reason
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.model.shares import PARTS, even_parts, split_parts
from tests.assignment.strategies import ANYTHING, ATTRIBUTES, CONDITIONS, TEXTS

NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)
MOMENTS = st.datetimes(timezones=st.just(timezone.utc))


def snapshot_of(*, traffic: int = PARTS, shares: tuple[float, ...] = (0.5, 0.5), **changes: Any) -> Snapshot:
    parts = split_parts(shares, "weights")
    variants = tuple(Variant(key=f"v{i}", weight=weight) for i, weight in enumerate(parts))
    values: dict[str, Any] = {"key": "e", "name": "e", "salt": "s", **changes}
    experiment = Experiment(stage=Stage.RUNNING, traffic=traffic, variants=variants, **values)
    return compile_snapshot([experiment], version=1)


def variants_of(snapshot: Snapshot, n_units: int) -> list[str | None]:
    return [evaluate(snapshot, f"unit{i}", {}, NOW, snapshot.running)[0].variant for i in range(n_units)]


@given(st.text(), st.integers(0, PARTS), st.integers(0, PARTS))
def test_growing_traffic_moves_nobody(unit: str, one: int, other: int) -> None:
    low, high = sorted((one, other))
    before = evaluate(snapshot_of(traffic=low), unit, {}, NOW, ["e"])[0]
    after = evaluate(snapshot_of(traffic=high), unit, {}, NOW, ["e"])[0]
    if before.variant is not None:
        assert after.variant == before.variant


def by_integers(digest: bytes, traffic: int, weights: tuple[int, ...]) -> tuple[str | None, Reason]:
    """The outcome as the algorithm is written down, in whole numbers."""
    if traffic_bucket(digest) >= traffic:
        return None, Reason.NOT_IN_TRAFFIC
    return f"v{bisect_right(list(accumulate(weights)), variant_bucket(digest))}", Reason.ASSIGNED


@given(
    st.text(st.characters(), min_size=1),
    st.integers(0, PARTS),
    st.lists(st.integers(1, 100), min_size=2, max_size=11),
)
def test_comparing_bytes_decides_as_the_integers_do(unit: str, traffic: int, raw: list[int]) -> None:
    shares = tuple(value / sum(raw) for value in raw)
    (decision,) = evaluate(snapshot_of(traffic=traffic, shares=shares), unit, {}, NOW, ["e"])
    expected = by_integers(digest_of(unit, "e", "s"), traffic, split_parts(shares, "weights"))
    assert (decision.variant, decision.reason) == expected


@given(st.integers(1, PARTS - 1), st.binary(min_size=12, max_size=12))
def test_a_bucket_begins_at_its_first_bytes(bucket: int, rest: bytes) -> None:
    first = first_bytes(bucket)
    before = (int.from_bytes(first, "big") - 1).to_bytes(4, "big")
    assert (variant_bucket(before + rest), variant_bucket(first + rest)) == (bucket - 1, bucket)


@pytest.mark.parametrize("rest", [bytes(8), b"\xff" * 8])
@pytest.mark.parametrize("step", [-1, 0, 1])
@pytest.mark.parametrize("bucket", [1, 333_333, 500_000, 999_999])
def test_the_edge_of_a_slice_belongs_to_the_next(
    bucket: int, step: int, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = (int.from_bytes(first_bytes(bucket), "big") + step).to_bytes(4, "big")
    snapshot = snapshot_of(traffic=bucket, shares=(bucket / PARTS, 1 - bucket / PARTS))
    for digest in (four + bytes(4) + rest, four + four + rest):
        monkeypatch.setattr("assay.assignment.evaluate.md5", lambda _, d=digest: SimpleNamespace(digest=lambda: d))
        (decision,) = evaluate(snapshot, "u", {}, NOW, ["e"])
        assert (decision.variant, decision.reason) == by_integers(digest, bucket, (bucket, PARTS - bucket))


@given(ANYTHING | TEXTS, ATTRIBUTES | ANYTHING, CONDITIONS, MOMENTS)
@settings(max_examples=500)
def test_evaluation_never_raises(unit: Any, attributes: Any, condition: dict[str, Any], now: datetime) -> None:
    snapshot = snapshot_of(audience=Audience(parse_condition(condition)))
    (decision,) = evaluate(snapshot, unit, attributes, now, ["e"])
    assert (decision.variant is None) == (decision.reason is not Reason.ASSIGNED)
    assert [item.variant for item in evaluate(snapshot, unit, attributes, now)] == [decision.variant] * decision.counts


@given(CONDITIONS)
def test_a_condition_survives_its_document(document: dict[str, Any]) -> None:
    condition = parse_condition(document)
    assert parse_condition(condition.to_document()) == condition


def test_shares_lie_within_exact_bounds() -> None:
    n = 40_000
    shares = (0.1, 0.6, 0.3)
    seen = variants_of(snapshot_of(shares=shares), n)
    for i, share in enumerate(shares):
        # Hoeffding at 1e-9: no luck needed, and the hash is fixed anyway.
        assert abs(seen.count(f"v{i}") / n - share) < math.sqrt(math.log(2e9) / (2 * n))


def test_two_experiments_split_independently() -> None:
    n = 20_000
    one = variants_of(snapshot_of(key="one"), n)
    two = variants_of(snapshot_of(key="two"), n)
    table = [
        [sum(a == x and b == y for a, b in zip(one, two, strict=True)) for y in ("v0", "v1")] for x in ("v0", "v1")
    ]
    expected = n / 4
    chi_square = sum((cell - expected) ** 2 / expected for row in table for cell in row)
    assert chi_square < 27.9  # chi-square with 3 degrees of freedom beyond 1 - 4e-6


def test_variant_and_traffic_are_independent() -> None:
    seen = [v for v in variants_of(snapshot_of(traffic=PARTS // 5), 50_000) if v is not None]
    assert abs(seen.count("v0") / len(seen) - 0.5) < math.sqrt(math.log(2e9) / (2 * len(seen)))


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=11))
def test_weights_sum_exactly(raw: list[float]) -> None:
    shares = [value / math.fsum(raw) for value in raw]
    assert sum(split_parts(shares, "weights")) == PARTS
    assert sum(even_parts(len(raw))) == PARTS


def test_evaluation_needs_only_the_standard_library() -> None:
    code = (
        "import sys, assay.assignment.evaluate, assay.model.result; print([m for m in sys.modules if m in "
        "('numpy', 'scipy', 'msgspec', 'pydantic', 'sqlglot', 'duckdb', 'sqlalchemy')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
