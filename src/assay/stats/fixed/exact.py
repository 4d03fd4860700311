"""Exact tests of two shares: Fisher's (given the total), Boschloo's and Barnard's (over all tables)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.estimate import relative_change
from assay.stats.fixed import unconditional as grid
from assay.stats.fixed.core import Shares
from assay.stats.fixed.hypergeometric import (
    Tables,
    likeliest_log_odds_ratio,
    log_no_likelier,
    log_tails,
    odds_ratio_bound,
    tables_of,
)
from assay.stats.fixed.score import lift_interval, ratio_limits, score_interval
from assay.stats.fixed.share_pair import Question, SharePair, p_of, question, share_pair, two_sided_log_p
from assay.stats.inputs import Floats
from assay.stats.outcome import Alternative, Outcome, nothing

TOO_MANY_UNITS = NoEstimate(
    "too_many_units",
    f"more than {grid.MOST_TABLES:,} tables could have been seen (199 units per arm), or an arm has more than "
    f"{grid.MOST_UNITS:,} units: too many to go through; "
    "use miettinen_nurminen, or fisher_exact for rare conversions",
)
_TWO_SIDED, _GREATER, _LESS = Alternative


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalOddsRatio:
    """The odds ratio given how many converted in all, with its exact interval; from 0 to infinity, 1: no difference.

    odds_ratio: the likeliest; 0 or NoEstimate where it lies at an end. interval: an upper bound of None is infinite.
    p_value, log_p: of "the odds ratio is 1", two-sided as twice the smaller tail, so that they agree with the interval.
    """

    odds_ratio: float | NoEstimate
    interval: Interval | NoEstimate
    p_value: float | NoEstimate
    log_p: float | NoEstimate
    alternative: Alternative = Alternative.TWO_SIDED
    level: float = 0.95
    validity: Validity = Validity.FIXED


INFINITE_ODDS_RATIO = NoEstimate(
    "infinite_odds_ratio", "the likeliest odds ratio is infinite: a cell of the table is 0"
)


def fisher_exact(
    treatment: Shares, control: Shares, *, alpha: float = 0.05, alternative: Alternative | str = _TWO_SIDED
) -> Outcome:
    """Fisher's exact test of "the shares are the same", given how many units converted in all.

    Two-sided: the chance of all tables with these totals that are no likelier than the one seen (as R and SciPy).
    The true error is at most α, for small counts far below it. statistic: the likeliest conditional odds ratio, None
    where it is infinite. The interval of the difference and the relative one are those of `miettinen_nurminen`, as
    none belongs to this test: it is conservative, so 0 may lie outside the interval though p is above α; a warning
    says so where they disagree. `conditional_odds_ratio` has the interval that belongs to the test.
    Up to 1,000,000 tables with the same totals. Source: Fisher 1935, "The logic of inductive inference".
    """
    asked = question(alpha, alternative)
    pair = share_pair(treatment, control)
    tables = pair if isinstance(pair, NoEstimate) else tables_of(pair)
    if isinstance(pair, NoEstimate) or isinstance(tables, NoEstimate):
        return _nothing("fisher_exact", tables, asked)  # type: ignore[arg-type]
    if tables.conversions.size == 1:
        return _outcome("fisher_exact", pair, asked, ZERO_VARIANCE, score_interval(pair, asked), None)
    log_p = log_no_likelier(tables) if asked.alternative is _TWO_SIDED else _one_tail(tables, asked)
    log_ratio = likeliest_log_odds_ratio(tables)
    statistic = None if log_ratio == math.inf else math.exp(log_ratio)
    return _outcome("fisher_exact", pair, asked, log_p, score_interval(pair, asked), statistic)


def conditional_odds_ratio(
    treatment: Shares, control: Shares, *, alpha: float = 0.05, alternative: Alternative | str = _TWO_SIDED
) -> ConditionalOddsRatio | NoEstimate:
    """The conditional odds ratio with the exact interval whose bounds leave α/2 (one-sided: α) in a tail.

    Agrees with Fisher's one-sided tests, and with his two-sided one as twice the smaller tail.
    Source: Cornfield 1956, "A statistical problem arising from retrospective studies"; R's fisher.test.
    """
    asked = question(alpha, alternative)
    pair = share_pair(treatment, control)
    if isinstance(pair, NoEstimate):
        return pair
    tables = tables_of(pair)
    if isinstance(tables, NoEstimate):
        return tables
    if tables.conversions.size == 1:
        return ZERO_VARIANCE
    log_p = two_sided_log_p(*log_tails(tables), asked.alternative)
    lower = math.exp(odds_ratio_bound(tables, asked.tail, lower=True))
    upper = odds_ratio_bound(tables, asked.tail, lower=False)
    likeliest = likeliest_log_odds_ratio(tables)
    return ConditionalOddsRatio(
        odds_ratio=INFINITE_ODDS_RATIO if likeliest == math.inf else math.exp(likeliest),
        interval=asked.interval(lower, None if upper == math.inf else math.exp(upper)),
        p_value=p_of(log_p),
        log_p=log_p,
        alternative=asked.alternative,
        level=asked.level,
    )


def boschloo_exact(
    treatment: Shares,
    control: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Boschloo's exact test: tables ordered by Fisher's one-sided p-value, judged over all tables.

    p = the largest chance, over shares that differ by the null, of a table with a Fisher p-value no larger than the one
    seen; two-sided: twice the smaller one-sided p-value. Never weaker than Fisher's test at the null 0, with the true
    error at most α. The interval inverts the same order of tables (Buehler limits), so p and interval agree for every
    null. With no conversion in an arm, or all converted, the order cannot tell tables on one side apart, and the bound
    there is -1 or 1. The relative interval is the score test's and may disagree. statistic: Fisher's p-value.
    Up to 40,000 tables (n_t + 1)(n_c + 1) and 1,000 units per arm.
    Source: Boschloo 1970, "Raised conditional level of significance for
    the 2 x 2-table when testing the equality of two probabilities"; Kabaila & Lloyd 2003 for the limits.
    """
    asked = question(alpha, alternative, null)
    pair = share_pair(treatment, control)
    if isinstance(pair, NoEstimate) or grid.too_many(pair):
        return _nothing("boschloo_exact", pair if isinstance(pair, NoEstimate) else TOO_MANY_UNITS, asked)
    orders = _fisher_orders(pair.n_t, pair.n_c)
    below, above = (grid.at_least_as_extreme(order, pair) for order in orders)
    lower = -1.0 if asked.alternative is _LESS else grid.fixed_order_bound(above, asked.tail, lower=True)
    upper = 1.0 if asked.alternative is _GREATER else grid.fixed_order_bound(below, asked.tail, lower=False)
    interval = asked.interval(lower, upper)
    if asked.null == 0 and _constant(pair):
        return _outcome("boschloo_exact", pair, asked, ZERO_VARIANCE, interval, None)
    chances = [grid.largest_chance(item, asked.null) for item in (below, above)]
    log_p = two_sided_log_p(math.log(chances[0]), math.log(chances[1]), asked.alternative)
    seen = [math.exp(-float(order[pair.x_t, pair.x_c])) for order in orders]
    statistic = {_LESS: seen[0], _GREATER: seen[1]}.get(asked.alternative, min(seen))
    return _outcome("boschloo_exact", pair, asked, log_p, interval, statistic)


