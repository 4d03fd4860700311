"""Statistics of experiments: pure functions from moments, counts or plain arrays to answers. NumPy and SciPy only.

Names are loaded when they are used; importing this package loads no library. The guide is docs/guide/statistics.md.

* Data, questions and answers: `Moments`, `ValueCounts`, `Share`, `Alternative`; `Outcome`, `Interval`, `NoEstimate`.
* Fixed horizon, one look planned beforehand: `two_proportion_z`, `miettinen_nurminen`, `fisher_exact`, `welch_t`,
  `ratio_t`, `mann_whitney`, `quantile_difference`, `poisson_bootstrap`, `poisson_test`, `chi_square`, `welch_anova`,
  margins, effect sizes.
* Sequential, right at every look: `two_share_sequence`, `mean_sequence`, `ratio_sequence`, `two_rate_sequence`,
  `two_quantile_sequence`, `msprt`, `sprt_shares`, `RunningSequence`.
* Group sequential, a few planned looks: `group_design`, `spending_boundaries`, `monitor`, `conditional_power`.
* Bayesian: `bayesian_comparison`, `learn_prior`, `Rope`, `calibrated_loss_rule`, `stopping_errors`.
* Variance reduction: `cuped_t`, `cuped_ratio_t`, `post_stratified_t`, `learned_covariate`, `check_covariate_time`.
* Many comparisons: `adjust`, `simultaneous_intervals`, `dunnett_p`, `decide`; many metrics at once: `many_means`.
* Trust: `sample_ratio`, `pre_period_balance`, `aa_calibration`, `false_positive_risk`, `winner_corrected`.
* Planning: `Design`, `sample_size`, `power`, `minimum_effect`, `days_to_completion`, `simulate_power`.

A two-sample test is `name(treatment, control, *, alpha=0.05, alternative=…, …) -> Outcome`. What cannot be computed is
a `NoEstimate` with its reason. Wrong arguments raise `assay.errors.InvalidInput` naming the argument.
"""

from __future__ import annotations

import importlib
from types import FunctionType
from typing import TYPE_CHECKING, Any

from assay.stats.arguments import with_named_arguments

