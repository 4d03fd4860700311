"""The everyday tests of one look: two shares, two means, two ratios of means, two means adjusted by a covariate."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.moments import Moments
from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, Arm, beside_variance
from assay.stats.fixed.judge import judge
from assay.stats.fixed.parts import Parts, cuped_parts, mean_parts, ratio_parts
from assay.stats.inputs import Share, check_alpha, finite, moments_of, not_moments, share_of
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing

Units = Moments | ArrayLike
Shares = Share | tuple[int, int] | Moments | ArrayLike

_TWO_SIDED = Alternative.TWO_SIDED
_NOTHING_BESIDE = (0.0, 0.0)
_NULL = "a finite difference"
_SHARE_NULL = "a difference of two shares, above -1 and below 1"


def two_proportion_z(
    treatment: Shares,
    control: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    pooled: bool = True,
) -> Outcome:
    """Two shares by the normal curve: z = (p_t - p_c - null) / s.

    pooled: s² = p q (1/n_t + 1/n_c) with the share p of all units, right under "no difference"; else, and always with
    another null, s² = p_t q_t / n_t + p_c q_c / n_c. Intervals are unpooled (Wald; Fieller for the relative one): next
    to α they may disagree with a pooled p-value, and agree exactly with an unpooled one. With fewer than 5 conversions
    or non-conversions in an arm use an exact or score test.
    treatment, control: (converted, n), moments, or 0 or 1 per unit.
    Source: Fleiss, Levin & Paik 2003, "Statistical Methods for Rates and Proportions", section 3.2 and eq. 3.16.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    if type(null) is not float or null:
        null = finite(null, "null", _SHARE_NULL)
        if not -1 < null < 1:
            raise InvalidInput("null", null, _SHARE_NULL)
    x_t, n_t = share_of(treatment, "treatment")
    x_c, n_c = share_of(control, "control")
    with_pool = pooled and null == 0
    name = "two_proportion_z" if with_pool else "two_proportion_z_unpooled"
    if not n_t or not n_c:
        return nothing(name, EMPTY_ARM, alternative=looked_for, null=null, level=1 - alpha)
    p_t, p_c = x_t / n_t, x_c / n_c
    v_t, v_c = p_t * (1 - p_t) / n_t, p_c * (1 - p_c) / n_c
    p = (x_t + x_c) / (n_t + n_c)
    variance = p * (1 - p) * (1 / n_t + 1 / n_c) if with_pool else v_t + v_c
    return judge(name, p_t, p_c, v_t, v_c, math.inf, variance, alpha, looked_for, null, 0.0, 1.0)


