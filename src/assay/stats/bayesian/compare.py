"""Treatments against a control: chances, losses, credible intervals, practical equivalence, and which arm is best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from assay.errors import InvalidInput
from assay.model.metric import Direction
from assay.model.result import NoEstimate
from assay.stats.bayesian.answer import BayesianAnswer, BayesianComparison, Method, Rope, nothing_known
from assay.stats.bayesian.best import best_of
from assay.stats.bayesian.effects import draw_arms, effect_posterior
from assay.stats.bayesian.judge import NO_MEAN, answer_of, judge_arms, judge_effect, with_best
from assay.stats.bayesian.posteriors import ArmPosterior, Estimate, MeanPosterior
from assay.stats.bayesian.priors import EffectPrior, EffectScale, MixturePrior
from assay.stats.inputs import check_alpha, check_seed

ARM_MISSING = NoEstimate("arm_missing", "another arm has no estimate, so none can be called the best")
CONTROL_IS_ZERO = NoEstimate("zero_control", "the control is 0, so a prior relative to it says nothing")
DRAWS = 40_000
"""Draws of a simulated chance to be best; its standard error is at most 0.0025."""

Warnings = Mapping[str, tuple[str, ...]]
Number = float | NoEstimate


def compare_posteriors(
    treatments: Mapping[str, ArmPosterior | NoEstimate],
    control: ArmPosterior | NoEstimate,
    *,
    direction: Direction = Direction.INCREASE,
    level: float = 0.95,
    rope: Rope | None = None,
    prior: str = "as in the posteriors given",
    warnings: Warnings | None = None,
) -> BayesianComparison:
    """Every treatment against the control, from independent posteriors of one family.

    Chances of gammas and of normals are closed forms; the others are integrals, right to about 1e-10 of themselves.
    prior: in words, for the answers. warnings: by variant, passed on.
    """
    _check(treatments, level)
    kinds = {type(arm).__name__ for arm in (control, *treatments.values()) if not isinstance(arm, NoEstimate)}
    if len(kinds) > 1:
        raise InvalidInput("treatments", " and ".join(sorted(kinds)), "posteriors of one family")
    answers = []
    for name, arm in treatments.items():
        if isinstance(control, NoEstimate) or isinstance(arm, NoEstimate):
            why = control if isinstance(control, NoEstimate) else arm
            assert isinstance(why, NoEstimate)
            answers.append(nothing_known(name, why, prior=prior, direction=direction, level=level, rope=rope))
            continue
        answers.append(
            answer_of(
                name,
                judge_arms(arm, control),
                direction=direction,
                level=level,
                rope=rope,
                prior=prior,
                warnings=(warnings or {}).get(name, ()),
            )
        )
    arms = [control, *treatments.values()]
    known = [arm for arm in arms if not isinstance(arm, NoEstimate)]
    if len(known) < len(arms) or len(arms) == 2:
        return _ranked_by_pair(answers)
    found = best_of([arm.curve for arm in known], less=direction is Direction.DECREASE)
    no_mean = any(isinstance(arm, MeanPosterior) and arm.degrees_of_freedom <= 1 for arm in known)
    losses: list[Number] = [NO_MEAN if no_mean else math.exp(log) for log in found.log_loss[0]]
    return _ranked(answers, [math.exp(log) for log in found.log_chance[0]], losses, Method.QUADRATURE, found.error[:1])


def compare_effects(
    treatments: Mapping[str, Estimate | NoEstimate],
    control: Estimate | NoEstimate,
    prior: EffectPrior | MixturePrior,
    *,
    direction: Direction = Direction.INCREASE,
    level: float = 0.95,
    rope: Rope | None = None,
    warnings: Warnings | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> BayesianComparison:
    """Every treatment against the control under a prior on the effect (see assay.stats.bayesian.effects).

    Each treatment is judged with its own data and the control's. With several treatments the chance to be best and
    the loss against the best, which need all of them together, are simulated with `seed`.
    """
    _check(treatments, level)
    if isinstance(control, Estimate) and control.value == 0 and not prior.flat and prior.scale is EffectScale.RELATIVE:
        control = CONTROL_IS_ZERO
    answers = []
    for name, arm in treatments.items():
        if isinstance(control, NoEstimate) or isinstance(arm, NoEstimate):
            why = control if isinstance(control, NoEstimate) else arm
            assert isinstance(why, NoEstimate)
            answers.append(nothing_known(name, why, prior=prior.words, direction=direction, level=level, rope=rope))
            continue
        judged = judge_effect(effect_posterior(arm, control, prior))
        more = (warnings or {}).get(name, ())
        answers.append(
            answer_of(name, judged, direction=direction, level=level, rope=rope, prior=prior.words, warnings=more)
        )
    known = [arm for arm in treatments.values() if not isinstance(arm, NoEstimate)]
    if isinstance(control, NoEstimate) or len(known) < len(treatments) or len(known) == 1:
        return _ranked_by_pair(answers)
    drawn = draw_arms(known, control, prior, np.random.default_rng(check_seed(seed)), draws)
    if direction is Direction.DECREASE:
        drawn = -drawn
    chance = np.bincount(drawn.argmax(axis=1), minlength=drawn.shape[1]) / len(drawn)
    losses = (drawn.max(axis=1, keepdims=True) - drawn).mean(axis=0)
    error = np.sqrt(chance * (1 - chance) / len(drawn))[1:]
    return _ranked(answers, chance.tolist(), losses.tolist(), Method.SIMULATION, error)


def _check(treatments: Mapping[str, object], level: float) -> None:
    check_alpha(level, "level")
    if not treatments:
        raise InvalidInput("treatments", "none", "at least one treatment")


def _ranked(
    answers: Sequence[BayesianAnswer],
    chances: Sequence[Number],
    losses: Sequence[Number],
    method: Method,
    errors: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> BayesianComparison:
    """chances, losses: of the control, then of each treatment."""
    wide = np.broadcast_to(errors, (len(answers),))
    ranked = tuple(
        with_best(answer, chance, loss, method, float(error))
        for answer, chance, loss, error in zip(answers, chances[1:], losses[1:], wide, strict=True)
    )
    return BayesianComparison(answers=ranked, control_chance_to_be_best=chances[0], control_loss=losses[0])


def _ranked_by_pair(answers: Sequence[BayesianAnswer]) -> BayesianComparison:
    """Of two arms the best is the one that beats the other; of more, nothing can be said while one is missing."""
    if len(answers) == 1:
        only = answers[0]
        return BayesianComparison(
            answers=(only,), control_chance_to_be_best=only.chance_to_lose, control_loss=only.expected_gain
        )
    missing = tuple(
        answer
        if isinstance(answer.chance_to_beat, NoEstimate)
        else with_best(answer, ARM_MISSING, ARM_MISSING, answer.method, answer.error)
        for answer in answers
    )
    return BayesianComparison(answers=missing, control_chance_to_be_best=ARM_MISSING, control_loss=ARM_MISSING)
