"""When to stop: the expected-loss rule with a minimum sample, and the error rate that any such rule really has.

"Stop once the chance to beat passes 95 %" is not a test at 5 %: looked at every 100 units up to 20,000 it ships a
treatment that does nothing in 33 % of experiments, and declares one of the arms better in 65 %. `stopping_errors`
says how often, for stated looks; `calibrated_loss_rule` finds the expected loss at which it happens at most with a
stated rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.bayesian.answer import BayesianAnswer
from assay.stats.bayesian.watching import Bound, Flags, Watch, check_watch, simulated
from assay.stats.checks import is_finite, is_number
from assay.stats.inputs import check_alpha, check_seed

REPLICATIONS = 5_000
_CERTAINTY = 0.01
"""A calibrated rule's true rate is above its stated one with at most this probability."""


def _at_least_one(value: int, name: str) -> None:
    if value < 1:
        raise InvalidInput(name, value, "1 or more")


class StopDecision(StrEnum):
    """ship: the treatment; keep: the control; go_on: look again later."""

    SHIP = "ship"
    KEEP = "keep"
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRule:
    """Ship when the treatment's expected loss is at most `loss`; keep the control when its own is.

    loss: in the metric's unit. minimum_units: per arm, before which nothing is decided.
    """

    loss: float
    minimum_units: int = 1

    def __post_init__(self) -> None:
        if not (is_finite(self.loss) and self.loss > 0):
            raise InvalidInput("loss", self.loss, "a finite number above 0")
        _at_least_one(self.minimum_units, "minimum_units")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChanceRule:
    """Ship when the chance to beat is above `chance`; keep the control when the chance to lose is.

    Offered so that its error can be shown, not to be used: see `stopping_errors`.
    """

    chance: float
    minimum_units: int = 1

    def __post_init__(self) -> None:
        if not (is_number(self.chance) and 0.5 < self.chance < 1):
            raise InvalidInput("chance", self.chance, "a number above 0.5 and below 1")
        _at_least_one(self.minimum_units, "minimum_units")


StoppingRule = LossRule | ChanceRule


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingErrors:
    """What a rule does, by simulation, when looked at as stated; rates between 0 and 1, errors are standard errors.

    false_ship: that a treatment without any effect is ever shipped. false_either: that either arm is ever declared
    better then. power: that a treatment with the effect is shipped before the control is kept; None without an effect.
    mean_units: per arm until the decision under the effect (all looks where there is none); None without an effect.
    """

    false_ship: float
    false_ship_error: float
    false_either: float
    power: float | None
    power_error: float | None
    mean_units: float | None
    looks: tuple[int, ...]
    baseline: float
    replications: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedRule:
    """An expected-loss rule that ships a useless treatment with a chance of at most `alpha` over all its looks.

    measured: its errors in a second simulation with draws of its own.
    """

    rule: LossRule
    alpha: float
    measured: StoppingErrors


def stop_decision(rule: StoppingRule, answer: BayesianAnswer, units_per_arm: int) -> StopDecision | NoEstimate:
    """What the rule says now. units_per_arm: of the smaller arm."""
    if isinstance(rule, LossRule):
        shipping, keeping = answer.expected_loss, answer.expected_gain
    else:
        shipping, keeping = answer.chance_to_lose, answer.chance_to_beat
    if isinstance(shipping, NoEstimate) or isinstance(keeping, NoEstimate):
        return shipping if isinstance(shipping, NoEstimate) else NoEstimate("no_answer", "there is no answer yet")
    if units_per_arm < rule.minimum_units:
        return StopDecision.GO_ON
    bound = rule.loss if isinstance(rule, LossRule) else 1 - rule.chance
    ship, keep = shipping <= bound, keeping <= bound
    if ship and keep:
        # both cost next to nothing: the better of the two
        return StopDecision.SHIP if shipping <= keeping else StopDecision.KEEP
    if ship:
        return StopDecision.SHIP
    return StopDecision.KEEP if keep else StopDecision.GO_ON