def welch_t(
    treatment: Units,
    control: Units,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Two means with variances of their own: t = (m_t - m_c - null) / √(s_t²/n_t + s_c²/n_c).

    Degrees of freedom by Welch and Satterthwaite. treatment, control: moments or one number per unit.
    Right for large samples of anything with a variance, and for small ones of about normal values.
    Source: Welch 1947, "The generalization of Student's problem when several different population variances are
    involved".
    """
    t, c = moments_of(treatment, "treatment"), moments_of(control, "control")
    return _compare("welch_t", mean_parts(t), mean_parts(c), alpha, alternative, null)


def student_t(
    treatment: Units,
    control: Units,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Two means of one common variance, pooled, on n_t + n_c - 2 degrees of freedom (Student 1908).

    Wrong when variances and sizes of the arms differ; Welch's t is as good when they do not.
    The relative interval uses the pooled variance too.
    """
    t, c = mean_parts(moments_of(treatment, "treatment")), mean_parts(moments_of(control, "control"))
    if not isinstance(t, NoEstimate) and not isinstance(c, NoEstimate) and t[0] + c[0] > 2:
        (n_t, m_t, s_t), (n_c, m_c, s_c) = t, c
        nu = n_t + n_c - 2.0
        pooled = ((n_t - 1) * s_t + (n_c - 1) * s_c) / nu
        looked_for = alternative_of(alternative)
        null = finite(null, "null", _NULL)
        v_t, v_c = pooled / n_t, pooled / n_c
        return judge("student_t", m_t, m_c, v_t, v_c, nu, v_t + v_c, check_alpha(alpha), looked_for, null)
    return _compare("student_t", t, c, alpha, alternative, null)


def ratio_t(
    treatment: Moments,
    control: Moments,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Two ratios of means R = ȳ / d̄ by the delta method, on Welch's degrees of freedom.

    Unit variance (s_yy - 2 R s_yd + R² s_dd) / d̄². treatment, control: moments with columns value and denominator.
    The denominator must be well away from 0: some ten of its standard errors.
    Source: Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric Analytics", section 3.
    """
    try:
        t, c = ratio_parts(treatment), ratio_parts(control)
    except AttributeError:
        raise not_moments(treatment, control) from None
    return _compare("ratio_t", t, c, alpha, alternative, null)


def cuped_t(
    treatment: Moments,
    control: Moments,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Two means adjusted by covariates known before exposure (CUPED), by Welch's t.

    treatment, control: moments with the column value and one or more columns whose names start with covariate. With
    more than two variants adjust over all of them (`assay.stats.reduction.cuped.adjustment`) and use `compare_arms`.
    Source: Deng, Xu, Kohavi & Walker 2013, "Improving the Sensitivity of Online Controlled Experiments".
    """
    try:
        pair = cuped_parts(treatment, control)
    except AttributeError:
        raise not_moments(treatment, control) from None
    if isinstance(pair, NoEstimate):
        return _compare("cuped_t", pair, pair, alpha, alternative, null)
    t, c, beside = pair
    return _compare("cuped_t", t, c, alpha, alternative, null, None, beside)


def compare_arms(
    test: str,
    treatment: Arm | NoEstimate,
    control: Arm | NoEstimate,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    floor: float | None = None,
) -> Outcome:
    """Two arms, each an estimate with the variance of one unit's share in it, by Welch's t. floor: least value."""
    t = treatment if isinstance(treatment, NoEstimate) else (treatment.n, treatment.value, treatment.unit_variance)
    c = control if isinstance(control, NoEstimate) else (control.n, control.value, control.unit_variance)
    beside = _NOTHING_BESIDE
    if isinstance(treatment, Arm) and isinstance(control, Arm):
        beside = beside_variance(treatment.shared, control.shared, treatment.variance, control.variance)
    return _compare(test, t, c, alpha, alternative, null, floor, beside)


def _compare(
    test: str,
    treatment: Parts | NoEstimate,
    control: Parts | NoEstimate,
    alpha: float,
    alternative: Alternative | str,
    null: float,
    floor: float | None = None,
    beside: tuple[float, float] = _NOTHING_BESIDE,
) -> Outcome:
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    if type(null) is not float or null:
        null = finite(null, "null", _NULL)
    if isinstance(treatment, NoEstimate):
        return nothing(test, treatment, alternative=looked_for, null=null, level=1 - alpha)
    if isinstance(control, NoEstimate):
        return nothing(test, control, alternative=looked_for, null=null, level=1 - alpha)
    n_t, m_t, s_t = treatment
    n_c, m_c, s_c = control
    if n_t < 2 or n_c < 2:
        return nothing(test, ONE_UNIT, alternative=looked_for, null=null, level=1 - alpha)
    v_t, v_c = s_t / n_t, s_c / n_c
    total = v_t + v_c
    if total > 0:
        w_t, w_c = v_t / total, v_c / total
        nu = 1 / (w_t * w_t / (n_t - 1) + w_c * w_c / (n_c - 1))
    else:
        nu = n_t + n_c - 2.0
    return judge(test, m_t, m_c, v_t, v_c, nu, total, alpha, looked_for, null, floor, beside=beside)
