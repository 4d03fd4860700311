"""Events per unit or per exposure: two rates of a Poisson, exact or by the score, with a watch on overdispersion."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from scipy.special import betaincinv

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import EMPTY_ARM, MOST_UNITS, ZERO_VARIANCE
from assay.stats.armview import wilson as wilson_limits
from assay.stats.checks import is_finite
from assay.stats.distributions import normal_quantile
from assay.stats.estimate import CONTROL_NEAR_ZERO, ZERO_CONTROL, relative_change
from assay.stats.fixed.dispersion import CountedUnits, Counts, counted_units, dispersion_of
from assay.stats.fixed.judge import tail
from assay.stats.fixed.one_share import beta_upper_quantile, binomial_log_tails
from assay.stats.fixed.share_pair import Bound, Question, p_of, relative_question, two_sided_log_p
from assay.stats.outcome import Alternative, Outcome, nothing

_OVERDISPERSED = 0.01


class Rate(NamedTuple):
    """`events` in all (a whole number) over an `exposure`: units, hours, visits; above 0."""

    events: int
    exposure: float


Rates = Rate | tuple[int, float] | Counts


class RateMethod(StrEnum):
    """exact: given all events, the treatment's are binomial. score: by the normal curve under the hypothesis."""

    EXACT = "exact"
    SCORE = "score"


def poisson_test(
    treatment: Rates,
    control: Rates,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    null: float = 0.0,
    method: RateMethod | str = RateMethod.EXACT,
) -> Outcome:
    """Two rates of events that come independently (Poisson). null: treatment / control - 1 under the hypothesis.

    exact (the C-test): given all events X, the treatment's are binomial with the share R e_t / (R e_t + e_c), where
    R = 1 + null and e the exposures. Two-sided: twice the smaller tail, so p and the relative interval (Clopper and
    Pearson's, as odds) agree; R's poisson.test gives the same interval and sums likelier outcomes for its p. True error
    at most α. score: z = (x_t - X share) / √(X share (1 - share)), and the ratios it does not reject (Wilson's interval
    as odds). The interval of the difference is that of the score test of a difference for both methods; with null 0 it
    agrees with the score method's p-value, and with the exact one but for what the exact one is wider.
    difference: events per exposure. statistic: the score's z; None for exact.
    treatment, control: Rate or (events, exposure); or moments, value counts or one count per unit, whose exposure is
    the number of units. From units it is seen whether they vary more than a Poisson's; then a warning says so, and p is
    too small: units with a variance of twice their mean give 16.6 % false alarms for 5 %.
    Source: Przyborowski & Wilenski 1940, "Homogeneity of results in testing samples from Poisson series"; Miettinen &
    Nurminen 1985, section 4, for the score.
    """
    asked = relative_question(alpha, alternative, null)
    kind = _method(method)
    name = f"poisson_{kind.value}"
    t, units_t = _rate(treatment, "treatment")
    c, units_c = _rate(control, "control")
    if t is None or c is None:
        return nothing(name, EMPTY_ARM, alternative=asked.alternative, null=null, level=asked.level)
    total = t.events + c.events
    share = _share(1 + asked.null, t, c)
    log_p: float | NoEstimate = ZERO_VARIANCE
    z = None
    if total and kind is RateMethod.EXACT:
        log_p = two_sided_log_p(*binomial_log_tails(t.events, total, share), asked.alternative)
    elif total:
        z = (t.events - total * share) / math.sqrt(total * share * (1 - share))
        log_p = tail(z, math.inf, asked.alternative)[1]
    rate_t, rate_c = t.events / t.exposure, c.events / c.exposure
    return Outcome(
        name,
        rate_t - rate_c,
        _difference_interval(t, c, asked),
        log_p if isinstance(log_p, NoEstimate) else p_of(log_p),
        log_p,
        relative_change(rate_t - rate_c, rate_c),
        _lift_interval(t, c, asked, kind),
        z,
        None,
        asked.alternative,
        asked.null,
        asked.level,
        warnings=_cautions([units for units in (units_t, units_c) if units]),
    )


def _share(ratio: float, t: Rate, c: Rate) -> float:
    """The treatment's share of all events under a ratio of rates."""
    return ratio * t.exposure / (ratio * t.exposure + c.exposure)


def _lift_interval(t: Rate, c: Rate, asked: Question, kind: RateMethod) -> Interval | NoEstimate:
    """Bounds of the treatment's share of events, as a ratio of rates less 1. Shares and their complements are both
    found from the tail inwards, so that odds keep their digits."""
    x, y = t.events, c.events
    if not x + y:
        return ZERO_CONTROL
    low, low_other, high, high_other = _shares_of_events(x, y, asked, kind)
    scale = c.exposure / t.exposure
    upper: Bound = high / high_other * scale - 1 if y and high_other > 0 else None
    found = asked.interval(low / low_other * scale - 1 if x else -1.0, upper)
    return CONTROL_NEAR_ZERO if found.lower is None and found.upper is None else found