# fmt: off
if TYPE_CHECKING:
    # isort: off
    from assay.model.moments import Moments
    from assay.model.valuecounts import ValueCounts
    from assay.model.result import Interval, NoEstimate, SampleRatio, Validity
    from assay.model.metric import Direction, Hypothesis, MetricKind
    from assay.model.plan import Correction
    from assay.stats.inputs import Share
    from assay.stats.outcome import Alternative, Outcome
    from assay.stats.fixed.core import cuped_t, ratio_t, student_t, two_proportion_z, welch_t
    from assay.stats.fixed.one_share import ShareEstimate, clopper_pearson, wilson
    from assay.stats.fixed.score import miettinen_nurminen, miettinen_nurminen_ratio, newcombe
    from assay.stats.fixed.exact import (ConditionalOddsRatio, barnard_exact, boschloo_exact, conditional_odds_ratio,
        fisher_exact)
    from assay.stats.fixed.chi_square import TableStatistic, TableTest, chi_square, chi_square_shares
    from assay.stats.fixed.anova import AnovaOutcome, anova, welch_anova
    from assay.stats.fixed.margins import mean_margin_test, share_margin_test
    from assay.stats.fixed.rank import brunner_munzel, mann_whitney
    from assay.stats.fixed.shift import hodges_lehmann
    from assay.stats.fixed.ks import kolmogorov_smirnov
    from assay.stats.fixed.quantiles import quantile_difference
    from assay.stats.fixed.samplequantile import QuantileEstimate, quantile_interval, sample_quantile
    from assay.stats.fixed.clustered import ClusteredQuantile
    from assay.stats.fixed.bootstrap import BootstrapInterval, compare_bootstrap_sums, poisson_bootstrap
    from assay.stats.fixed.bootstrapstatistics import (MEAN as MEAN_STATISTIC, RATIO as RATIO_STATISTIC, Statistic,
        quantile_statistic, trimmed_mean_statistic)
    from assay.stats.fixed.bootstrapsums import BootstrapSums
    from assay.stats.fixed.replicates import BootstrapOutcome
    from assay.stats.fixed.counts import Rate, RateMethod, poisson_test
    from assay.stats.fixed.dispersion import Overdispersion, overdispersion
    from assay.stats.fixed.overdispersed import DispersionMethod, negative_binomial_test
    from assay.stats.fixed.effect_size import (cohens_h, cramers_v, number_needed_to_treat, odds_ratio,
        risk_difference, risk_ratio)
    from assay.stats.fixed.effect_spread import (cliffs_delta, cohens_d, eta_squared, hedges_g,
        probability_of_superiority)
    from assay.stats.fixed.effect_words import EffectEstimate
    from assay.stats.sequential.answers import SequenceEstimate
    from assay.stats.sequential.shares import share_sequence, two_share_sequence
    from assay.stats.sequential.means import log_ratio_sequence, mean_sequence, proportion_sequence, ratio_sequence
    from assay.stats.sequential.counts import rate_sequence, two_rate_sequence
    from assay.stats.sequential.quantiles import quantile_sequence, two_quantile_sequence
    from assay.stats.sequential.msprt import msprt
    from assay.stats.sequential.sprt import Sprt, SprtDecision, sprt_means, sprt_shares
    from assay.stats.sequential.running import RunningSequence
    from assay.stats.sequential.mixture import (anytime_p, equivalent_alpha, log_e_value, squared_radius,
        tuned_rho_squared)
    from assay.stats.group_sequential.design import GroupDesign, Operating, group_design, operating
    from assay.stats.group_sequential.boundaries import (Boundaries, haybittle_peto_boundaries,
        obrien_fleming_boundaries, obrien_fleming_constant, pocock_boundaries, pocock_constant, spending_boundaries,
        wang_tsiatis_boundaries)
    from assay.stats.group_sequential.spending import (Spending, SpendingKind, alpha_spent, hwang_shih_decani_spending,
        kim_demets_spending, obrien_fleming_spending, pocock_spending, table_spending)
    from assay.stats.group_sequential.looks import Look, look_of_outcome
    from assay.stats.group_sequential.monitoring import FinalEstimate, LookReport, Monitoring, monitor
    from assay.stats.group_sequential.outcome import GroupPValue, group_sequential_outcome
    from assay.stats.group_sequential.conditional_power import (ConditionalPower, Trend, b_value, conditional_power,
        conditional_power_boundary, futile_by_conditional_power)
    from assay.stats.group_sequential.repeated_looks import error_of_repeated_looks
    from assay.stats.group_sequential.cautions import skewness_of_z
    from assay.stats.bayesian.comparison import Likelihood, bayesian_comparison
    from assay.stats.bayesian.answer import (BayesianAnswer, BayesianComparison, Method as BayesianMethod, Rope,
        RopeDecision, RopeVerdict)
    from assay.stats.bayesian.compare import compare_effects, compare_posteriors
    from assay.stats.bayesian.priors import (BetaPrior, EffectPrior, EffectScale, FLAT as FLAT_PRIOR, GammaPrior,
        JEFFREYS_EVENTS as JEFFREYS_EVENTS_PRIOR, JEFFREYS_SHARE as JEFFREYS_SHARE_PRIOR, MixturePrior, NormalPrior,
        UNIFORM as UNIFORM_PRIOR)
    from assay.stats.bayesian.posteriors import (BetaPosterior, Estimate, GammaPosterior, MeanPosterior,
        events_posterior, mean_posterior, ratio_posterior, share_posterior)
    from assay.stats.bayesian.effects import EffectPosterior, effect_posterior
    from assay.stats.bayesian.learning import LearnedPrior, learn_prior, learn_rate_prior
    from assay.stats.bayesian.decision import (CalibratedRule, ChanceRule, LossRule, StopDecision, StoppingErrors,
        calibrated_loss_rule, stop_decision, stopping_errors)
    from assay.stats.bayesian.many import (ManyAnswers, many_estimates as many_estimate_posteriors,
        many_events as many_event_posteriors, many_shares as many_share_posteriors)
    from assay.stats.reduction.rows import moments_by_stratum, unit_moments
    from assay.stats.reduction.cuped import Adjustment, adjusted_arm, adjustment, variance_reduction
    from assay.stats.reduction.compared import cuped_ratio_t, post_stratified_t
    from assay.stats.reduction.strata import post_stratified, post_stratified_variance
    from assay.stats.reduction.reduced import reduced_arms
    from assay.stats.reduction.report import Reduced, Reduction, reduction_of
    from assay.stats.reduction.learned import LearnedCovariate, LeastSquares, Regressor, learned_covariate
    from assay.stats.reduction.timing import CovariateAlarm, check_covariate_time, covariate_affected
    from assay.stats.multiple.adjust import adjust, interval_alpha
    from assay.stats.multiple.dunnett import dunnett_critical, dunnett_p
    from assay.stats.multiple.intervals import Estimated, holm_lower_bounds, simultaneous_intervals
    from assay.stats.multiple.rule import (MetricTests, Purpose, RulePlan, RuleVerdict, Verdict, decide, metric_tests,
        rule_plan)
    from assay.stats.batch import Column, Columns, Outcomes, many_cuped, many_means, many_ratios, many_shares
    from assay.stats.trust.sample_ratio import (sample_ratio, chi_square_p as sample_ratio_p,
        multinomial_anytime_p as sample_ratio_p_anytime)
    from assay.stats.trust.exact import SegmentRatio, exact_sample_ratio, sample_ratio_by_segment
    from assay.stats.trust.balance import Balance, Calibration, aa_calibration, joint_balance, pre_period_balance
    from assay.stats.trust.risk import (Corrected, Exaggeration, Shrunk, exaggeration, false_positive_risk,
        false_positive_risk_at, least_false_positive_risk, shrunk_effect, winner_corrected)
    from assay.stats.planning.measured import MeanMeasure, RateMeasure, RatioMeasure, ShareMeasure
    from assay.stats.planning.design import (Anytime, Clusters, Design, FixedHorizon, GroupSequential,
        Scale as PlanScale, Form as PowerForm)
    from assay.stats.planning.answers import (SampleSize, days_to_completion, minimum_effect, minimum_margin, power,
        power_of_family, sample_size)
    from assay.stats.planning.table import DetectableEffect, detectable_effects_table
    from assay.stats.planning.traffic import days_for_units, units_after
    from assay.stats.planning.watching import PowerByLook, Watched, power_over_looks
    from assay.stats.planning.history import History, estimate_from_history, intraclass_correlation
    from assay.stats.planning.clustered_history import estimate_from_clusters
    from assay.stats.planning.simulate import (SimulatedPower, SimulatedSize, drawn_from, simulate_power,
        simulate_sample_size)
    from assay.stats.planning.formulas import (power_anova, power_arcsine, power_chi_square, power_equivalence_t,
        power_mann_whitney, power_rate_ratio, power_shares, power_shares_exact, power_t, sample_size_for)
    from assay.stats.planning.exact import power_fisher
    from assay.stats.planning.power import (minimum_effect_mean, minimum_effect_proportion, power_mean,
        power_proportion, sample_size_mean, sample_size_proportion)
    # isort: on

