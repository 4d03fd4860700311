"""The results table, which is the forest plot: one row per metric and variant, the interval drawn in the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from markupsafe import Markup

from assay import wording
from assay.charts.axis import LiftAxis, lift_axis
from assay.charts.bar import axis_strip, bare_row, interval_bar, tone_of
from assay.model.metric import Direction, Hypothesis, MetricKind, Role
from assay.model.plan import Correction
from assay.model.result import ArmEstimate, Comparison, ExperimentResult, Interval, MetricResult, NoEstimate

_ROLES = {Role.PRIMARY: "Primary", Role.SECONDARY: "Secondary", Role.GUARDRAIL: "Guardrail"}
_NO_BAR = Markup("")
_VERDICTS = {"better": "Better", "worse": "Worse", "unclear": "No clear difference"}
_CORRECTIONS = {
    Correction.HOLM: "Holm",
    Correction.BONFERRONI: "Bonferroni",
    Correction.HOCHBERG: "Hochberg",
    Correction.DUNNETT: "Dunnett",
    Correction.BENJAMINI_HOCHBERG: "Benjamini–Hochberg",
    Correction.BENJAMINI_YEKUTIELI: "Benjamini–Yekutieli",
    Correction.E_BH: "e-BH",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One variant of one metric, in words. bar: SVG.

    why: the reason why there is no lift; interval_why, p_why: the reason why there is no interval or p-value.
    """

    variant: str
    title: str
    is_control: bool
    is_winner: bool
    units: str
    value: str
    value_why: str = ""
    bar: Markup = _NO_BAR
    lift: str = ""
    interval: str = ""
    interval_why: str = ""
    difference: str = ""
    why: str = ""
    p: str = ""
    p_why: str = ""
    tone: str = "unclear"
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class MetricRows:
    """One metric. note: kind, and which way is better."""

    key: str
    title: str
    note: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class RoleRows:
    """The metrics of one role."""

    title: str
    metrics: tuple[MetricRows, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsTable:
    """The table. bare: the grid alone. struck: a sample-ratio mismatch makes all of it untrustworthy.
    level: of all intervals, None when metrics differ in it."""

    roles: tuple[RoleRows, ...]
    axis: Markup
    bare: Markup
    level: str | None
    p_heading: str
    struck: bool


def results_table(result: ExperimentResult, titles: Mapping[str, str]) -> ResultsTable:
    """The table of one result. titles: variant key → name for people."""
    axis = lift_axis(result.metrics)
    winner = None if result.sample_ratio.mismatch else result.recommendation.winner
    roles = []
    for role, title in _ROLES.items():
        metrics = tuple(_metric(item, axis, titles, winner) for item in result.metrics if item.role is role)
        if metrics:
            roles.append(RoleRows(title, metrics))
    return ResultsTable(
        roles=tuple(roles),
        axis=Markup(axis_strip(axis)),
        bare=Markup(bare_row(axis)),
        level=common_level(result),
        p_heading=_p_heading(result),
        struck=result.sample_ratio.mismatch,
    )


def common_level(result: ExperimentResult) -> str | None:
    """The level of all intervals, or None when families of different sizes have different ones."""
    levels = {wording.level(item.interval_level) for item in result.metrics if item.interval_level is not None}
    if len(levels) > 1:
        return None
    return levels.pop() if levels else wording.level(1 - result.plan.alpha)


def _p_heading(result: ExperimentResult) -> str:
    used = dict.fromkeys(item.correction for item in result.metrics if item.family_size > 1)
    names = " or ".join(_CORRECTIONS[item] for item in used if item in _CORRECTIONS)
    return f"p ({names})" if names else "p"


def _metric(metric: MetricResult, axis: LiftAxis, titles: Mapping[str, str], winner: str | None) -> MetricRows:
    better = "higher is better" if metric.direction is Direction.INCREASE else "lower is better"
    primary_winner = winner if metric.role is Role.PRIMARY else None
    rows = tuple(_row(metric, arm, axis, titles, primary_winner) for arm in metric.arms)
    level = f", {wording.level(metric.interval_level)} intervals" if metric.interval_level is not None else ""
    return MetricRows(metric.metric, metric.title, f"{metric.kind.value}, {better}{level}", rows)


def _row(
    metric: MetricResult, arm: ArmEstimate, axis: LiftAxis, titles: Mapping[str, str], winner: str | None
) -> TableRow:
    item = metric.comparison(arm.variant)
    title = titles.get(arm.variant, arm.variant)
    value = arm.value
    row = TableRow(
        variant=arm.variant,
        title=title,
        is_control=item is None,
        is_winner=winner == arm.variant,
        units=wording.count(arm.n_units),
        value="–" if isinstance(value, NoEstimate) else shown(metric)(value),
        value_why=because(value) if isinstance(value, NoEstimate) else "",
    )
    return _compared(row, metric, item, axis) if item else row


def _verdict(item: Comparison, tone: str) -> str:
    """What a comparison says in a word or two; of a hypothesis with a margin whether it is shown."""
    margin = wording.percent(item.margin or 0.0)
    claims = {
        Hypothesis.SUPERIORITY: f"better by more than {margin}",
        Hypothesis.NON_INFERIORITY: f"not worse by {margin}",
        Hypothesis.EQUIVALENCE: f"within {margin}",
    }
    if tone != "unclear" or item.hypothesis is Hypothesis.DIFFERENCE:
        changed = item.significant and item.better is None
        words = "Different" if changed else _VERDICTS[tone]
    elif item.significant:
        words = claims[item.hypothesis].capitalize()
    else:
        words = f"Not shown: {claims[item.hypothesis]}"
    if item.posterior is not None:
        words += f", {wording.percent(item.posterior.chance_to_beat)} chance to be better"
    return words


def _compared(row: TableRow, metric: MetricResult, item: Comparison, axis: LiftAxis) -> TableRow:
    """A treatment's row: what it says beyond its own value."""
    lift, interval = _lift(item), _interval(item.relative_interval)
    said = f"Lift of {row.title}: {lift}, {interval}" if lift else f"Lift of {row.title}: cannot be computed"
    p, tone = item.p_value_adjusted, tone_of(item)
    return replace(
        row,
        bar=Markup(interval_bar(item, axis, label=said)),
        lift=lift,
        interval="" if isinstance(item.relative_interval, NoEstimate) else interval,
        interval_why=interval if lift and isinstance(item.relative_interval, NoEstimate) else "",
        difference=_difference(metric, item),
        why=because(item.relative) if isinstance(item.relative, NoEstimate) else "",
        p="" if isinstance(p, NoEstimate) else wording.p_value(p).removeprefix("p = ").removeprefix("p "),
        p_why=because(p) if isinstance(p, NoEstimate) else "",
        tone=tone,
        verdict=_verdict(item, tone),
    )


def _lift(item: Comparison) -> str:
    return "" if isinstance(item.relative, NoEstimate) else wording.lift(item.relative)


def _interval(interval: Interval | NoEstimate) -> str:
    if isinstance(interval, NoEstimate):
        return f"no interval, because {interval.reason}"
    return wording.lift_interval(interval.lower, interval.upper).replace(" %", "\u00a0%")


def _difference(metric: MetricResult, item: Comparison) -> str:
    """The absolute difference with its sign, in the metric's unit; empty when there is none."""
    if isinstance(item.absolute, NoEstimate):
        return ""
    if metric.kind is MetricKind.CONVERSION:
        return wording.points(item.absolute, signed=True)
    return f"{'+' if item.absolute > 0 else ''}{wording.amount(item.absolute)}"


def shown(metric: MetricResult) -> Callable[[float], str]:
    """How a value of this metric is written."""
    return wording.percent if metric.kind is MetricKind.CONVERSION else wording.amount


def because(why: NoEstimate) -> str:
    """'cannot be computed, because …'."""
    return f"cannot be computed, because {why.reason}"