def stopping_errors(
    rule: StoppingRule,
    baseline: float,
    looks: Sequence[int],
    *,
    effect: float | None = None,
    sd: float | None = None,
    replications: int = REPLICATIONS,
    seed: int = 0,
) -> StoppingErrors:
    """The rule's false positives and power when it is asked at every one of `looks`.

    baseline: the control's share of units that convert, or with `sd` (of units) the control's mean. looks: units per
    arm, ascending. effect: relative, 0.05 is +5 %. Shares have Beta(1, 1) priors, means flat ones. Standard error of
    a rate at most 0.5 / √replications.
    """
    watch = check_watch(Watch(baseline, sd, tuple(looks)), replications)
    streams = np.random.SeedSequence(check_seed(seed)).spawn(2)
    useless = simulated(watch, 0.0, replications, np.random.default_rng(streams[0]))
    bound = _bound(rule)
    ship, keep = useless.decided(bound)
    false_ship, false_either = float(ship.any(axis=1).mean()), float((ship | keep).any(axis=1).mean())
    power = power_error = mean_units = None
    if effect is not None:
        if not is_finite(effect) or (sd is None and not 0 <= baseline * (1 + effect) <= 1):
            raise InvalidInput("effect", effect, "a relative change that leaves a share between 0 and 1")
        real = simulated(watch, effect, replications, np.random.default_rng(streams[1]))
        ship, keep = real.decided(bound)
        first_ship, first_keep = _first(ship), _first(keep)
        power = float((first_ship < first_keep).mean())
        power_error = math.sqrt(power * (1 - power) / replications)
        stop = np.minimum(np.minimum(first_ship, first_keep), len(watch.looks) - 1)
        mean_units = float(np.asarray(watch.looks)[stop].mean())
    return StoppingErrors(
        false_ship=false_ship,
        false_ship_error=math.sqrt(false_ship * (1 - false_ship) / replications),
        false_either=false_either,
        power=power,
        power_error=power_error,
        mean_units=mean_units,
        looks=watch.looks,
        baseline=baseline,
        replications=replications,
    )


def calibrated_loss_rule(
    baseline: float,
    looks: Sequence[int],
    *,
    alpha: float = 0.05,
    minimum_units: int = 1,
    effect: float | None = None,
    sd: float | None = None,
    replications: int = REPLICATIONS,
    seed: int = 0,
) -> CalibratedRule | NoEstimate:
    """The largest expected loss at which a useless treatment is shipped, at any look, with a chance of at most alpha.

    The smallest loss over all looks is simulated without an effect, and the rule's loss is its alpha quantile, moved
    down so that simulation error breaks the rate with a probability of at most 1 %. Keeping the control early is not
    counted on: the rate holds also for people who go on. That the control is ever declared the better one has the
    same chance again. It holds at the stated baseline and looks; where the true baseline is lower, losses are smaller
    and the rate is exceeded a little (at half the baseline 5.6 % instead of 5 %, with 40 looks), so state the lowest
    plausible one.
    """
    check_alpha(alpha)
    _at_least_one(minimum_units, "minimum_units")
    watch = check_watch(Watch(baseline, sd, tuple(looks)), replications)
    used = tuple(look for look in watch.looks if look >= minimum_units)
    if not used:
        return NoEstimate("no_look", "every look comes before the minimum sample")
    from scipy.stats import binom

    place = int(binom.ppf(_CERTAINTY, replications, alpha)) - 1
    if place < 0:
        raise InvalidInput("replications", replications, f"enough for an alpha of {alpha:g}: {math.ceil(5 / alpha)}")
    # the spawned streams of stopping_errors with the same seed are not used here, so that it measures afresh
    rng = np.random.default_rng(np.random.SeedSequence((check_seed(seed), 1)))
    loss = simulated(watch, 0.0, replications, rng).smallest_loss(minimum_units, place)
    rule = LossRule(loss=loss, minimum_units=minimum_units)
    measured = stopping_errors(rule, baseline, looks, effect=effect, sd=sd, replications=replications, seed=seed)
    return CalibratedRule(rule=rule, alpha=alpha, measured=measured)


def _bound(rule: StoppingRule) -> Bound:
    if isinstance(rule, LossRule):
        return Bound(rule.loss, rule.minimum_units, True)
    return Bound(1 - rule.chance, rule.minimum_units, False)


def _first(flags: Flags) -> NDArray[np.intp]:
    """The first look at which it is so; the number of looks where it never is."""
    return np.asarray(np.where(flags.any(axis=1), flags.argmax(axis=1), flags.shape[1]), dtype=np.intp)
