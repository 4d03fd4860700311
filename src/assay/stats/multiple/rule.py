"""One decision over many metrics, each test at the level that keeps the whole decision's α and β.

Ship if at least one success metric is significantly better, every guardrail metric is significantly not worse by its
margin, no metric is significantly worse, and no quality check fails. Then

    superiority      each success metric at α / S (one-sided): a false ship needs a false success, so α is kept whatever
                     the guardrails do
    non-inferiority  each guardrail at α, uncorrected: all of them must pass (intersection-union test)
    deterioration    each of the S + G + D metrics, and each of the Q checks, at α⁻ / (their number): α⁻ bounds the
                     chance to stop a harmless treatment for one of them
    power            one success metric and each guardrail at 1 - β* with β* = (β - α⁻) / (G + 1): what works is then
                     missed with probability at most (G + 1) β* + α⁻ = β, whatever the dependence

S, G, D, Q: numbers of success, guardrail and deterioration metrics, and of quality checks. Source: Schultzberg,
Ankargren & Frånberg 2024, "Risk-aware product decisions in A/B tests with multiple metrics", decision rules 1 and 2,
propositions 3.1 and 4.1; the bound on β is the sum of the ways to miss. Without deterioration and quality tests β* is
β / (G + 1), as in their rule 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput
from assay.model.metric import Direction
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import student_quantile
from assay.stats.fixed.judge import tail
from assay.stats.inputs import check_alpha, check_freedom
from assay.stats.outcome import Alternative, Outcome

NOT_RELATIVE = NoEstimate("no_control_value", "only the difference was given, so nothing can be said relative to it")


class Purpose(StrEnum):
    """What a metric is for. success: should get better. guardrail: must be shown not to get worse by its margin.

    deterioration: is only watched for harm.
    """

    SUCCESS = "success"
    GUARDRAIL = "guardrail"
    DETERIORATION = "deterioration"


class Verdict(StrEnum):
    """ship: all that is asked is shown. do_not_ship: harm or a broken experiment is shown. inconclusive: neither."""

    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """The levels of every test (one-sided). power_each: the power each metric must be planned with.

    superiority: of each success metric; non_inferiority: of each guardrail; deterioration: of each metric and check.
    n_success, n_guardrails, n_deterioration, n_quality: what the levels were made for.
    """

    superiority: float
    non_inferiority: float
    deterioration: float
    power_each: float
    n_success: int
    n_guardrails: int
    n_deterioration: int
    n_quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTests:
    """One-sided outcomes of one metric. Raises InvalidInput for two-sided ones, or two that look the same way.

    better: in the metric's better direction, of the null 0 (success) or of being worse by the margin (guardrail); None
    for a metric that is only watched for harm. worse: of 0, the other way. `metric_tests` makes both from an estimate.
    """

    purpose: Purpose
    better: Outcome | None
    worse: Outcome

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "purpose", Purpose(self.purpose))
        except ValueError:
            raise InvalidInput("purpose", self.purpose, ", ".join(Purpose)) from None
        if (self.better is None) is not (self.purpose is Purpose.DETERIORATION):
            raise InvalidInput("better", self.better, "an outcome, or None for a deterioration metric")
        for name, item in (("better", self.better), ("worse", self.worse)):
            if item is not None and item.alternative is Alternative.TWO_SIDED:
                raise InvalidInput(name, item.alternative.value, "a one-sided outcome")
        if self.better is not None and self.better.alternative is self.worse.alternative:
            raise InvalidInput("worse", self.worse.alternative.value, "the other direction than better")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """What the rule says. reasons: one sentence for each metric and check that mattered."""

    verdict: Verdict
    reasons: tuple[str, ...]


def rule_plan(
    n_success: int,
    n_guardrails: int,
    *,
    n_deterioration: int = 0,
    n_quality: int = 1,
    alpha: float = 0.05,
    beta: float = 0.2,
    alpha_deterioration: float = 0.05,
) -> RulePlan:
    """The levels that keep the chance of a false ship at alpha and of a missed one at beta.

    n_deterioration: metrics only watched for harm. n_quality: checks of the experiment itself (sample ratio, balance
    before the start). alpha_deterioration: the chance to stop a harmless treatment; must be below beta, of which it is
    a part. Raises InvalidInput.
    """
    numbers = {
        "n_success": n_success,
        "n_guardrails": n_guardrails,
        "n_deterioration": n_deterioration,
        "n_quality": n_quality,
    }
    for name, value in numbers.items():
        if value < 0:
            raise InvalidInput(name, value, "a whole number of at least 0")
    if n_success + n_guardrails == 0:
        raise InvalidInput("n_success", 0, "at least one success or guardrail metric")
    for name, rate in (("alpha", alpha), ("beta", beta), ("alpha_deterioration", alpha_deterioration)):
        check_alpha(rate, name)
    if alpha_deterioration >= beta:
        raise InvalidInput("alpha_deterioration", alpha_deterioration, f"a number below beta, {beta:g}")
    must_pass = n_guardrails + (1 if n_success else 0)
    return RulePlan(
        superiority=alpha / max(1, n_success),
        non_inferiority=alpha,
        deterioration=alpha_deterioration / sum(numbers.values()),
        power_each=1 - (beta - alpha_deterioration) / must_pass,
        **numbers,
    )


def metric_tests(
    purpose: Purpose | str,
    estimate: float,
    standard_error: float,
    *,
    degrees_of_freedom: float = math.inf,
    margin: float | None = None,
    direction: Direction = Direction.INCREASE,
    alpha: float = 0.05,
) -> MetricTests:
    """The tests of one metric from its difference and standard error: t = (estimate - null) / standard_error.

    estimate: treatment - control. margin: of a guardrail, above 0, in the metric's unit; the null is then a change for
    the worse by it. direction: which way is better. degrees_of_freedom: infinite for the normal curve. alpha: of the
    one-sided intervals, and no part of the decision. A standard error of 0 gives outcomes without a p-value.
    """
    try:
        kind = Purpose(purpose)
    except ValueError:
        raise InvalidInput("purpose", purpose, ", ".join(Purpose)) from None
    if not is_finite(estimate):
        raise InvalidInput("estimate", estimate, "a finite number")
    if not (is_number(standard_error) and 0 <= standard_error < math.inf):
        raise InvalidInput("standard_error", standard_error, "a finite number of at least 0")
    check_freedom(degrees_of_freedom)
    if (margin is not None) is not (kind is Purpose.GUARDRAIL) or (margin is not None and not 0 < margin < math.inf):
        raise InvalidInput("margin", margin, "a number above 0 for a guardrail, and none for other metrics")
    check_alpha(alpha)
    sign = 1.0 if direction is Direction.INCREASE else -1.0
    up, down = (Alternative.GREATER, Alternative.LESS)[:: int(sign)]
    given = (estimate, standard_error, degrees_of_freedom, alpha)
    better = None if kind is Purpose.DETERIORATION else _outcome(*given, up, -sign * (margin or 0.0))
    return MetricTests(purpose=kind, better=better, worse=_outcome(*given, down, 0.0))


def decide(
    plan: RulePlan, metrics: Mapping[str, MetricTests], quality: Mapping[str, float | NoEstimate]
) -> RuleVerdict:
    """The rule's verdict. quality: p-value of each check; small means broken.

    A test without a p-value shows nothing: it is named, and neither shows what must be shown nor stops. Raises
    InvalidInput where metrics or checks are not as many as the plan was made for.
    """
    _check_numbers(plan, metrics, quality)
    won: list[str] = []
    safe: list[str] = []
    missing: list[str] = []
    against: list[str] = []
    unknown: list[str] = []
    for name, p in quality.items():
        if isinstance(p, NoEstimate):
            unknown.append(f"{name}: {p.reason}")
        elif p <= plan.deterioration:
            against.append(f"{name} fails (p = {p:.2g})")
    for name, item in metrics.items():
        unknown += [f"{name}: {why}" for why in _unknown(item)]
        if _p(item.worse) <= plan.deterioration:
            against.append(f"{name} is worse (p = {_p(item.worse):.2g})")
        if item.purpose is Purpose.SUCCESS and _p(item.better) <= plan.superiority:
            won.append(f"{name} is better (p = {_p(item.better):.2g})")
        if item.purpose is Purpose.GUARDRAIL:
            passed = _p(item.better) <= plan.non_inferiority
            text = "is not worse by its margin" if passed else "is not yet shown not to be worse by its margin"
            (safe if passed else missing).append(f"{name} {text}")
    if against:
        return RuleVerdict(verdict=Verdict.DO_NOT_SHIP, reasons=(*against, *unknown))
    if plan.n_success and not won:
        missing.insert(0, "no success metric is shown to be better")
    if missing:
        return RuleVerdict(verdict=Verdict.INCONCLUSIVE, reasons=(*won, *missing, *unknown))
    return RuleVerdict(verdict=Verdict.SHIP, reasons=(*won, *safe, *unknown))


def _check_numbers(
    plan: RulePlan, metrics: Mapping[str, MetricTests], quality: Mapping[str, float | NoEstimate]
) -> None:
    seen = Counter(item.purpose for item in metrics.values())
    planned = {
        Purpose.SUCCESS: plan.n_success,
        Purpose.GUARDRAIL: plan.n_guardrails,
        Purpose.DETERIORATION: plan.n_deterioration,
    }
    for purpose, number in planned.items():
        if seen[purpose] != number:
            raise InvalidInput("metrics", f"{seen[purpose]} {purpose.value} metrics", f"{number}, as planned")
    if len(quality) != plan.n_quality:
        raise InvalidInput("quality", f"{len(quality)} checks", f"{plan.n_quality}, as planned")
    for name, p in quality.items():
        if not isinstance(p, NoEstimate) and not (is_number(p) and 0 <= p <= 1):
            raise InvalidInput(f"quality.{name}", p, "a p-value")


def _unknown(item: MetricTests) -> list[str]:
    """Why its tests have no p-value, each reason once."""
    outcomes = [outcome for outcome in (item.better, item.worse) if outcome is not None]
    reasons = [outcome.p_value.reason for outcome in outcomes if isinstance(outcome.p_value, NoEstimate)]
    return list(dict.fromkeys(reasons))


def _outcome(
    estimate: float, error: float, degrees_of_freedom: float, alpha: float, alternative: Alternative, null: float
) -> Outcome:
    level = 1 - alpha
    if error == 0:
        zero = ZERO_VARIANCE
        return Outcome(
            "estimate_t", estimate, zero, zero, zero, NOT_RELATIVE, NOT_RELATIVE, None, None, alternative, null
        )
    statistic = (estimate - null) / error
    p, log_p = tail(statistic, degrees_of_freedom, alternative)
    half = student_quantile(alpha, degrees_of_freedom) * error
    above = alternative is Alternative.GREATER
    interval = Interval(estimate - half, None, level) if above else Interval(None, estimate + half, level)
    freedom = degrees_of_freedom if degrees_of_freedom < math.inf else None
    return Outcome(
        "estimate_t",
        estimate,
        interval,
        p,
        log_p,
        NOT_RELATIVE,
        NOT_RELATIVE,
        statistic,
        freedom,
        alternative,
        null,
        level,
    )


def _p(outcome: Outcome | None) -> float:
    """The p-value, infinite without one."""
    return outcome.p_value if outcome is not None and isinstance(outcome.p_value, float) else math.inf
