"""Every bad input of the planner is named, whatever was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.stats.fixed.core import welch_t
from assay.stats.planning import formulas
from assay.stats.planning.answers import (
    minimum_effect,
    minimum_margin,
    power,
    power_of_family,
    sample_size,
)
from assay.stats.planning.design import Anytime, Clusters, Design, Form, GroupSequential, Scale
from assay.stats.planning.exact import power_fisher
from assay.stats.planning.families import dunnett_critical, family_power
from assay.stats.planning.history import estimate_from_history, intraclass_correlation
from assay.stats.planning.measured import MeanMeasure, RateMeasure, RatioMeasure, ShareMeasure
from assay.stats.planning.simulate import drawn_from, simulate_power, simulate_sample_size
from assay.stats.planning.stopping import ever_beyond
from assay.stats.planning.table import detectable_effects_table
from assay.stats.planning.traffic import days_for_units, units_after
from assay.stats.planning.watching import power_over_looks

NAN, INF = float("nan"), float("inf")
SHARE = Design(measured=ShareMeasure(baseline=0.05))
MEAN = MeanMeasure(baseline=1.0, standard_deviation=1.0)


def made(**more: Any) -> Callable[[], Design]:
    return lambda: Design(**{"measured": ShareMeasure(baseline=0.05), **more})


def draw(rng: np.random.Generator, n: int) -> Any:
    return rng.normal(size=n)


BAD: list[tuple[str, Callable[[], Any]]] = [
    ("baseline", lambda: ShareMeasure(baseline=1.0)),
    ("baseline", lambda: ShareMeasure(baseline=NAN)),
    ("baseline", lambda: MeanMeasure(baseline=INF, standard_deviation=1)),
    ("standard_deviation", lambda: MeanMeasure(baseline=1, standard_deviation=0)),
    ("treatment_standard_deviation", lambda: replace(MEAN, treatment_standard_deviation=-1)),
    ("unit_variance", lambda: RatioMeasure(baseline=1, unit_variance=0)),
    ("exposure", lambda: RateMeasure(baseline=1, exposure=0)),
    ("dispersion", lambda: RateMeasure(baseline=1, dispersion=NAN)),
    ("heterogeneity", lambda: RateMeasure(baseline=1, heterogeneity=-1)),
    ("tuning_units", lambda: Anytime(tuning_units=1)),
    ("looks", lambda: Anytime(looks=0)),
    ("inflation", lambda: GroupSequential(inflation=0.9)),
    ("mean_size", lambda: Clusters(mean_size=0.5, icc=0)),
    ("icc", lambda: Clusters(mean_size=5, icc=1.1)),
    ("size_cv", lambda: Clusters(mean_size=5, icc=0.1, size_cv=-1)),
    ("alpha", made(alpha=0.5)),
    ("alpha", made(alpha=NAN)),
    ("weights", made(weights=(1,))),
    ("weights", made(weights=(1, 0))),
    ("weights", made(weights=(1, 1e7))),
    ("correlation", made(correlation=1.0)),
    ("correction", made(correction="tukey")),
    ("n_comparisons", made(correction="holm", n_comparisons=0)),
    ("n_comparisons", made(correction="dunnett", n_comparisons=5)),
    ("scale", made(measured=MeanMeasure(baseline=0, standard_deviation=1))),
    ("scale", made(measured=replace(MEAN, baseline=-1.0), hypothesis="equivalence", margin=0.1)),
    ("scale", made(measured=RateMeasure(baseline=1), scale=Scale.ABSOLUTE)),
    ("margin", made(margin=0.1)),
    ("margin", made(hypothesis="equivalence")),
    ("margin", made(hypothesis="non_inferiority", margin=1.5)),
    ("pooled", made(measured=ShareMeasure(baseline=0.1, pooled=True), hypothesis="equivalence", margin=0.1)),
    ("one_sided", made(method=Anytime(), one_sided=True)),
    ("correction", made(method=Anytime(), correction="dunnett")),
    ("looks", made(method=Anytime(looks=3), hypothesis="equivalence", margin=0.1)),
    ("form", made(form=Form.EXACT, method=Anytime())),
    ("form", made(form=Form.EXACT, measured=RateMeasure(baseline=1))),
    ("form", made(form=Form.EXACT, correlation=0.5)),
    ("effect", lambda: sample_size(SHARE, 0.0)),
    ("effect", lambda: sample_size(SHARE, NAN)),
    ("effect", lambda: sample_size(SHARE, 19.0)),
    ("effect", lambda: sample_size(SHARE, 1e-9)),
    ("effect", lambda: sample_size(replace(SHARE, one_sided=True), -0.1)),
    ("effect", lambda: sample_size(replace(SHARE, hypothesis="non_inferiority", margin=0.02), -0.02)),  # type: ignore[arg-type]
    ("power", lambda: sample_size(SHARE, 0.1, power=1.0)),
    ("power", lambda: sample_size(SHARE, 0.1, power=0.02)),
    ("power", lambda: minimum_effect(SHARE, 100, power=0.0)),
    ("n", lambda: power(SHARE, 1, 0.1)),
    ("n", lambda: power(SHARE, (100, 100, 100), 0.1)),
    ("effect", lambda: power(SHARE, 100, -1.0)),
    ("hypothesis", lambda: minimum_margin(SHARE, 100)),
    ("which", lambda: power_of_family(SHARE, 100, [0.1], which="some")),
    ("hypothesis", lambda: power_of_family(made(hypothesis="equivalence", margin=0.1)(), 100, [0.0])),
    ("distances", lambda: family_power([1.0], [1, 1, 1], 2.0)),
    ("weights", lambda: dunnett_critical((1,), 0.05)),
    ("alpha", lambda: dunnett_critical((1, 1), 1.0)),
    ("traffic", lambda: days_for_units(10, 0.0)),
    ("traffic", lambda: days_for_units(10, NAN)),
    ("traffic", lambda: days_for_units(10, [])),
    ("traffic", lambda: days_for_units(10, [5, 4])),
    ("traffic", lambda: days_for_units(10, [NAN, 4])),
    ("traffic_share", lambda: days_for_units(10, 1.0, traffic_share=0.0)),
    ("total", lambda: days_for_units(-1, 1.0)),
    ("days", lambda: units_after(0, 1.0)),
    ("traffic", lambda: detectable_effects_table(SHARE)),
    ("totals", lambda: detectable_effects_table(SHARE, 10.0, totals=[10])),
    ("weeks", lambda: detectable_effects_table(SHARE, 10.0, weeks=[0])),
    ("n", lambda: power_over_looks(SHARE, 1, 0.1)),
    ("looks", lambda: power_over_looks(SHARE, 100, 0.1, looks=0)),
    ("critical_values", lambda: power_over_looks(SHARE, 100, 0.1)),
    ("critical_values", lambda: power_over_looks(SHARE, 100, 0.1, looks=2, critical_values=[2.0])),
    ("hypothesis", lambda: power_over_looks(made(hypothesis="equivalence", margin=0.1)(), 100, 0.0)),
    ("fractions", lambda: ever_beyond([0.5, 0.4, 1.0], [2, 2, 2], 0.0)),
    ("fractions", lambda: ever_beyond([0.5], [2], 0.0)),
    ("bounds", lambda: ever_beyond([0.5, 1.0], [2], 0.0)),
    ("bounds", lambda: ever_beyond([0.5, 1.0], [INF, 2], 0.0)),
    ("n_treatment", lambda: formulas.power_t(0.5, 1)),
    ("n_control", lambda: formulas.power_t(0.5, 10, 1)),
    ("standardized_difference", lambda: formulas.power_t(NAN, 10)),
    ("sides", lambda: formulas.power_t(0.5, 10, sides=3)),
    ("alpha", lambda: formulas.power_t(0.5, 10, alpha=0)),
    ("p_treatment", lambda: formulas.power_shares(1.1, 0.5, 10)),
    ("p_control", lambda: formulas.power_shares_exact(0.5, -0.1, 10)),
    ("p_control", lambda: formulas.power_arcsine(0.5, NAN, 10)),
    ("n_treatment", lambda: power_fisher(0.5, 0.5, 0, 10)),
    ("groups", lambda: formulas.power_anova(10, 1, 1, 1)),
    ("between_variance", lambda: formulas.power_anova(10, 3, -1, 1)),
    ("within_variance", lambda: formulas.power_anova(10, 3, 1, 0)),
    ("degrees_of_freedom", lambda: formulas.power_chi_square(0.1, 10, 0)),
    ("effect", lambda: formulas.power_chi_square(-0.1, 10, 1)),
    ("superiority", lambda: formulas.power_mann_whitney(1.2, 10)),
    ("rate_control", lambda: formulas.power_rate_ratio(1, 0, 10)),
    ("null_ratio", lambda: formulas.power_rate_ratio(1, 1, 10, null_ratio=0)),
    ("heterogeneity", lambda: formulas.power_rate_ratio(1, 1, 10, heterogeneity=-0.1)),
    ("margin", lambda: formulas.power_equivalence_t(0, 0, 1, 10)),
    ("standard_deviation", lambda: formulas.power_equivalence_t(0, 1, NAN, 10)),
    ("power", lambda: formulas.sample_size_for(lambda n: 1.0, power=1.0)),
    ("n_treatment", lambda: simulate_power(welch_t, draw, draw, 0)),
    ("replications", lambda: simulate_power(welch_t, draw, draw, 10, replications=0)),
    ("level", lambda: simulate_power(welch_t, draw, draw, 10, level=1.0)),
    ("start", lambda: simulate_sample_size(welch_t, draw, draw, start=1)),
    ("control_per_treatment", lambda: simulate_sample_size(welch_t, draw, draw, control_per_treatment=0)),
    ("values", lambda: drawn_from([])),
    ("kind", lambda: estimate_from_history([1.0, 2.0], kind="median")),
    ("denominator", lambda: estimate_from_history([1.0, 2.0], kind="ratio")),
    ("covariate", lambda: estimate_from_history([1.0, 2.0], covariate=[1.0])),
    ("labels", lambda: estimate_from_history([1.0, 2.0], labels=["a"])),
    ("exposure", lambda: estimate_from_history([1.0, 2.0], exposure=[1.0, 0.0])),
    ("values", lambda: estimate_from_history([1.0, -2.0], exposure=1.0)),
    ("values", lambda: intraclass_correlation([1.0, NAN], ["a", "b"])),
]


@pytest.mark.parametrize(("field", "ask"), BAD, ids=[f"{i}-{field}" for i, (field, _) in enumerate(BAD)])
def test_bad_input_is_named(field: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        ask()
    assert caught.value.field == field
    assert caught.value.accepted
