"""The planned sample gives the planned power, by the method that will be used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.model.moments import Moments
from assay.model.plan import Method, Plan
from assay.model.result import Validity
from assay.service.planning import planned_sample, tuning_units
from assay.stats.experiment import Beside, analyse_metrics
from assay.stats.looking import Looks
from tests.service.test_loop import experiment
from tests.sim import claims

REPLICATIONS = claims.REPLICATIONS * 2 // 5
SEED = 20261123


@pytest.mark.slow
@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize(("baseline", "effect"), [(0.05, 0.1), (0.3, -0.05)])
def test_planned_power(method: Method, baseline: float, effect: float) -> None:
    plan = Plan(method=method, baseline=baseline, minimum_effect=effect)
    planned = experiment(plan=plan)
    n = planned_sample(planned)
    assert n is not None
    rng = np.random.default_rng(SEED)
    controls = rng.binomial(n, baseline, REPLICATIONS)
    treatments = rng.binomial(n, baseline * (1 + effect), REPLICATIONS)
    validity = Validity.FIXED if method is Method.FIXED else Validity.ANYTIME
    looks = None
    if method is Method.GROUP_SEQUENTIAL:
        looks = Looks(planned=plan.planned_looks, taken=plan.planned_looks, spending=plan.spending)
    found = []
    for x_c, x_t in zip(controls, treatments, strict=True):
        arms = {"control": Moments.of_counts(int(x_c), n), "b": Moments.of_counts(int(x_t), n)}
        (result,), _ = analyse_metrics(
            planned.metrics,
            {"bought": arms},
            control="control",
            plan=replace(plan),
            validity=validity,
            tuning_units=tuning_units(plan, n),
            data=Beside(looks=looks),
        )
        found.append(result.comparisons[0].significant)
    # Not below the promised 80 % and not far above: the size is neither too small nor wasteful.
    where = f"{claims.percent(baseline)} and {claims.percent(effect, '+')}"
    claims.exact(f"{method.value}: finds with the units planned for 80 % power, {where}", found, 0.8)
