"""A test's outcome as the comparison that a result shows."""

from __future__ import annotations

import math

from assay.model.metric import Direction, Hypothesis, MetricKind
from assay.model.result import Comparison, EffectSize, NoEstimate, Posterior, Validity
from assay.stats.comparison import Measured, Tuning
from assay.stats.fixed.effect_words import COHEN_D, COHEN_H, Thresholds, effect
from assay.stats.fixed.judge import tail
from assay.stats.outcome import Alternative, Outcome
from assay.stats.reduction.report import Reduction
from assay.stats.sequential.rules import log_p_value

OTHER_SCALE = "other_scale"
"""Why there is no lift: the test's difference is not one of the metric's values."""
BELOW_ZERO = "the control is below 0, so the lift has the opposite sign of the difference"


def comparison(
    item: Measured,
    variant: str,
    control: str,
    found: Outcome,
    adjusted: float | None,
    alpha: float,
    *,
    harmful: bool = False,
    posterior: Posterior | None = None,
) -> Comparison:
    """An outcome as a comparison. adjusted: the p-value after correction, None when there is no p-value.

    A test with a scale of its own has no lift: wins of the treatment per win of the control are not one.
    """
    metric = item.metric
    significant = adjusted is not None and adjusted < alpha
    better: bool | None = None
    directed = item.test.directed or found.test != item.test.name
    if significant and directed and metric.hypothesis is Hypothesis.DIFFERENCE and isinstance(found.difference, float):
        better = (found.difference > 0) is (metric.direction is Direction.INCREASE)
    if significant and metric.hypothesis is Hypothesis.SUPERIORITY:
        better = True
    if harmful:
        better = False
    scale = item.test.scale if found.test.startswith(item.test.name) else ""
    relative, relative_interval = found.relative, found.relative_interval
    if scale and isinstance(found.difference, float):
        # What such a test says relative to the control, as wins per loss, is no lift of the metric.
        relative = relative_interval = NoEstimate(OTHER_SCALE, f"the difference is {scale} ({found.test})")
    below = item.arms[control]
    turned = isinstance(relative, float) and not isinstance(below, NoEstimate) and below.value < 0
    return Comparison(
        variant=variant,
        control=control,
        absolute=found.difference,
        absolute_interval=found.interval,
        relative=relative,
        relative_interval=relative_interval,
        p_value=found.p_value,
        p_value_adjusted=found.p_value if adjusted is None else adjusted,
        significant=significant,
        better=better,
        test=found.test,
        validity=found.validity,
        statistic=found.statistic,
        degrees_of_freedom=found.degrees_of_freedom,
        variance_reduction=_reduction(item, variant, control),
        log_p_value=found.log_p,
        alternative=found.alternative.value,
        hypothesis=metric.hypothesis,
        margin=metric.margin,
        effect_size=_effect_size(item, variant, control),
        posterior=posterior,
        warnings=(*found.warnings, BELOW_ZERO) if turned else found.warnings,
        scale=scale,
    )


def _reduction(item: Measured, variant: str, control: str) -> float | None:
    if item.by is None:
        return None
    found = item.by.reduction(variant, control)
    return found.share_removed if isinstance(found, Reduction) else None


def is_harmful(item: Measured, variant: str, control: str, found: Outcome, tuning: Tuning, alpha: float) -> bool:
    """Whether a treatment that was to be not worse by a margin is worse by more: the same test, the other way."""
    statistic = found.statistic
    if item.metric.hypothesis is not Hypothesis.NON_INFERIORITY or statistic is None:
        return False
    nu = math.inf if found.degrees_of_freedom is None else found.degrees_of_freedom
    other = Alternative.LESS if item.metric.direction is Direction.INCREASE else Alternative.GREATER
    if found.validity is Validity.FIXED:
        return tail(statistic, nu, other)[0] < alpha
    if found.test.endswith("group_sequential"):
        return False
    n_units = item.moments[variant].n + item.moments[control].n
    return log_p_value(statistic, tuning.rho_squared * n_units, nu, other) < math.log(alpha)


def _effect_size(item: Measured, variant: str, control: str) -> EffectSize | None:
    """Cohen's h of shares, Cohen's d of means, both of the values as they are; None for ratios and quantiles."""
    t, c = item.arms[variant], item.arms[control]
    kind = item.metric.kind
    if isinstance(t, NoEstimate) or isinstance(c, NoEstimate) or kind in (MetricKind.RATIO, MetricKind.QUANTILE):
        return None
    if kind is MetricKind.CONVERSION:
        value = 2 * math.asin(math.sqrt(t.value)) - 2 * math.asin(math.sqrt(c.value))
        return _named_size("Cohen's h", value, COHEN_H)
    freedom = t.n + c.n - 2
    pooled = ((t.n - 1) * t.unit_variance + (c.n - 1) * c.unit_variance) / freedom if freedom > 0 else 0.0
    if min(t.n, c.n) < 2 or pooled <= 0:
        return None
    return _named_size("Cohen's d", (t.value - c.value) / math.sqrt(pooled), COHEN_D)


def _named_size(name: str, value: float, thresholds: Thresholds) -> EffectSize:
    return EffectSize(name=name, value=value, words=effect(name, value, None, thresholds, 0.05).words or "")