def barnard_exact(
    treatment: Shares,
    control: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Barnard's exact test with the score statistic: at the null 0 the pooled z of every table.

    p = the largest chance, over shares that differ by the null, of a table with a statistic at least as extreme
    (two-sided: by its size). The true error is at most α. The interval runs from the lowest to the highest difference
    the test accepts, each with the statistic of its own (Agresti & Min 2001; one-sided Chan & Zhang 1999). What lies
    outside it is rejected, but for accepted stretches narrower than about 0.005. A difference inside may be rejected
    too, where the accepted ones have a gap: a warning says so for the null. The relative interval is the large-sample
    score test's and may disagree.
    Up to 40,000 tables (n_t + 1)(n_c + 1) and 1,000 units per arm.
    Source: Barnard 1947, "Significance tests for 2 × 2 tables"; Suissa &
    Shuster 1985 for the statistic.
    """
    asked = question(alpha, alternative, null)
    pair = share_pair(treatment, control)
    if isinstance(pair, NoEstimate) or grid.too_many(pair):
        return _nothing("barnard_exact", pair if isinstance(pair, NoEstimate) else TOO_MANY_UNITS, asked)

    def p_at(delta: float, enough: float | None = None) -> float:
        scores = _signed(grid.every_score(pair, delta), asked.alternative)
        return grid.largest_chance(grid.at_least_as_extreme(scores, pair), delta, enough)

    def accepted(delta: float) -> bool:
        return pair.difference == delta or (abs(delta) < 1 and p_at(delta, asked.alpha) > asked.alpha)

    lower = -1.0 if asked.alternative is _LESS else grid.outermost_accepted(accepted, -1.0, pair.difference)
    upper = 1.0 if asked.alternative is _GREATER else grid.outermost_accepted(accepted, 1.0, pair.difference)
    interval = asked.interval(lower, upper)
    if asked.null == 0 and _constant(pair):
        return _outcome("barnard_exact", pair, asked, ZERO_VARIANCE, interval, None)
    statistic = float(grid.every_score(pair, asked.null)[pair.x_t, pair.x_c])
    return _outcome("barnard_exact", pair, asked, math.log(p_at(asked.null)), interval, statistic)


def _signed(scores: Floats, alternative: Alternative) -> Floats:
    if alternative is _TWO_SIDED:
        return np.abs(scores)
    return scores if alternative is _GREATER else -scores


def _one_tail(tables: Tables, asked: Question) -> float:
    below, above = log_tails(tables)
    return above if asked.alternative is _GREATER else below


def _constant(pair: SharePair) -> bool:
    return pair.x_t + pair.x_c in (0, pair.n_t + pair.n_c)


@lru_cache(maxsize=16)
def _fisher_orders(n_t: int, n_c: int) -> tuple[Floats, Floats]:
    """-log of Fisher's p-value of every table, for "less" and for "greater": larger is more extreme."""
    from scipy.special import gammaln

    k_t, k_c = np.arange(n_t + 1.0), np.arange(n_c + 1.0)
    log_t = gammaln(n_t + 1.0) - gammaln(k_t + 1) - gammaln(n_t - k_t + 1)
    log_c = gammaln(n_c + 1.0) - gammaln(k_c + 1) - gammaln(n_c - k_c + 1)
    below, above = np.zeros((n_t + 1, n_c + 1)), np.zeros((n_t + 1, n_c + 1))
    for total in range(n_t + n_c + 1):
        x_t = np.arange(max(0, total - n_c), min(n_t, total) + 1)
        logs = log_t[x_t] + log_c[total - x_t]
        weights = np.exp(logs - logs.max())
        whole = weights.sum()
        below[x_t, total - x_t] = -np.log(np.cumsum(weights) / whole)
        above[x_t, total - x_t] = -np.log(np.cumsum(weights[::-1])[::-1] / whole)
    return below, above


def _nothing(test: str, why: NoEstimate, asked: Question) -> Outcome:
    return nothing(test, why, alternative=asked.alternative, null=asked.null, level=asked.level)


def _outcome(
    test: str,
    pair: SharePair,
    asked: Question,
    log_p: float | NoEstimate,
    interval: Interval,
    statistic: float | None,
) -> Outcome:
    return Outcome(
        test,
        pair.difference,
        interval,
        log_p if isinstance(log_p, NoEstimate) else p_of(log_p),
        log_p,
        relative_change(pair.difference, pair.x_c / pair.n_c),
        lift_interval(pair, asked, ratio_limits(pair, asked)),
        statistic,
        None,
        asked.alternative,
        asked.null,
        asked.level,
        warnings=_disagreement(log_p, interval, asked),
    )


def _disagreement(log_p: float | NoEstimate, interval: Interval, asked: Question) -> tuple[str, ...]:
    """A sentence where the p-value and the interval do not say the same of the null."""
    if isinstance(log_p, NoEstimate):
        return ()
    low = interval.lower is None or interval.lower <= asked.null
    inside = low and (interval.upper is None or asked.null <= interval.upper)
    rejected = log_p <= math.log(asked.alpha)
    if rejected is not inside:
        return ()
    which = "rejects" if rejected else "does not reject"
    where = "inside" if inside else "outside"
    return (f"The test {which} a difference of {asked.null:g}, which lies {where} its interval; go by the p-value.",)
