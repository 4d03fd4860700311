"""One share on its own: Wilson's score interval and Clopper and Pearson's exact one, each with the test it inverts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import betaincinv, gammaln

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.arm import EMPTY_ARM
from assay.stats.armview import wilson as wilson_limits
from assay.stats.distributions import normal_quantile
from assay.stats.fixed.core import Shares
from assay.stats.fixed.judge import tail
from assay.stats.fixed.share_pair import p_of, two_sided_log_p
from assay.stats.inputs import check_alpha, share_of
from assay.stats.outcome import Alternative, alternative_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareEstimate:
    """One share, from 0 to 1, with its interval, and its test against a fixed share if one was named.

    n_units: units behind it. null: the share under the hypothesis, None where none was named; then the p-values are
    None too. log_p: natural logarithm. level: 1 - alpha.
    """

    method: str
    n_units: int
    share: float | NoEstimate
    interval: Interval | NoEstimate
    null: float | None = None
    p_value: float | NoEstimate | None = None
    log_p: float | NoEstimate | None = None
    alternative: Alternative = Alternative.TWO_SIDED
    level: float = 0.95
    validity: Validity = Validity.FIXED


def wilson(
    units: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    null: float | None = None,
) -> ShareEstimate:
    """Wilson's interval: the shares π with |p - π| ≤ z √(π (1 - π) / n). One-sided: (lower, None) or (None, upper).

    null: a share above 0 and below 1 to test, by the same statistic, so p and interval agree. On average over shares
    the interval covers as often as it says; for single shares near 0 or 1 it can fall to 84 % for 95 %.
    units: (converted, n), moments, or 0 or 1 per unit. Source: Wilson 1927, "Probable inference, the law of
    succession, and statistical inference"; for the coverage Brown, Cai & DasGupta 2001, section 3.1.1.
    """
    x, n = share_of(units, "units")
    looked_for = alternative_of(alternative)
    one_side = _tail_of(alpha, looked_for)
    if not n:
        return _empty("wilson", looked_for, alpha, null)
    critical = normal_quantile(one_side)
    lower, upper = wilson_limits(x / n, n, critical**2)
    if critical < 0:
        lower, upper = upper, lower
    if _named(null) is None:
        return _estimate("wilson", x, n, _bounded(lower, upper, alpha, looked_for), None, None, looked_for, alpha)
    statistic = (x / n - float(null)) / math.sqrt(null * (1 - null) / n)  # type: ignore[arg-type, operator]
    _, log_p = tail(statistic, math.inf, looked_for)
    return _estimate("wilson", x, n, _bounded(lower, upper, alpha, looked_for), null, log_p, looked_for, alpha)


def clopper_pearson(
    units: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    null: float | None = None,
) -> ShareEstimate:
    """The exact interval: the shares whose binomial tails at the count seen are above alpha / 2 (one-sided: alpha).

    It covers at least as often as it says, mostly more. null: a share to test; the two-sided p-value is twice the
    smaller binomial tail, so p and interval agree (R's binom.test sums all outcomes that are no likelier instead).
    units: (converted, n), moments, or 0 or 1 per unit. Source: Clopper & Pearson 1934, "The use of confidence or
    fiducial limits illustrated in the case of the binomial".
    """
    x, n = share_of(units, "units")
    looked_for = alternative_of(alternative)
    one_side = _tail_of(alpha, looked_for)
    if not n:
        return _empty("clopper_pearson", looked_for, alpha, null)
    lower = float(betaincinv(x, n - x + 1, one_side)) if x else 0.0
    upper = beta_upper_quantile(x + 1, n - x, one_side) if x < n else 1.0
    log_p = None
    if _named(null) is not None:
        log_p = two_sided_log_p(*binomial_log_tails(x, n, float(null)), looked_for)  # type: ignore[arg-type]
    return _estimate("clopper_pearson", x, n, _bounded(lower, upper, alpha, looked_for), null, log_p, looked_for, alpha)


def beta_upper_quantile(a: float, b: float, upper_tail: float) -> float:
    """The point a Beta(a, b) variable exceeds with probability `upper_tail`."""
    from scipy.special import betainccinv

    return float(betainccinv(a, b, upper_tail))


def binomial_log_tails(x: int, n: int, share: float) -> tuple[float, float]:
    """log P(X ≤ x) and log P(X ≥ x) of a binomial, right far below what a float can hold."""
    return _log_upper(n - x, n, 1 - share, share), _log_upper(x, n, share, 1 - share)


def _log_upper(x: int, n: int, share: float, other: float) -> float:
    """log P(X ≥ x); other: 1 - share, given so that no digit is lost."""
    from scipy.special import betainc

    if x <= 0:
        return 0.0
    p = float(betainc(x, n - x + 1, share))
    if p > 1e-290:
        return math.log(p)
    first = float(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1))
    total, term, k = 0.0, 1.0, x
    while term > 1e-17 * total and k <= n:
        total += term
        term *= (n - k) / (k + 1) * share / other
        k += 1
    return first + x * math.log(share) + (n - x) * math.log(other) + math.log(total)


def _tail_of(alpha: float, alternative: Alternative) -> float:
    return check_alpha(alpha) / (2 if alternative is Alternative.TWO_SIDED else 1)


def _named(null: float | None) -> float | None:
    if null is not None and not 0 < null < 1:
        raise InvalidInput("null", null, "a share above 0 and below 1")
    return null


def _bounded(lower: float, upper: float, alpha: float, alternative: Alternative) -> Interval:
    return Interval(
        None if alternative is Alternative.LESS else lower,
        None if alternative is Alternative.GREATER else upper,
        1 - alpha,
    )


def _empty(method: str, alternative: Alternative, alpha: float, null: float | None) -> ShareEstimate:
    p = None if _named(null) is None else EMPTY_ARM
    return ShareEstimate(
        method=method,
        n_units=0,
        share=EMPTY_ARM,
        interval=EMPTY_ARM,
        null=null,
        p_value=p,
        log_p=p,
        alternative=alternative,
        level=1 - alpha,
    )


def _estimate(
    method: str,
    x: int,
    n: int,
    interval: Interval,
    null: float | None,
    log_p: float | None,
    alternative: Alternative,
    alpha: float,
) -> ShareEstimate:
    return ShareEstimate(
        method=method,
        n_units=n,
        share=x / n,
        interval=interval,
        null=null,
        p_value=None if log_p is None else p_of(log_p),
        log_p=log_p,
        alternative=alternative,
        level=1 - alpha,
    )
