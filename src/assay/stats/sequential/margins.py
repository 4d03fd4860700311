"""A contrast judged at every look, against no difference or against a lift."""

from __future__ import annotations

import math

from assay.model.result import NoEstimate
from assay.stats.contrast import Contrast
from assay.stats.distributions import floored
from assay.stats.outcome import Alternative, Outcome
from assay.stats.sequential.rules import judge_contrast, log_p_value


def watched_contrast(
    test: str,
    contrast: Contrast,
    rho_squared: float,
    alpha: float,
    *,
    alternative: Alternative = Alternative.TWO_SIDED,
    null_lift: float = 0.0,
) -> Outcome:
    """The outcome of a contrast under the normal mixture, valid at every look (see assay.stats.sequential.rules).

    null_lift: the lift r under the hypothesis; the distance is then t - (1 + r) c, with the larger of its variances, so
    that p agrees with Fieller's sequence of the lift.
    """
    m = rho_squared * contrast.n_units
    outcome = judge_contrast(test, contrast, m, alpha=alpha, alternative=alternative, null=0.0)
    if not null_lift or isinstance(outcome.p_value, NoEstimate):
        return outcome
    ratio = 1 + null_lift
    variance = max(w0 + w1 * ratio + w2 * ratio * ratio for w0, w1, w2 in contrast.relative)
    statistic = (contrast.treatment - ratio * contrast.control) / math.sqrt(variance)
    log_p = log_p_value(statistic, m, contrast.degrees_of_freedom, alternative)
    return outcome._replace(p_value=floored(math.exp(log_p)), log_p=log_p, statistic=statistic, null=null_lift)
