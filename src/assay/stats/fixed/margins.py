"""Tests against a margin that is a share of the control: superiority by a margin, non-inferiority, equivalence.

Margins are relative: 0.02 is 2 % of the control's value. The hypothesis "the lift is r" is "t - (1 + r) c is 0", with
variance v_t + (1 + r)² v_c (and what adjusted arms share), so nothing is divided by an estimate, and the test agrees
with Fieller's interval of the lift (Fieller 1954). Equivalence is two one-sided tests at α each (Schuirmann 1987); its
interval has level 1 - 2α.
"""

from __future__ import annotations

import math

from assay.errors import InvalidInput
from assay.model.metric import Hypothesis
from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, Arm, beside_variance
from assay.stats.checks import is_number
from assay.stats.fixed.core import Shares, Units
from assay.stats.fixed.judge import judge, tail
from assay.stats.fixed.parts import mean_parts
from assay.stats.inputs import check_alpha, moments_of, share_of
from assay.stats.outcome import Alternative, Outcome, nothing

NEGATIVE_CONTROL = NoEstimate("negative_control", "the control is not above 0, so a share of it is no margin")


def share_margin_test(
    treatment: Shares,
    control: Shares,
    *,
    hypothesis: Hypothesis | str,
    margin: float,
    higher_is_better: bool = True,
    alpha: float = 0.05,
) -> Outcome:
    """Two shares against a relative margin, by the normal curve with unpooled variances."""
    arms = []
    for given, name in ((treatment, "treatment"), (control, "control")):
        converted, n = share_of(given, name)
        p = converted / n if n else 0.0
        arms.append(Arm(n, p, p * (1 - p)))
    return margin_test(
        "two_proportion_z_unpooled",
        arms[0],
        arms[1],
        hypothesis=hypothesis,
        margin=margin,
        higher_is_better=higher_is_better,
        alpha=alpha,
        normal=True,
        floor=0.0,
        ceiling=1.0,
    )


def mean_margin_test(
    treatment: Units,
    control: Units,
    *,
    hypothesis: Hypothesis | str,
    margin: float,
    higher_is_better: bool = True,
    alpha: float = 0.05,
) -> Outcome:
    """Two means against a relative margin, by Welch's t."""
    arms: list[Arm | NoEstimate] = []
    for given, name in ((treatment, "treatment"), (control, "control")):
        parts = mean_parts(moments_of(given, name))
        arms.append(parts if isinstance(parts, NoEstimate) else Arm(*parts))
    return margin_test(
        "welch_t",
        arms[0],
        arms[1],
        hypothesis=hypothesis,
        margin=margin,
        higher_is_better=higher_is_better,
        alpha=alpha,
    )


def margin_test(
    test: str,
    treatment: Arm | NoEstimate,
    control: Arm | NoEstimate,
    *,
    hypothesis: Hypothesis | str,
    margin: float,
    higher_is_better: bool = True,
    alpha: float = 0.05,
    normal: bool = False,
    floor: float | None = None,
    ceiling: float | None = None,
) -> Outcome:
    """Two arms against a relative margin. normal: the normal curve instead of Welch's t.

    The p-value is small when the hypothesis is shown: better by more than the margin, not worse by it, or neither. The
    outcome's null is the relative margin that was nearer. Raises InvalidInput for the hypothesis and the margin.
    """
    wanted, size = _wanted(hypothesis), _checked(margin)
    check_alpha(alpha)
    if wanted is Hypothesis.EQUIVALENCE and alpha >= 0.5:
        raise InvalidInput("alpha", alpha, "a number above 0 and below 0.5: the interval has level 1 - 2 alpha")
    name = f"{test}_{wanted.value}"
    if isinstance(treatment, NoEstimate):
        return nothing(name, treatment, level=1 - alpha)
    if isinstance(control, NoEstimate):
        return nothing(name, control, level=1 - alpha)
    if min(treatment.n, control.n) < (1 if normal else 2):
        return nothing(name, ONE_UNIT if min(treatment.n, control.n) else EMPTY_ARM, level=1 - alpha)
    if control.value <= 0:
        return nothing(name, NEGATIVE_CONTROL, level=1 - alpha)
    sides = sides_of(wanted, size, higher_is_better)
    is_pair = len(sides) == 2
    alternative = Alternative.TWO_SIDED if is_pair else sides[0][1]
    v_t, v_c = treatment.variance, control.variance
    spread, tilt = beside_variance(treatment.shared, control.shared, v_t, v_c)
    shown = judge(
        name,
        treatment.value,
        control.value,
        v_t,
        v_c,
        math.inf if normal else _freedom(treatment, control, 1.0),
        v_t + v_c,
        2 * alpha if is_pair else alpha,
        alternative,
        0.0,
        floor,
        ceiling,
        beside=(spread, tilt),
    )
    if isinstance(shown.p_value, NoEstimate):
        return shown
    found = []
    for null, side in sides:
        factor = 1 + null
        nu = math.inf if normal else _freedom(treatment, control, factor)
        square = factor * factor
        variance = v_t + square * v_c + spread * (1 - factor) ** 2 + tilt * (1 - square)
        statistic = (treatment.value - factor * control.value) / math.sqrt(variance)
        found.append((*tail(statistic, nu, side), statistic, null, nu))
    p, log_p, statistic, null, nu = max(found, key=lambda item: item[1])
    return shown._replace(
        p_value=p,
        log_p=log_p,
        statistic=statistic,
        null=null,
        degrees_of_freedom=None if math.isinf(nu) else nu,
    )


def sides_of(hypothesis: Hypothesis, margin: float, higher_is_better: bool) -> list[tuple[float, Alternative]]:
    """The one-sided tests a hypothesis needs: (lift under the null, side to be shown)."""
    above, below = Alternative.GREATER, Alternative.LESS
    if hypothesis is Hypothesis.EQUIVALENCE:
        return [(-margin, above), (margin, below)]
    better = margin if hypothesis is Hypothesis.SUPERIORITY else -margin
    return [(better, above)] if higher_is_better else [(-better, below)]


def _freedom(treatment: Arm, control: Arm, factor: float) -> float:
    """Welch and Satterthwaite's degrees of freedom of t - factor · c."""
    v_t, v_c = treatment.variance, factor * factor * control.variance
    total = v_t + v_c
    if total <= 0:
        return treatment.n + control.n - 2.0
    return 1 / ((v_t / total) ** 2 / (treatment.n - 1) + (v_c / total) ** 2 / (control.n - 1))


def _wanted(hypothesis: Hypothesis | str) -> Hypothesis:
    choices = [item for item in Hypothesis if item is not Hypothesis.DIFFERENCE]
    if hypothesis not in choices:
        raise InvalidInput("hypothesis", hypothesis, ", ".join(item.value for item in choices))
    return Hypothesis(hypothesis)


def _checked(margin: float) -> float:
    if not (is_number(margin) and 0 < margin < 1):
        raise InvalidInput("margin", margin, "a share of the control above 0 and below 1")
    return margin
