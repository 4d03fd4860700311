"""Short ways to analyse one metric in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.model.metric import Direction, Measure, Metric, MetricKind, Role
from assay.model.moments import VALUE, Moments
from assay.model.plan import Correction, Plan
from assay.model.result import Comparison, Interval, MetricResult, Validity
from assay.stats.experiment import analyse_metrics


def metric_of(kind: MetricKind, key: str = "m", role: Role = Role.PRIMARY, **more: object) -> Metric:
    denominator = Measure(event="d") if kind is MetricKind.RATIO else None
    field = "f" if kind in (MetricKind.SUM, MetricKind.MEAN, MetricKind.QUANTILE) else None
    if kind is MetricKind.QUANTILE:
        more.setdefault("quantile", 0.5)
    return Metric(key=key, kind=kind, event="e", field=field, denominator=denominator, role=role, **more)  # type: ignore[arg-type]


def analysed(
    kind: MetricKind,
    arms: Mapping[str, Moments],
    validity: Validity = Validity.FIXED,
    *,
    alpha: float = 0.05,
    direction: Direction = Direction.INCREASE,
    tuning_units: int = 1_000,
) -> MetricResult:
    """One metric, no correction, control 'c'."""
    (result,), failures = analyse_metrics(
        [metric_of(kind, direction=direction)],
        {"m": arms},
        control="c",
        plan=Plan(alpha=alpha, correction=Correction.NONE),
        validity=validity,
        tuning_units=tuning_units,
    )
    assert not failures
    return result


def compared(
    kind: MetricKind,
    treatment: Moments,
    control: Moments,
    validity: Validity = Validity.FIXED,
    *,
    alpha: float = 0.05,
    tuning_units: int = 1_000,
) -> Comparison:
    """One treatment against the control."""
    arms = {"c": control, "t": treatment}
    return analysed(kind, arms, validity, alpha=alpha, tuning_units=tuning_units).comparisons[0]


def mean_of(n: int, mean: float, sd: float) -> Moments:
    """Moments of n units with this mean and sample standard deviation."""
    return Moments(n, (VALUE,), (mean,), ((n - 1) * sd * sd,))


def rows(values: Sequence[float]) -> Moments:
    return Moments.of((VALUE,), [(value,) for value in values])


def bounds(interval: object) -> tuple[float, float]:
    """Both bounds of an interval that has them."""
    assert isinstance(interval, Interval), interval
    assert interval.lower is not None
    assert interval.upper is not None
    return interval.lower, interval.upper
