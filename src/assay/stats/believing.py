"""Posteriors of a metric's treatments, for plans that ask for them: beside the numbers that decide, not instead.

Shares without an adjustment are beta-binomial under Beta(1, 1); everything else, and everything under a prior on lifts,
is taken as normal around its estimate.
"""

from __future__ import annotations

import math
from typing import Any

from assay.model.metric import MetricKind
from assay.model.plan import Plan
from assay.model.result import Interval, NoEstimate, Posterior
from assay.stats.arm import Arm
from assay.stats.bayesian.answer import BayesianAnswer
from assay.stats.bayesian.comparison import Likelihood, bayesian_comparison
from assay.stats.bayesian.posteriors import Estimate
from assay.stats.bayesian.priors import EffectPrior, EffectScale
from assay.stats.comparison import Measured


def posteriors(item: Measured, control: str, plan: Plan) -> dict[str, Posterior]:
    """Treatment → what is believed of it against the control; treatments that cannot be judged are left out."""
    arms = item.arms if item.by is None else {**item.arms, **item.by.arms}
    usable = {variant: arm for variant, arm in arms.items() if isinstance(arm, Arm) and arm.n > 1}
    if control not in usable or item.metric.kind is MetricKind.QUANTILE:
        return {}
    prior = None if plan.prior_lift_sd is None else EffectPrior(mean=0.0, sd=plan.prior_lift_sd)
    if prior is None and item.by is not None:
        # adjusted arms share chance, which only effects know how to take along
        prior = EffectPrior(sd=math.inf, scale=EffectScale.ABSOLUTE)
    likelihood = Likelihood.SHARE if item.shape == "share" and prior is None else Likelihood.ESTIMATE
    data: dict[str, Any] = {variant: _data(arm, likelihood) for variant, arm in usable.items()}
    found = bayesian_comparison(
        {variant: given for variant, given in data.items() if variant != control},
        data[control],
        likelihood,
        prior=prior,
        direction=item.metric.direction,
        level=1 - plan.alpha,
    )
    shown = {answer.variant: _shown(answer) for answer in found.answers}
    return {variant: posterior for variant, posterior in shown.items() if posterior is not None}


def _data(arm: Arm, likelihood: Likelihood) -> Any:
    if likelihood is Likelihood.SHARE:
        return round(arm.value * arm.n), arm.n
    return Estimate(arm.value, math.sqrt(arm.variance), arm.shared)


def _shown(answer: BayesianAnswer) -> Posterior | None:
    chance, loss, interval = answer.chance_to_beat, answer.expected_loss, answer.interval
    if isinstance(chance, NoEstimate) or isinstance(loss, NoEstimate) or not isinstance(interval, Interval):
        return None
    return Posterior(
        chance_to_beat=chance,
        chance_to_be_best=answer.chance_to_be_best,
        expected_loss=loss,
        interval=interval,
        relative_interval=answer.relative_interval,
        prior=answer.prior,
        method=answer.method.value,
    )
