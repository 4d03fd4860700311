"""The page that says why a unit gets what it gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay import wording
from assay.assignment.explain import Explanation
from assay.errors import InvalidInput
from assay.model.experiment import Experiment

Explain = Callable[[str, str, Mapping[str, Any]], Explanation]
"""From an experiment's key, a unit and its attributes."""

_TITLES = {
    "status": "Running",
    "forced": "Forced",
    "lists": "Lists",
    "holdout": "Holdout",
    "layer": "Layer",
    "prerequisite": "Prerequisite",
    "audience": "Audience",
    "randomization_unit": "Drawn by",
    "traffic": "Traffic",
    "variant": "Variant",
}
MAX_CONTEXT = 10_000


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition of the audience: its words, what the unit has, whether it matched, and its parts."""

    text: str
    given: str
    matched: bool
    parts: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step on the way."""

    title: str
    message: str
    passed: bool
    conditions: Branch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyPage:
    """The form as it was sent, and the answer. problem: what is wrong with the form; answer: None until one is sent."""

    key: str
    name: str
    unit: str
    context: str
    field: str = ""
    problem: str = ""
    answer: str = ""
    tone: str = "quiet"
    chances: str = ""
    steps: tuple[StepRow, ...] = ()


def why_page(experiment: Experiment, unit: str, context: str, explain: Explain) -> WhyPage:
    """The page for a unit; an empty unit is the empty form."""
    blank = WhyPage(key=experiment.key, name=experiment.name, unit=unit, context=context)
    if not unit:
        return blank
    try:
        attributes = _attributes(context)
    except InvalidInput as error:
        problem = f"Given {error.given}; accepted: {error.accepted}."
        return WhyPage(
            key=experiment.key, name=experiment.name, unit=unit, context=context, field=error.field, problem=problem
        )
    found = explain(experiment.key, unit, attributes)
    decision = found.decision
    has = f"has “{decision.variant_name or decision.variant}”" if decision.variant is not None else "has no variant"
    counted = "" if decision.counts or decision.variant is None else ", and is not counted"
    chances = ", ".join(f"{key} {wording.percent(chance)}" for key, chance in found.probabilities.items())
    return WhyPage(
        key=experiment.key,
        name=experiment.name,
        unit=unit,
        context=context,
        answer=f"{unit} {has}{counted}: {decision.reason.value.replace('_', ' ')}.",
        tone="good" if decision.variant is not None else "warn",
        chances=wording.unbroken(chances),
        steps=tuple(
            StepRow(
                _TITLES.get(step.name, step.name),
                step.message[:1].upper() + step.message[1:],
                step.passed,
                _branch(step.details["conditions"]) if "conditions" in step.details else None,
            )
            for step in found.steps
        ),
    )


def _attributes(text: str) -> Mapping[str, Any]:
    if not text.strip():
        return {}
    if len(text) > MAX_CONTEXT:
        raise InvalidInput("context", f"{len(text):,} characters", f"at most {MAX_CONTEXT:,}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("context", text, f"a JSON object ({error})") from None
    if not isinstance(found, dict):
        raise InvalidInput("context", text, 'a JSON object like {"country": "US"}')
    return found


def _branch(condition: Mapping[str, Any]) -> Branch:
    given = condition.get("given", {})
    has = ", ".join(f"{name} is {json.dumps(value, ensure_ascii=False)[:200]}" for name, value in given.items())
    return Branch(condition["condition"], has, condition["matched"], tuple(map(_branch, condition.get("parts", ()))))
