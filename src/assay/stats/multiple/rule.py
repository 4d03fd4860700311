"""One decision over many metrics, each test at the level that keeps the whole decision's α and β.

Ship if at least one success metric is significantly better, every guardrail metric is significantly not worse by its
margin, no metric is significantly worse, and no quality check fails. Then

    superiority      each success metric at α / S (one-sided): a false ship needs a false success, so α is kept whatever
                     the guardrails do
    non-inferiority  each guardrail at α, uncorrected: all of them must pass (intersection-union test)
    deterioration    each of the S + G metrics, and each quality check, at α⁻ / (their number): α⁻ bounds the chance to
                     stop a harmless treatment for one of them
    power            each guardrail at 1 - β* with β* = β / (G + 1), so that the chance to ship a treatment that works
    is
                     at least 1 - β when the success metrics have 1 - β* too

S, G: numbers of success and guardrail metrics. Source: Schultzberg, Ankargren & Frånberg 2024, "Risk-aware product
decisions in A/B tests with multiple metrics", decision rule 2 and theorems 1-3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.outcome import Alternative, Outcome


class Purpose(StrEnum):
    """What a metric is for. success: should get better. guardrail: must not get worse by its margin."""

    SUCCESS = "success"
    GUARDRAIL = "guardrail"


class Verdict(StrEnum):
    """ship: all that is asked is shown. do_not_ship: harm or a broken experiment is shown. inconclusive: neither."""

    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """The levels of every test (one-sided). power_each: the power each metric must be planned with.

    superiority: of each success metric; non_inferiority: of each guardrail; deterioration: of each metric and check.
    """

    superiority: float
    non_inferiority: float
    deterioration: float
    power_each: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTests:
    """One-sided outcomes of one metric, all in its better direction.

    better: of the null 0 (success), or of not being worse by the margin (guardrail). worse: of 0, the other way.
    """

    purpose: Purpose
    better: Outcome
    worse: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """What the rule says. reasons: one sentence for each metric and check that mattered."""

    verdict: Verdict
    reasons: tuple[str, ...]


def rule_plan(
    n_success: int,
    n_guardrails: int,
    *,
    n_quality: int = 1,
    alpha: float = 0.05,
    beta: float = 0.2,
    alpha_deterioration: float = 0.05,
) -> RulePlan:
    """The levels that keep the chance of a false ship at alpha and of a missed one at beta.

    n_quality: checks of the experiment itself (sample ratio, balance before the start). Raises InvalidInput.
    """
    for name, value, least in (
        ("n_success", n_success, 0),
        ("n_guardrails", n_guardrails, 0),
        ("n_quality", n_quality, 0),
    ):
        if value < least:
            raise InvalidInput(name, value, f"a whole number of at least {least}")
    if n_success + n_guardrails == 0:
        raise InvalidInput("n_success", 0, "at least one success or guardrail metric")
    for name, rate in (("alpha", alpha), ("beta", beta), ("alpha_deterioration", alpha_deterioration)):
        if not 0 < rate < 1:
            raise InvalidInput(name, rate, "a number above 0 and below 1")
    return RulePlan(
        superiority=alpha / max(1, n_success),
        non_inferiority=alpha,
        deterioration=alpha_deterioration / (n_success + n_guardrails + n_quality),
        power_each=1 - beta / (n_guardrails + 1),
    )


def decide(
    plan: RulePlan, metrics: Mapping[str, MetricTests], quality: Mapping[str, float | NoEstimate]
) -> RuleVerdict:
    """The rule's verdict. quality: p-value of each check; small means broken.

    A test without a p-value shows nothing: it neither ships nor stops, and is named.
    """
    if not metrics:
        raise InvalidInput("metrics", 0, "at least one metric")
    broken = [
        f"{name} fails (p = {p:.2g})" for name, p in quality.items() if isinstance(p, float) and p < plan.deterioration
    ]
    worse = [
        f"{name} is worse (p = {_p(item.worse):.2g})"
        for name, item in metrics.items()
        if _p(item.worse) < plan.deterioration
    ]
    unknown = [
        f"{name}: {item.better.p_value.reason}"
        for name, item in metrics.items()
        if isinstance(item.better.p_value, NoEstimate)
    ]
    if broken or worse:
        return RuleVerdict(verdict=Verdict.DO_NOT_SHIP, reasons=(*broken, *worse, *unknown))
    successes = {name: item for name, item in metrics.items() if item.purpose is Purpose.SUCCESS}
    guardrails = {name: item for name, item in metrics.items() if item.purpose is Purpose.GUARDRAIL}
    won = [
        f"{name} is better (p = {_p(item.better):.2g})"
        for name, item in successes.items()
        if _p(item.better) < plan.superiority
    ]
    open_ones = [
        f"{name} is not yet shown not to be worse by its margin"
        for name, item in guardrails.items()
        if not _p(item.better) < plan.non_inferiority
    ]
    if open_ones or (successes and not won):
        missing = ["no success metric is shown to be better"] if successes and not won else []
        return RuleVerdict(verdict=Verdict.INCONCLUSIVE, reasons=(*won, *missing, *open_ones, *unknown))
    safe = [f"{name} is not worse by its margin" for name in guardrails]
    return RuleVerdict(verdict=Verdict.SHIP, reasons=(*won, *safe, *unknown))


def _p(outcome: Outcome) -> float:
    """The p-value of a one-sided outcome, infinite without one."""
    if outcome.alternative is Alternative.TWO_SIDED:
        raise InvalidInput("metrics", outcome.test, "one-sided outcomes")
    return outcome.p_value if isinstance(outcome.p_value, float) else math.inf
