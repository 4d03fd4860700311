"""From estimates to a verdict: what to do next, in words, with the reasons and the warnings.

Only numbers that stay valid at the present look enter: anytime-valid ones while running, fixed-horizon ones at the
planned end. A sample-ratio mismatch blocks every verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from assay import wording
from assay.decisions.guardrails import guardrail_states
from assay.decisions.hypotheses import claim, question, shown
from assay.model.metric import Direction, MetricKind, Role
from assay.model.plan import Correction, Method, Plan
from assay.model.result import (
    Action,
    Comparison,
    DataQuality,
    GuardrailState,
    Interval,
    MetricResult,
    NoEstimate,
    Progress,
    Recommendation,
    SampleRatio,
    Validity,
)

_NOTABLE_SHARE_IN_TWO = 0.001
_CORRECTIONS = {
    Correction.HOLM: "Holm's correction",
    Correction.BONFERRONI: "Bonferroni's correction",
    Correction.HOCHBERG: "Hochberg's correction",
    Correction.DUNNETT: "Dunnett's correction",
    Correction.BENJAMINI_HOCHBERG: "Benjamini and Hochberg's correction",
    Correction.BENJAMINI_YEKUTIELI: "Benjamini and Yekutieli's correction",
    Correction.E_BH: "the e-value correction of Wang and Ramdas",
}


def recommend(
    *,
    metrics: Sequence[MetricResult],
    sample_ratio: SampleRatio,
    progress: Progress,
    plan: Plan,
    validity: Validity,
    control: str,
    titles: Mapping[str, str],
    running: bool,
    quality: DataQuality,
) -> Recommendation:
    """The recommendation for one experiment. titles: variant key → name for people. running: may still gather data."""
    guardrails = guardrail_states(metrics, control, titles)
    warnings = _warnings(metrics, sample_ratio, quality, plan, guardrails)
    primary = next((metric for metric in metrics if metric.role is Role.PRIMARY), None)
    if sample_ratio.mismatch:
        return _blocked(sample_ratio, warnings)
    if sum(sample_ratio.observed.values()) == 0:
        return Recommendation(action=Action.CONTINUE, sentence="Waiting for the first exposures.", warnings=warnings)
    if primary is None:
        sentence = "No verdict: the experiment has no primary metric, or it could not be computed."
        return Recommendation(action=Action.INCONCLUSIVE, sentence=sentence, warnings=warnings)
    winners = [item for item in primary.comparisons if item.better is True]
    losers = [item for item in primary.comparisons if item.better is False]
    if winners:
        return _winner(primary, winners, guardrails, titles, warnings, _may_stop(running, validity, plan))
    if as_good := shown(primary):
        return _as_good(primary, as_good, guardrails, titles, warnings)
    if losers and len(losers) == len(primary.comparisons):
        return _all_worse(primary, losers, titles, control, warnings)
    return _undecided(primary, losers, progress, plan, validity, titles, warnings, running)


def _blocked(sample_ratio: SampleRatio, warnings: tuple[str, ...]) -> Recommendation:
    sentence = "No verdict: the traffic did not split as planned, so these numbers cannot be trusted."
    reason = (
        f"Sample-ratio mismatch: {_observed(sample_ratio)}. Find the cause first: a redirect, a bot filter or a crash "
        "in one variant, exposures logged in one place only, or a changed split."
    )
    return Recommendation(action=Action.MODIFY, sentence=sentence, reasons=(reason,), warnings=warnings)


def _observed(sample_ratio: SampleRatio) -> str:
    total = sum(sample_ratio.observed.values()) or 1
    parts = [
        f"{variant} {wording.percent(n / total)} (planned {wording.percent(sample_ratio.expected.get(variant, 0))})"
        for variant, n in sample_ratio.observed.items()
    ]
    p = min((p for p in (sample_ratio.p_value, sample_ratio.p_value_anytime) if isinstance(p, float)), default=None)
    return "; ".join(parts) + (f"; {wording.p_value(p)}" if p is not None else "")


def _winner(
    primary: MetricResult,
    winners: list[Comparison],
    guardrails: Sequence[GuardrailState],
    titles: Mapping[str, str],
    warnings: tuple[str, ...],
    may_stop: str,
) -> Recommendation:
    sign = 1 if primary.direction is Direction.INCREASE else -1
    best = max(winners, key=lambda item: sign * item.absolute if isinstance(item.absolute, float) else -1e308)
    # The best one's numbers stand in the sentence itself, where nothing speaks against it.
    others = [_in_words(primary, item, titles) for item in winners if item is not best]
    harms = [item.reason for item in guardrails if item.variant == best.variant and item.alarm]
    unknown = [item.reason for item in guardrails if item.variant == best.variant and item.unknown]
    name = _named(best.variant, titles)
    if harms:
        sentence = f"Do not ship {name} as it is: it wins on {primary.title} and harms a guardrail."
        reasons = [_in_words(primary, best, titles), *others, *harms]
        return Recommendation(action=Action.MODIFY, sentence=sentence, reasons=tuple(reasons), warnings=warnings)
    if unknown:
        sentence = f"Do not ship {name} yet: it wins on {primary.title}, and a guardrail has no data."
        reasons = [_in_words(primary, best, titles), *others, *unknown]
        return Recommendation(action=Action.CONTINUE, sentence=sentence, reasons=tuple(reasons), warnings=warnings)
    reasons = others
    if others:
        reasons.append("Several variants beat the control; they were not tested against each other.")
    if may_stop:
        reasons.append(may_stop)
    return Recommendation(
        action=Action.SHIP,
        sentence=f"Ship {name}: {_in_words(primary, best, titles, of=False)}",
        winner=best.variant,
        reasons=tuple(reasons),
        warnings=warnings,
    )


def _as_good(
    primary: MetricResult,
    as_good: list[Comparison],
    guardrails: Sequence[GuardrailState],
    titles: Mapping[str, str],
    warnings: tuple[str, ...],
) -> Recommendation:
    """Shown not to be worse, or to be equivalent: what a change that must do no harm asks for."""
    best = max(as_good, key=lambda item: -item.p_value if isinstance(item.p_value, float) else -2.0)
    stopping = [item.reason for item in guardrails if item.variant == best.variant and (item.alarm or item.unknown)]
    reasons = [_in_words(primary, item, titles) for item in as_good]
    name = _named(best.variant, titles)
    if stopping:
        sentence = f"Do not ship {name} yet: on {primary.title} it is {claim(best)}, and a guardrail speaks against it."
        action, winner = Action.MODIFY, None
    else:
        sentence = f"{name} may ship: on {primary.title} it is {claim(best)}."
        action, winner = Action.SHIP, best.variant
    return Recommendation(
        action=action, sentence=sentence, winner=winner, reasons=(*reasons, *stopping), warnings=warnings
    )


def _may_stop(running: bool, validity: Validity, plan: Plan) -> str:
    """Why a running experiment may stop at these numbers; empty when it has ended or they do not say so."""
    if not running or validity is not Validity.ANYTIME:
        return ""
    if plan.method is Method.GROUP_SEQUENTIAL:
        return "A planned look has crossed its boundary, so you may stop now."
    return "These numbers stay valid however often you look, so you may stop now."


def _all_worse(
    primary: MetricResult,
    losers: list[Comparison],
    titles: Mapping[str, str],
    control: str,
    warnings: tuple[str, ...],
) -> Recommendation:
    what = "the treatment is" if len(losers) == 1 else "every treatment is"
    return Recommendation(
        action=Action.STOP,
        sentence=f"Keep {_named(control, titles)}: {what} worse on {primary.title}.",
        winner=control,
        reasons=tuple(_in_words(primary, item, titles) for item in losers),
        warnings=warnings,
    )


def _undecided(
    primary: MetricResult,
    losers: list[Comparison],
    progress: Progress,
    plan: Plan,
    validity: Validity,
    titles: Mapping[str, str],
    warnings: tuple[str, ...],
    running: bool,
) -> Recommendation:
    reasons = [_in_words(primary, item, titles) for item in losers]
    changed = [item for item in primary.comparisons if item.significant and item.better is None]
    if changed:
        names = " and ".join(_named(item.variant, titles) for item in changed)
        sentence = f"{primary.title} is not the same in {names}; whether that is better, its test does not say."
        words = tuple(_in_words(primary, item, titles) for item in changed)
        return Recommendation(
            action=Action.INCONCLUSIVE, sentence=sentence, reasons=(*reasons, *words), warnings=warnings
        )
    reached = _reached(progress)
    if reached is not None and progress.required_per_variant is not None:
        reasons.append(
            f"The smallest variant has {wording.percent(min(reached, 9.99))} of the "
            f"{wording.count(progress.required_per_variant)} units planned per variant."
        )
    complete = reached is not None and reached >= 1
    if running and not complete:
        sentence = f"Keep it running: {question(primary)} yet."
        return Recommendation(action=Action.CONTINUE, sentence=sentence, reasons=tuple(reasons), warnings=warnings)
    if not running and reached is not None and not complete:
        sentence = f"Inconclusive on {primary.title}: it ended before the planned sample; run it longer to know."
        return Recommendation(action=Action.EXTEND, sentence=sentence, reasons=tuple(reasons), warnings=warnings)
    if complete and plan.minimum_effect is not None:
        reasons.append(
            f"The planned sample is there. Sized for {wording.percent(plan.power)} power, it would as often have shown "
            f"an effect of {wording.lift(plan.minimum_effect)}."
        )
    if validity is Validity.ANYTIME and complete and running and plan.method is not Method.GROUP_SEQUENTIAL:
        reasons.append("It may run on: the numbers stay valid at every further look.")
    sentence = f"Inconclusive: {_not_compared(primary) or question(primary)}."
    return Recommendation(action=Action.INCONCLUSIVE, sentence=sentence, reasons=tuple(reasons), warnings=warnings)


def _not_compared(primary: MetricResult) -> str:
    """Why no treatment could be compared at all; empty when one could."""
    reasons = [item.p_value.reason for item in primary.comparisons if isinstance(item.p_value, NoEstimate)]
    if not reasons or len(reasons) < len(primary.comparisons):
        return ""
    return f"{primary.title} could not be compared: {' and '.join(dict.fromkeys(reasons))}"


def _reached(progress: Progress) -> float | None:
    if progress.required_per_variant is None or not progress.share_by_variant:
        return None
    return min(progress.share_by_variant.values())


def _named(variant: str, titles: Mapping[str, str]) -> str:
    """A variant's name as it reads best inside a sentence: quoted when it has several words."""
    title = titles.get(variant, variant)
    return f"“{title}”" if " " in title else title