__all__ = [
    "FLAT_PRIOR", "JEFFREYS_EVENTS_PRIOR", "JEFFREYS_SHARE_PRIOR", "MEAN_STATISTIC", "RATIO_STATISTIC",
    "UNIFORM_PRIOR", "Adjustment", "Alternative", "AnovaOutcome", "Anytime", "Balance", "BayesianAnswer",
    "BayesianComparison", "BayesianMethod", "BetaPosterior", "BetaPrior", "BootstrapInterval", "BootstrapOutcome",
    "BootstrapSums", "Boundaries", "CalibratedRule", "Calibration", "ChanceRule", "ClusteredQuantile", "Clusters",
    "Column", "Columns", "ConditionalOddsRatio", "ConditionalPower", "Corrected", "Correction", "CovariateAlarm",
    "Design", "DetectableEffect", "Direction", "DispersionMethod", "EffectEstimate", "EffectPosterior",
    "EffectPrior", "EffectScale", "Estimate", "Estimated", "Exaggeration", "FinalEstimate", "FixedHorizon",
    "GammaPosterior", "GammaPrior", "GroupDesign", "GroupPValue", "GroupSequential", "History", "Hypothesis",
    "Interval", "LearnedCovariate", "LearnedPrior", "LeastSquares", "Likelihood", "Look", "LookReport", "LossRule",
    "ManyAnswers", "MeanMeasure", "MeanPosterior", "MetricKind", "MetricTests", "MixturePrior", "Moments",
    "Monitoring", "NoEstimate", "NormalPrior", "Operating", "Outcome", "Outcomes", "Overdispersion", "PlanScale",
    "PowerByLook", "PowerForm", "Purpose", "QuantileEstimate", "Rate", "RateMeasure", "RateMethod", "RatioMeasure",
    "Reduced", "Reduction", "Regressor", "Rope", "RopeDecision", "RopeVerdict", "RulePlan", "RuleVerdict",
    "RunningSequence", "SampleRatio", "SampleSize", "SegmentRatio", "SequenceEstimate", "Share", "ShareEstimate",
    "ShareMeasure", "Shrunk", "SimulatedPower", "SimulatedSize", "Spending", "SpendingKind", "Sprt", "SprtDecision",
    "Statistic", "StopDecision", "StoppingErrors", "TableStatistic", "TableTest", "Trend", "Validity",
    "ValueCounts", "Verdict", "Watched", "aa_calibration", "adjust", "adjusted_arm", "adjustment", "alpha_spent",
    "anova", "anytime_p", "b_value", "barnard_exact", "bayesian_comparison", "boschloo_exact", "brunner_munzel",
    "calibrated_loss_rule", "check_covariate_time", "chi_square", "chi_square_shares", "cliffs_delta",
    "clopper_pearson", "cohens_d", "cohens_h", "compare_bootstrap_sums", "compare_effects", "compare_posteriors",
    "conditional_odds_ratio", "conditional_power", "conditional_power_boundary", "covariate_affected", "cramers_v",
    "cuped_ratio_t", "cuped_t", "days_for_units", "days_to_completion", "decide", "detectable_effects_table",
    "drawn_from", "dunnett_critical", "dunnett_p", "effect_posterior", "equivalent_alpha",
    "error_of_repeated_looks", "estimate_from_clusters", "estimate_from_history", "eta_squared", "events_posterior",
    "exact_sample_ratio", "exaggeration", "false_positive_risk", "false_positive_risk_at", "fisher_exact",
    "futile_by_conditional_power", "group_design", "group_sequential_outcome", "haybittle_peto_boundaries",
    "hedges_g", "hodges_lehmann", "holm_lower_bounds", "hwang_shih_decani_spending", "interval_alpha",
    "intraclass_correlation", "joint_balance", "kim_demets_spending", "kolmogorov_smirnov", "learn_prior",
    "learn_rate_prior", "learned_covariate", "least_false_positive_risk", "log_e_value", "log_ratio_sequence",
    "look_of_outcome", "mann_whitney", "many_cuped", "many_estimate_posteriors", "many_event_posteriors",
    "many_means", "many_ratios", "many_share_posteriors", "many_shares", "mean_margin_test", "mean_posterior",
    "mean_sequence", "metric_tests", "miettinen_nurminen", "miettinen_nurminen_ratio", "minimum_effect",
    "minimum_effect_mean", "minimum_effect_proportion", "minimum_margin", "moments_by_stratum", "monitor", "msprt",
    "negative_binomial_test", "newcombe", "number_needed_to_treat", "obrien_fleming_boundaries",
    "obrien_fleming_constant", "obrien_fleming_spending", "odds_ratio", "operating", "overdispersion",
    "pocock_boundaries", "pocock_constant", "pocock_spending", "poisson_bootstrap", "poisson_test",
    "post_stratified", "post_stratified_t", "post_stratified_variance", "power", "power_anova", "power_arcsine",
    "power_chi_square", "power_equivalence_t", "power_fisher", "power_mann_whitney", "power_mean",
    "power_of_family", "power_over_looks", "power_proportion", "power_rate_ratio", "power_shares",
    "power_shares_exact", "power_t", "pre_period_balance", "probability_of_superiority", "proportion_sequence",
    "quantile_difference", "quantile_interval", "quantile_sequence", "quantile_statistic", "rate_sequence",
    "ratio_posterior", "ratio_sequence", "ratio_t", "reduced_arms", "reduction_of", "risk_difference", "risk_ratio",
    "rule_plan", "sample_quantile", "sample_ratio", "sample_ratio_by_segment", "sample_ratio_p",
    "sample_ratio_p_anytime", "sample_size", "sample_size_for", "sample_size_mean", "sample_size_proportion",
    "share_margin_test", "share_posterior", "share_sequence", "shrunk_effect", "simulate_power",
    "simulate_sample_size", "simultaneous_intervals", "skewness_of_z", "spending_boundaries", "sprt_means",
    "sprt_shares", "squared_radius", "stop_decision", "stopping_errors", "student_t", "table_spending",
    "trimmed_mean_statistic", "tuned_rho_squared", "two_proportion_z", "two_quantile_sequence", "two_rate_sequence",
    "two_share_sequence", "unit_moments", "units_after", "variance_reduction", "wang_tsiatis_boundaries",
    "welch_anova", "welch_t", "wilson", "winner_corrected",
]

