"""How large a difference of two shares is: Cohen's h, odds ratio, risk ratio, risk difference, number needed to treat;
and how much the rows of a table differ: Cramér's V."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import EMPTY_ARM, ZERO_VARIANCE
from assay.stats.distributions import normal_quantile
from assay.stats.estimate import ZERO_CONTROL
from assay.stats.fixed.chi_square import expected_counts, pearson, table_of
from assay.stats.fixed.core import Shares
from assay.stats.fixed.effect_words import (
    COHEN_H,
    COHEN_W,
    ODDS_RATIO,
    RISK_RATIO,
    EffectEstimate,
    Thresholds,
    effect,
    of_ratio,
)
from assay.stats.fixed.score import newcombe, ratio_limits
from assay.stats.fixed.share_pair import SharePair, question, share_pair
from assay.stats.inputs import check_alpha

ZERO_CELL = NoEstimate(
    "zero_cell", "an arm has no conversion, or all converted; conditional_odds_ratio has an exact interval"
)
NO_DIFFERENCE = NoEstimate("no_difference", "the shares are the same, so no number of units yields one more conversion")
INCLUDES_NONE = NoEstimate(
    "includes_no_difference",
    "the shares may be the same, so the number is at least one bound or at least the other in the other direction, "
    "with infinity between",
)
_BY_H = COHEN_H._replace(source=COHEN_H.source + ", of the same shares' h")


def cohens_h(treatment: Shares, control: Shares, *, alpha: float = 0.05) -> EffectEstimate:
    """Cohen's h = 2 arcsin √p_t - 2 arcsin √p_c, from -π to π; its standard error is √(1/n_t + 1/n_c).

    The interval is of large samples and kept within ±π. Words from 0.2, 0.5, 0.8 on.
    Source: Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", eq. 6.2.1.
    """
    pair = _pair(treatment, control, alpha)
    if isinstance(pair, NoEstimate):
        return effect("cohens_h", pair, pair, COHEN_H, alpha)
    h = _h(pair)
    half = normal_quantile(alpha / 2) * math.sqrt(1 / pair.n_t + 1 / pair.n_c)
    interval = Interval(max(-math.pi, h - half), min(math.pi, h + half), 1 - alpha)
    return effect("cohens_h", h, interval, COHEN_H, alpha)


def risk_difference(treatment: Shares, control: Shares, *, alpha: float = 0.05) -> EffectEstimate:
    """The difference of shares p_t - p_c, from -1 to 1, with Newcombe's interval (method 10).

    The word is that of Cohen's h of the same shares, because a point means more near 0 and 1 than in the middle.
    """
    pair = _pair(treatment, control, alpha)
    if isinstance(pair, NoEstimate):
        return effect("risk_difference", pair, pair, _BY_H, alpha)
    interval = newcombe(pair[:2], pair[2:], alpha=alpha).interval
    return effect("risk_difference", pair.difference, interval, _BY_H, alpha, size=abs(_h(pair)))


def risk_ratio(treatment: Shares, control: Shares, *, alpha: float = 0.05) -> EffectEstimate:
    """The ratio of shares p_t / p_c, from 0 on, 1: no difference, with Miettinen and Nurminen's score interval.

    An upper bound of None is infinite. Words from 1.22, 1.86, 3.0 on, or their inverses.
    Source: Miettinen & Nurminen 1985; of the words Olivier, May & Bell 2017, "Relative effect sizes for measures of
    risk".
    """
    pair = _pair(treatment, control, alpha)
    if isinstance(pair, NoEstimate):
        return effect("risk_ratio", pair, pair, RISK_RATIO, alpha)
    if not pair.x_t and not pair.x_c:
        return effect("risk_ratio", ZERO_CONTROL, ZERO_CONTROL, RISK_RATIO, alpha)
    lower, upper = ratio_limits(pair, question(alpha, "two_sided"))
    value = ZERO_CONTROL if not pair.x_c else (pair.x_t / pair.n_t) / (pair.x_c / pair.n_c)
    size = None if isinstance(value, NoEstimate) else of_ratio(value)
    return effect("risk_ratio", value, Interval(lower, upper, 1 - alpha), RISK_RATIO, alpha, size=size)


def odds_ratio(treatment: Shares, control: Shares, *, alpha: float = 0.05) -> EffectEstimate:
    """The sample's odds ratio p_t q_c / (q_t p_c), from 0 on, 1: no difference, with Woolf's interval.

    The logarithm's standard error is √(Σ 1 / cell) over the four cells; without one in every cell there is no interval.
    Words from 1.49, 3.45, 9.0 on, or their inverses: Cohen's phi of 0.1, 0.3, 0.5 where half of units convert and half
    are treated; for rare conversions they call large what few would (see `cohens_h`).
    Source: Woolf 1955, "On estimating the relation between blood group and disease"; of the words Olivier & Bell 2013,
    "Effect sizes for 2×2 contingency tables".
    """
    pair = _pair(treatment, control, alpha)
    if isinstance(pair, NoEstimate):
        return effect("odds_ratio", pair, pair, ODDS_RATIO, alpha)
    a, b, c, d = pair.x_t, pair.n_t - pair.x_t, pair.x_c, pair.n_c - pair.x_c
    if not b * c:
        return effect("odds_ratio", ZERO_CELL, ZERO_CELL, ODDS_RATIO, alpha)
    value = a * d / (b * c)
    if value == 0:
        return effect("odds_ratio", value, ZERO_CELL, ODDS_RATIO, alpha, size=math.inf)
    factor = math.exp(normal_quantile(alpha / 2) * math.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
    interval = Interval(value / factor, value * factor, 1 - alpha)
    return effect("odds_ratio", value, interval, ODDS_RATIO, alpha, size=of_ratio(value))


def number_needed_to_treat(treatment: Shares, control: Shares, *, alpha: float = 0.05) -> EffectEstimate:
    """1 / (p_t - p_c): units to treat for one more conversion; below 0: units to treat for one fewer.

    The interval is the inverse of Newcombe's, where that leaves out 0; else there is none, because infinity is among
    the values (Altman 1998, "Confidence intervals for the number needed to treat"). The word is that of Cohen's h.
    """
    pair = _pair(treatment, control, alpha)
    if isinstance(pair, NoEstimate):
        return effect("number_needed_to_treat", pair, pair, _BY_H, alpha)
    if pair.difference == 0:
        return effect("number_needed_to_treat", NO_DIFFERENCE, INCLUDES_NONE, _BY_H, alpha)
    found = newcombe(pair[:2], pair[2:], alpha=alpha).interval
    interval: Interval | NoEstimate = INCLUDES_NONE
    if isinstance(found, Interval) and found.lower and found.upper and found.lower * found.upper > 0:
        interval = Interval(1 / found.upper, 1 / found.lower, 1 - alpha)
    return effect("number_needed_to_treat", 1 / pair.difference, interval, _BY_H, alpha, size=abs(_h(pair)))


def cramers_v(table: ArrayLike, *, bias_corrected: bool = False) -> EffectEstimate:
    """Cramér's V = √(χ² / (N (min(rows, columns) - 1))) of a table of counts, from 0 to 1. It has no interval here.

    bias_corrected: Bergsma's, which is about 0 on average where rows do not differ. Words from 0.1, 0.3, 0.5 on,
    divided by √(min(rows, columns) - 1): Cohen's w turned into V.
    Source: Cramér 1946, section 21.9; Bergsma 2013, "A bias-correction for Cramér's V and Tschuprow's T".
    """
    counts = table_of(table)
    rows, columns = counts.shape
    if not counts.sum(axis=1).all() or columns < 2:
        why = ZERO_VARIANCE if counts.sum(axis=1).all() else EMPTY_ARM
        return effect("cramers_v", why, None, COHEN_W, 0.05)
    n = float(counts.sum())
    phi_squared = pearson(counts, expected_counts(counts)) / n
    least = min(rows, columns) - 1.0
    by: Thresholds = COHEN_W.scaled(1 / math.sqrt(least))
    if not bias_corrected:
        return effect("cramers_v", math.sqrt(phi_squared / least), None, by, 0.05)
    if n < 2:
        raise InvalidInput("table", f"{n:g} units", "at least two units for the bias-corrected V")
    phi_squared = max(0.0, phi_squared - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    if least <= 0:
        return effect("cramers_v_bias_corrected", ZERO_VARIANCE, None, by, 0.05)
    return effect("cramers_v_bias_corrected", math.sqrt(phi_squared / least), None, by, 0.05)


def _pair(treatment: Shares, control: Shares, alpha: float) -> SharePair | NoEstimate:
    check_alpha(alpha)
    return share_pair(treatment, control)


def _h(pair: SharePair) -> float:
    return 2 * (math.asin(math.sqrt(pair.x_t / pair.n_t)) - math.asin(math.sqrt(pair.x_c / pair.n_c)))