def _in_words(metric: MetricResult, item: Comparison, titles: Mapping[str, str], *, of: bool = True) -> str:
    """One comparison as a sentence; `of` names the variant."""
    treatment, control = metric.arm(item.variant), metric.arm(item.control)
    name = f" of {_named(item.variant, titles)}" if of else ""
    values = ""
    if treatment and control and isinstance(treatment.value, float) and isinstance(control.value, float):
        shown = wording.percent if metric.kind is MetricKind.CONVERSION else wording.amount
        values = f" is {shown(treatment.value)} against {shown(control.value)} in control,"
    p = f", {wording.p_value(item.p_value_adjusted)}" if isinstance(item.p_value_adjusted, float) else ""
    if metric.family_size > 1 and metric.correction in _CORRECTIONS and p:
        p += f" after {_CORRECTIONS[metric.correction]}"
    if values and item.scale:
        values = f"{values.removesuffix(',')};"
    return f"{metric.title}{name}{values or ':'} {_effect(item)}{p}."


def _effect(item: Comparison) -> str:
    if item.scale and isinstance(item.absolute, float):
        bounds = _bounds(item.absolute_interval, _difference)
        return f"{item.scale}, is {_difference(item.absolute)}" + (f" ({bounds})" if bounds else "")
    if isinstance(item.relative, NoEstimate):
        return _absolute_effect(item)
    text = f"a lift of {wording.lift(item.relative)}"
    interval = item.relative_interval
    return f"{text} ({bounds})" if (bounds := _bounds(interval)) else text