_NAMES: dict[str, str] = {
    # Data, questions and answers
    "assay.model.moments": "Moments",
    "assay.model.valuecounts": "ValueCounts",
    "assay.model.result": "Interval NoEstimate SampleRatio Validity",
    "assay.model.metric": "Direction Hypothesis MetricKind",
    "assay.model.plan": "Correction",
    "inputs": "Share",
    "outcome": "Alternative Outcome",
    # Fixed horizon
    "fixed.core": "cuped_t ratio_t student_t two_proportion_z welch_t",
    "fixed.one_share": "ShareEstimate clopper_pearson wilson",
    "fixed.score": "miettinen_nurminen miettinen_nurminen_ratio newcombe",
    "fixed.exact": "ConditionalOddsRatio barnard_exact boschloo_exact conditional_odds_ratio fisher_exact",
    "fixed.chi_square": "TableStatistic TableTest chi_square chi_square_shares",
    "fixed.anova": "AnovaOutcome anova welch_anova",
    "fixed.margins": "mean_margin_test share_margin_test",
    "fixed.rank": "brunner_munzel mann_whitney",
    "fixed.shift": "hodges_lehmann",
    "fixed.ks": "kolmogorov_smirnov",
    "fixed.quantiles": "quantile_difference",
    "fixed.samplequantile": "QuantileEstimate quantile_interval sample_quantile",
    "fixed.clustered": "ClusteredQuantile",
    "fixed.bootstrap": "BootstrapInterval compare_bootstrap_sums poisson_bootstrap",
    "fixed.bootstrapstatistics": ("MEAN=MEAN_STATISTIC RATIO=RATIO_STATISTIC Statistic quantile_statistic "
        "trimmed_mean_statistic"),
    "fixed.bootstrapsums": "BootstrapSums",
    "fixed.replicates": "BootstrapOutcome",
    "fixed.counts": "Rate RateMethod poisson_test",
    "fixed.dispersion": "Overdispersion overdispersion",
    "fixed.overdispersed": "DispersionMethod negative_binomial_test",
    "fixed.effect_size": "cohens_h cramers_v number_needed_to_treat odds_ratio risk_difference risk_ratio",
    "fixed.effect_spread": "cliffs_delta cohens_d eta_squared hedges_g probability_of_superiority",
    "fixed.effect_words": "EffectEstimate",
    # Sequential
    "sequential.answers": "SequenceEstimate",
    "sequential.shares": "share_sequence two_share_sequence",
    "sequential.means": "log_ratio_sequence mean_sequence proportion_sequence ratio_sequence",
    "sequential.counts": "rate_sequence two_rate_sequence",
    "sequential.quantiles": "quantile_sequence two_quantile_sequence",
    "sequential.msprt": "msprt",
    "sequential.sprt": "Sprt SprtDecision sprt_means sprt_shares",
    "sequential.running": "RunningSequence",
    "sequential.mixture": "anytime_p equivalent_alpha log_e_value squared_radius tuned_rho_squared",
    # Group sequential
    "group_sequential.design": "GroupDesign Operating group_design operating",
    "group_sequential.boundaries": ("Boundaries haybittle_peto_boundaries obrien_fleming_boundaries "
        "obrien_fleming_constant pocock_boundaries pocock_constant spending_boundaries wang_tsiatis_boundaries"),
    "group_sequential.spending": ("Spending SpendingKind alpha_spent hwang_shih_decani_spending kim_demets_spending "
        "obrien_fleming_spending pocock_spending table_spending"),
    "group_sequential.looks": "Look look_of_outcome",
    "group_sequential.monitoring": "FinalEstimate LookReport Monitoring monitor",
    "group_sequential.outcome": "GroupPValue group_sequential_outcome",
    "group_sequential.conditional_power": ("ConditionalPower Trend b_value conditional_power "
        "conditional_power_boundary futile_by_conditional_power"),
    "group_sequential.repeated_looks": "error_of_repeated_looks",
    "group_sequential.cautions": "skewness_of_z",
    # Bayesian
    "bayesian.comparison": "Likelihood bayesian_comparison",
    "bayesian.answer": "BayesianAnswer BayesianComparison Method=BayesianMethod Rope RopeDecision RopeVerdict",
    "bayesian.compare": "compare_effects compare_posteriors",
    "bayesian.priors": ("BetaPrior EffectPrior EffectScale FLAT=FLAT_PRIOR GammaPrior "
        "JEFFREYS_EVENTS=JEFFREYS_EVENTS_PRIOR JEFFREYS_SHARE=JEFFREYS_SHARE_PRIOR MixturePrior NormalPrior "
        "UNIFORM=UNIFORM_PRIOR"),
    "bayesian.posteriors": ("BetaPosterior Estimate GammaPosterior MeanPosterior events_posterior mean_posterior "
        "ratio_posterior share_posterior"),
    "bayesian.effects": "EffectPosterior effect_posterior",
    "bayesian.learning": "LearnedPrior learn_prior learn_rate_prior",
    "bayesian.decision": ("CalibratedRule ChanceRule LossRule StopDecision StoppingErrors calibrated_loss_rule "
        "stop_decision stopping_errors"),
    "bayesian.many": ("ManyAnswers many_estimates=many_estimate_posteriors many_events=many_event_posteriors "
        "many_shares=many_share_posteriors"),
    # Variance reduction
    "reduction.rows": "moments_by_stratum unit_moments",
    "reduction.cuped": "Adjustment adjusted_arm adjustment variance_reduction",
    "reduction.compared": "cuped_ratio_t post_stratified_t",
    "reduction.strata": "post_stratified post_stratified_variance",
    "reduction.reduced": "reduced_arms",
    "reduction.report": "Reduced Reduction reduction_of",
    "reduction.learned": "LearnedCovariate LeastSquares Regressor learned_covariate",
    "reduction.timing": "CovariateAlarm check_covariate_time covariate_affected",
    # Many comparisons
    "multiple.adjust": "adjust interval_alpha",
    "multiple.dunnett": "dunnett_critical dunnett_p",
    "multiple.intervals": "Estimated holm_lower_bounds simultaneous_intervals",
    "multiple.rule": "MetricTests Purpose RulePlan RuleVerdict Verdict decide metric_tests rule_plan",
    "batch": "Column Columns Outcomes many_cuped many_means many_ratios many_shares",
    # Trust
    "trust.sample_ratio": "sample_ratio chi_square_p=sample_ratio_p multinomial_anytime_p=sample_ratio_p_anytime",
    "trust.exact": "SegmentRatio exact_sample_ratio sample_ratio_by_segment",
    "trust.balance": "Balance Calibration aa_calibration joint_balance pre_period_balance",
    "trust.risk": ("Corrected Exaggeration Shrunk exaggeration false_positive_risk false_positive_risk_at "
        "least_false_positive_risk shrunk_effect winner_corrected"),
    # Planning
    "planning.measured": "MeanMeasure RateMeasure RatioMeasure ShareMeasure",
    "planning.design": "Anytime Clusters Design FixedHorizon GroupSequential Scale=PlanScale Form=PowerForm",
    "planning.answers": "SampleSize days_to_completion minimum_effect minimum_margin power power_of_family sample_size",
    "planning.table": "DetectableEffect detectable_effects_table",
    "planning.traffic": "days_for_units units_after",
    "planning.watching": "PowerByLook Watched power_over_looks",
    "planning.history": "History estimate_from_history intraclass_correlation",
    "planning.clustered_history": "estimate_from_clusters",
    "planning.simulate": "SimulatedPower SimulatedSize drawn_from simulate_power simulate_sample_size",
    "planning.formulas": ("power_anova power_arcsine power_chi_square power_equivalence_t power_mann_whitney "
        "power_rate_ratio power_shares power_shares_exact power_t sample_size_for"),
    "planning.exact": "power_fisher",
    "planning.power": ("minimum_effect_mean minimum_effect_proportion power_mean power_proportion sample_size_mean "
        "sample_size_proportion"),
}
"""Module → its public names; `name=other` is exported as other."""
# fmt: on


def _places() -> dict[str, tuple[str, str]]:
    found = {}
    for module, names in _NAMES.items():
        path = module if module.startswith("assay.") else f"{__name__}.{module}"
        for item in names.split():
            name, _, exported = item.partition("=")
            found[exported or name] = (path, name)
    return found


_WHERE = _places()
"""Exported name → (module, its name there)."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, attribute = _WHERE[name]
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, FunctionType):
            found = with_named_arguments(found, __name__, name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
