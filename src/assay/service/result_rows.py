"""A result as rows of short texts: what the terminal and the notebook show of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from assay import wording
from assay.model.metric import MetricKind
from assay.model.result import ArmEstimate, Comparison, ExperimentResult, Interval, MetricResult, NoEstimate

HEADINGS = ("metric", "variant", "units", "value", "difference", "lift", "p", "p adjusted")
NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One variant of one metric. difference and lift carry their intervals; control rows have neither.

    better: whether a significant difference is for the better; None when nothing can be told.
    """

    metric: str
    variant: str
    units: str
    value: str
    difference: str = ""
    lift: str = ""
    p: str = ""
    p_adjusted: str = ""
    better: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """The texts in the order of HEADINGS."""
        return (
            self.metric, self.variant, self.units, self.value, self.difference, self.lift, self.p, self.p_adjusted
        )  # fmt: skip


def result_rows(result: ExperimentResult) -> list[ResultRow]:
    """One row per metric and variant, control first; the first two rows name the metric, its kind and its role."""
    rows = []
    for metric in result.metrics:
        names = (metric.title, f"{metric.kind.value}, {metric.role.value}")
        for i, row in enumerate(metric_rows(metric)):
            rows.append(replace(row, metric=names[i] if i < len(names) else ""))
    return rows


def metric_rows(metric: MetricResult) -> list[ResultRow]:
    """One row per variant of one metric, control first."""
    return [_row(metric, arm, metric.title) for arm in metric.arms]


def shows_adjusted(result: ExperimentResult) -> bool:
    """Whether a family has more than one p-value, so that raw and adjusted ones differ."""
    return any(metric.family_size > 1 for metric in result.metrics)


def ratio_sentence(result: ExperimentResult) -> str:
    """The sample-ratio check in one line."""
    ratio = result.sample_ratio
    total = sum(ratio.observed.values()) or 1
    whole = math.fsum(ratio.expected.values()) or 1.0
    parts = [
        f"{variant} {wording.count(n)} ({wording.percent(n / total)}, planned "
        f"{wording.percent(ratio.expected.get(variant, 0.0) / whole)})"
        for variant, n in ratio.observed.items()
    ]
    p = f"p {significant(ratio.p_value, sign='=')}"
    verdict = "MISMATCH: these numbers cannot be trusted" if ratio.mismatch else "no mismatch at"
    verdict += "" if ratio.mismatch else f" {result.plan.srm_alpha:g}"
    return f"{'; '.join(parts)}; {p}: {verdict}"


def notes(result: ExperimentResult) -> list[str]:
    """Metrics that failed, numbers that could not be computed and why, and what CUPED did."""
    found = [f"{key}: not analysed: {reason}" for key, reason in result.failures.items()]
    if result.quality.sampled_one_in > 1:
        one_in = f"{result.quality.sampled_one_in:,}"
        found.insert(0, f"a sample: one in {one_in} units was looked at; every count is of the sample")
    for metric in result.metrics:
        for variant, numbers in (*_arm_numbers(metric), *_comparison_numbers(metric)):
            reasons = dict.fromkeys(number.reason for number in numbers if isinstance(number, NoEstimate))
            found += [f"{metric.title}, {variant}: {reason}" for reason in reasons]
        found += [
            f"{metric.title}, {item.variant}: {_reducer(item)} {_removed(item.variance_reduction)} of the "
            "variance; difference and lift are of adjusted values"
            for item in metric.comparisons
            if item.variance_reduction is not None
        ]
        found += [f"{metric.title}, {item.variant}: {text}" for item in metric.comparisons for text in item.warnings]
        found += [_belief(metric, item) for item in metric.comparisons if item.posterior is not None]
    return found


def _belief(metric: MetricResult, item: Comparison) -> str:
    posterior = item.posterior
    if posterior is None:
        return ""
    show = _points if metric.kind is MetricKind.CONVERSION else wording.amount
    lift = _with_interval(item.relative, posterior.relative_interval, _signed(_share)).partition(" [")[2]
    credible = f"; lift with {wording.level(posterior.interval.level)} credibility [{lift}" if lift else ""
    return (
        f"{metric.title}, {item.variant}: {_share(posterior.chance_to_beat)} chance to be better than the control; "
        f"shipping it loses {show(posterior.expected_loss)} on average{credible}; prior: {posterior.prior}"
    )


def _removed(share: float) -> str:
    return f"removed {_share(share)}" if share >= 0 else f"added {_share(-share)}"


def _reducer(item: Comparison) -> str:
    return "post-stratification" if item.test.startswith("stratified") else "CUPED"


def _arm_numbers(metric: MetricResult) -> list[tuple[str, tuple[object, ...]]]:
    return [(arm.variant, (arm.value,)) for arm in metric.arms]


def _comparison_numbers(metric: MetricResult) -> list[tuple[str, tuple[object, ...]]]:
    return [
        (item.variant, (item.absolute, item.absolute_interval, item.relative, item.relative_interval, item.p_value))
        for item in metric.comparisons
    ]


def significant(value: float | NoEstimate, *, sign: str = "") -> str:
    """A p-value with three significant digits; with `sign`, '= 0.0086' or '< 0.0001'."""
    if isinstance(value, NoEstimate):
        return NOTHING
    if value < 0.0001:
        return f"{'< ' if sign else '<'}0.0001"
    return f"{sign} {value:.3g}".strip()


def _row(metric: MetricResult, arm: ArmEstimate, name: str) -> ResultRow:
    is_share = metric.kind is MetricKind.CONVERSION
    show = _share if is_share else wording.amount
    value = NOTHING if isinstance(arm.value, NoEstimate) else show(arm.value)
    units = wording.count(arm.n_units)
    item = metric.comparison(arm.variant)
    if item is not None and item.scale:
        is_share, show = False, wording.amount
    if item is None:
        return ResultRow(metric=name, variant=f"{arm.variant} (control)", units=units, value=value)
    return ResultRow(
        metric=name,
        variant=arm.variant,
        units=units,
        value=value,
        difference=_with_interval(item.absolute, item.absolute_interval, _signed(_points if is_share else show)),
        lift=_with_interval(item.relative, item.relative_interval, _signed(_share)),
        p=significant(item.p_value),
        p_adjusted=significant(item.p_value_adjusted),
        better=_better(item),
    )


def _better(item: Comparison) -> bool | None:
    return item.better if item.significant else None


def _share(value: float) -> str:
    """A share as a percentage with two digits, or more where the first two would be zero."""
    percent = value * 100
    digits = 2 if percent == 0 or abs(percent) >= 0.1 else min(8, 1 - math.floor(math.log10(abs(percent))))
    return f"{percent:,.{digits}f} %".replace("-", "−")


def _points(value: float) -> str:
    """A difference of shares in percentage points."""
    return _share(value).replace(" %", " pp")


def _signed(show: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: f"+{show(value)}" if value > 0 else show(value)


def _with_interval(value: float | NoEstimate, interval: Interval | NoEstimate, show: Callable[[float], str]) -> str:
    text = NOTHING if isinstance(value, NoEstimate) else show(value)
    if isinstance(interval, NoEstimate):
        return text
    lower = "−∞" if interval.lower is None else show(interval.lower)
    upper = "∞" if interval.upper is None else show(interval.upper)
    bounds = f"[{lower}, {upper}]"
    for sign in (" %", " pp"):
        bounds = bounds.replace(sign, "")
    return f"{text} {bounds}"