def _bounds(interval: Interval | NoEstimate, show: Callable[[float], str] = wording.lift) -> str:
    if isinstance(interval, NoEstimate) or (interval.lower is None and interval.upper is None):
        return ""
    if interval.upper is None and interval.lower is not None:
        return f"above {show(interval.lower)}"
    if interval.lower is None and interval.upper is not None:
        return f"below {show(interval.upper)}"
    return f"between {show(interval.lower or 0.0)} and {show(interval.upper or 0.0)}"


def _absolute_effect(item: Comparison) -> str:
    if isinstance(item.absolute, NoEstimate):
        return f"an effect that cannot be computed: {item.absolute.reason}"
    return f"a difference of {_difference(item.absolute)}"


def _difference(value: float) -> str:
    return f"{'+' if value > 0 else ''}{wording.amount(value)}"


def _warnings(
    metrics: Sequence[MetricResult],
    sample_ratio: SampleRatio,
    quality: DataQuality,
    plan: Plan,
    guardrails: Sequence[GuardrailState],
) -> tuple[str, ...]:
    warnings = [item.reason for item in guardrails if item.reason and sum(sample_ratio.observed.values())]
    p = sample_ratio.p_value
    if not sample_ratio.mismatch and isinstance(p, float) and p < 0.01:
        warnings.append(
            f"The split is suspicious (chi-square {wording.p_value(p)}), though not below the bound of "
            f"{plan.srm_alpha:g} that blocks a verdict: {_observed(sample_ratio)}."
        )
    total = sum(sample_ratio.observed.values()) + quality.units_in_two_variants
    if quality.units_in_two_variants:
        share = quality.units_in_two_variants / total
        grave = " That is a lot: check how variants are kept apart." if share > _NOTABLE_SHARE_IN_TWO else ""
        warnings.append(
            f"{wording.count(quality.units_in_two_variants)} units ({wording.percent(share)}) were seen in more than "
            f"one variant; they are left out of every variant.{grave}"
        )
    for metric in metrics:
        warnings.extend(f"{metric.title}: {warning}" for warning in metric.warnings)
    return tuple(warnings)