def _shares_of_events(x: int, y: int, asked: Question, kind: RateMethod) -> tuple[float, float, float, float]:
    """The treatment's lowest share of all events, 1 less it, its highest share and 1 less that."""
    total = x + y
    if kind is RateMethod.EXACT:
        low = float(betaincinv(x, y + 1, asked.tail)) if x else 0.0
        low_other = beta_upper_quantile(y + 1, x, asked.tail) if x else 1.0
        high = beta_upper_quantile(x + 1, y, asked.tail) if y else 1.0
        high_other = float(betaincinv(y, x + 1, asked.tail)) if y else 0.0
        return low, low_other, high, high_other
    critical = normal_quantile(asked.tail)
    low, high = wilson_limits(x / total, total, critical**2)
    high_other, low_other = wilson_limits(y / total, total, critical**2)
    return (low, low_other, high, high_other) if critical > 0 else (high, high_other, low, low_other)


def _difference_interval(t: Rate, c: Rate, asked: Question) -> Interval:
    """The differences of rates that the score test does not reject (Miettinen & Nurminen 1985)."""
    from scipy.optimize import brentq

    critical = normal_quantile(asked.tail)
    e_t, e_c, total = t.exposure, c.exposure, t.exposure + c.exposure
    rate_t, rate_c = t.events / e_t, c.events / e_c
    gap, mean, part = rate_t - rate_c, (t.events + c.events) / total, c.events / total

    def score(delta: float) -> float:
        """z at a difference, the control's rate being the likeliest under it."""
        b = mean - delta
        root = math.sqrt(max(0.0, b * b + 4 * delta * part))
        low = (b + root) / 2 if b > 0 else 2 * delta * part / (root - b) if root > b else 0.0
        low = max(0.0, -delta, low)
        variance = (low + delta) / e_t + low / e_c
        if variance <= 0:
            return math.copysign(math.inf, gap - delta) if gap != delta else 0.0
        return (gap - delta) / math.sqrt(variance)

    # without an event the bounds are ±critical² / exposure; with some, within a few standard errors and that
    wide = abs(critical) * math.sqrt(rate_t / e_t + rate_c / e_c) + (critical**2 + 1) * (1 / e_t + 1 / e_c)
    found = []
    for target in (critical, -critical):
        bound = brentq(
            lambda delta, target=target: max(-1e300, min(1e300, score(delta) - target)),
            gap - 4 * wide,
            gap + 4 * wide,
            xtol=1e-13 * wide,
            rtol=1e-14,
        )
        found.append(float(bound))
    return asked.interval(found[0], found[1])


def _cautions(arms: list[CountedUnits]) -> tuple[str, ...]:
    if not arms:
        return ()
    found = dispersion_of(arms)
    if isinstance(found.p_value, NoEstimate) or found.p_value > _OVERDISPERSED:
        return ()
    return (
        f"Counts vary {found.index:.3g} times as much between units as a Poisson's, so this p-value is too small and "
        "the intervals are too narrow; use negative_binomial_test, or welch_t with many units.",
    )


def _rate(given: Rates, name: str) -> tuple[Rate | None, CountedUnits | None]:
    """The rate, None without exposure; and the units, where there are any."""
    if isinstance(given, tuple) and len(given) == 2:
        return _checked(given, name), None
    units = counted_units(given, name)
    if isinstance(units, NoEstimate):
        if units is EMPTY_ARM:
            return None, None
        raise InvalidInput(name, units.reason, "counts of events per unit")
    return Rate(round(units.events), float(units.n)), units


def _checked(given: tuple[float, float], name: str) -> Rate | None:
    events, exposure = given
    accepted = "(events, exposure): a whole number of events of at least 0 and a finite exposure of at least 0"
    try:
        right = is_finite(events) and is_finite(exposure) and events == int(events) and min(given) >= 0
        right = right and events <= MOST_UNITS and exposure <= 1e60 and (exposure == 0 or exposure >= 1e-60)
    except TypeError:
        right = False
    if not right or (exposure == 0 and events > 0):
        raise InvalidInput(name, str(given), accepted)
    return Rate(int(events), float(exposure)) if exposure else None


def _method(given: RateMethod | str) -> RateMethod:
    try:
        return RateMethod(given)
    except ValueError:
        raise InvalidInput("method", given, "exact or score") from None
