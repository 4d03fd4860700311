"""One treatment against the control: from a distribution of the effect to an answer in plain numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from assay.model.metric import Direction
from assay.model.result import Interval, NoEstimate
from assay.stats.bayesian.answer import BayesianAnswer, Method, Rope, RopeDecision, RopeVerdict
from assay.stats.bayesian.effects import EffectPosterior
from assay.stats.bayesian.pairs import chances, log_shortfall
from assay.stats.bayesian.posteriors import ArmPosterior, BetaPosterior, GammaPosterior, MeanPosterior
from assay.stats.bayesian.priors import EffectScale
from assay.stats.bayesian.spreads import Spread, difference, lift

CONTROL_NEAR_ZERO = NoEstimate(
    "control_near_zero", "the control cannot be told from 0, so a relative change has no useful distribution"
)
NO_MEAN = NoEstimate("no_mean", "with two units the posterior has tails so long that it has no mean")
NO_MEAN_LIFT = NoEstimate("no_mean_lift", "the posterior of the lift has no mean; its median is given as relative")
_SURELY = math.log(1e-4)
"""A control is told from 0 when less than this much of its posterior is on the other side."""


class Judged(NamedTuple):
    """A treatment against the control. log_above, log_below: of the chances. shortfall: E max(C - T, 0); excess:
    E max(T - C, 0)."""

    log_above: float
    log_below: float
    method: Method
    error: float
    mean: float | NoEstimate
    shortfall: float | NoEstimate
    excess: float | NoEstimate
    absolute: Spread
    relative: Spread | NoEstimate
    expected_lift: float | NoEstimate


def judge_arms(treatment: ArmPosterior, control: ArmPosterior) -> Judged:
    """Two independent posteriors of one family."""
    t, c = treatment.curve, control.curve
    found = chances(t, c)
    nus = [arm.degrees_of_freedom for arm in (treatment, control) if isinstance(arm, MeanPosterior)]
    no_mean = NO_MEAN if nus and min(nus) <= 1 else None
    student = bool(nus) and math.isfinite(min(nus))
    closed = isinstance(treatment, GammaPosterior) or (bool(nus) and not student)
    return Judged(
        float(found.log_above[0]),
        float(found.log_below[0]),
        Method.CLOSED_FORM if closed else Method.QUADRATURE,
        float(found.error[0]),
        no_mean or treatment.mean - control.mean,
        no_mean or math.exp(float(log_shortfall(t, c)[0])),
        no_mean or math.exp(float(log_shortfall(c, t)[0])),
        difference(t, c),
        _lift(treatment, control),
        _mean_lift(treatment, control),
    )


def judge_effect(effect: EffectPosterior) -> Judged:
    """A posterior of the effect itself."""
    turned = effect.turned() if effect.control_mean < 0 else effect
    near_zero = turned.log_control_at_most_zero() > _SURELY
    return Judged(
        effect.log_above(0.0),
        effect.log_below(0.0),
        Method.CLOSED_FORM if effect.weights.size == 1 else Method.QUADRATURE,
        0.0 if effect.weights.size == 1 else 1e-9,
        effect.mean,
        math.exp(effect.log_shortfall()),
        math.exp(effect.log_shortfall(less=True)),
        effect.difference(),
        CONTROL_NEAR_ZERO if near_zero else turned.lift(),
        CONTROL_NEAR_ZERO if near_zero else NO_MEAN_LIFT,
    )


def answer_of(
    variant: str,
    judged: Judged,
    *,
    direction: Direction,
    level: float,
    rope: Rope | None,
    prior: str,
    warnings: tuple[str, ...] = (),
) -> BayesianAnswer:
    """The answer in the better direction; of two arms the best is the one that beats the other."""
    up = direction is Direction.INCREASE
    log_beat, log_lose = (judged.log_above, judged.log_below) if up else (judged.log_below, judged.log_above)
    loss, gain = (judged.shortfall, judged.excess) if up else (judged.excess, judged.shortfall)
    relative, relative_interval = _centre_and_interval(judged.relative, level)
    if isinstance(relative, NoEstimate):
        warnings = (*warnings, "The control is too close to 0 for relative numbers.")
    return BayesianAnswer(
        variant=variant,
        difference=judged.mean,
        interval=_interval(judged.absolute, level),
        relative=relative,
        relative_interval=relative_interval,
        expected_lift=judged.expected_lift,
        chance_to_beat=math.exp(log_beat),
        log_chance_to_beat=log_beat,
        chance_to_lose=math.exp(log_lose),
        log_chance_to_lose=log_lose,
        chance_to_be_best=math.exp(log_beat),
        expected_loss=loss,
        expected_gain=gain,
        loss_to_best=loss,
        rope=None if rope is None else _verdict(rope, judged, up),
        prior=prior,
        method=judged.method,
        error=judged.error,
        best_method=judged.method,
        best_error=judged.error,
        direction=direction,
        level=level,
        warnings=warnings,
    )


def with_best(
    answer: BayesianAnswer,
    chance: float | NoEstimate,
    loss: float | NoEstimate,
    method: Method,
    error: float,
) -> BayesianAnswer:
    """The answer with its standing among several arms."""
    return replace(answer, chance_to_be_best=chance, loss_to_best=loss, best_method=method, best_error=error)


def _interval(spread: Spread, level: float) -> Interval:
    tail = (1 - level) / 2
    return Interval(float(spread.quantile(tail)[0]), float(spread.quantile(1 - tail)[0]), level)


def _centre_and_interval(spread: Spread | NoEstimate, level: float) -> tuple[float | NoEstimate, Interval | NoEstimate]:
    if isinstance(spread, NoEstimate):
        return spread, spread
    return float(spread.quantile(0.5)[0]), _interval(spread, level)


def _verdict(rope: Rope, judged: Judged, up: bool) -> RopeVerdict | NoEstimate:
    spread = judged.absolute if rope.scale is EffectScale.ABSOLUTE else judged.relative
    if isinstance(spread, NoEstimate):
        return spread
    low, high = np.array([rope.low]), np.array([rope.high])
    below, above = math.exp(spread.log_below(low)[0]), math.exp(spread.log_above(high)[0])
    # the inside as a difference of the smaller tails, so that it keeps its digits far from the centre
    if below < above:
        inside = math.exp(spread.log_below(high)[0]) - below
    else:
        inside = math.exp(spread.log_above(low)[0]) - above
    decision = RopeDecision.UNDECIDED
    if inside >= rope.chance:
        decision = RopeDecision.EQUIVALENT
    elif max(below, above) >= rope.chance:
        decision = RopeDecision.BETTER if (above > below) is up else RopeDecision.WORSE
    return RopeVerdict(rope=rope, below=below, inside=max(0.0, inside), above=above, decision=decision)


def _lift(treatment: ArmPosterior, control: ArmPosterior) -> Spread | NoEstimate:
    t, c = treatment, control
    if isinstance(t, MeanPosterior) and isinstance(c, MeanPosterior):
        if c.location < 0:
            t, c = replace(t, location=-t.location), replace(c, location=-c.location)
        if c.log_cdf(0.0) > _SURELY:
            return CONTROL_NEAR_ZERO
    return lift(t.curve, c.curve)


def _mean_lift(treatment: ArmPosterior, control: ArmPosterior) -> float | NoEstimate:
    """E[T] E[1 / C] - 1 of independent arms, where it is finite."""
    if isinstance(control, BetaPosterior) and control.a > 1:
        return treatment.mean * (control.a + control.b - 1) / (control.a - 1) - 1
    if isinstance(control, GammaPosterior) and control.shape > 1:
        return treatment.mean * control.rate / (control.shape - 1) - 1
    return NO_MEAN_LIFT
