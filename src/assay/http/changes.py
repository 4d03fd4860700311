"""What may be done to an experiment once it has started, and why a unit gets what it gets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from assay.assignment.explain import Explanation
from assay.errors import NotFound
from assay.http.entrance_payloads import ExplainIn, TrafficIn
from assay.http.experiments import ANYBODY, Actor
from assay.http.payloads import ExperimentChange
from assay.http.translation import changed
from assay.http.views import experiment_view, results_view
from assay.model.document import format_time
from assay.model.shares import parts_of
from assay.service.services import Services


def changes_router(services: Services) -> APIRouter:
    """Traffic, versions and explanations under /api/v1/experiments/{id}."""
    router = APIRouter(prefix="/api/v1/experiments", tags=["experiments"])
    versions = services.versions

    @router.post("/{experiment_id}/traffic", summary="Let more units into a running experiment")
    def traffic(experiment_id: str, payload: TrafficIn, actor: Actor = ANYBODY) -> dict[str, Any]:
        share = parts_of(payload.traffic_allocation, "traffic_allocation")
        return experiment_view(versions.grow_traffic(experiment_id, share, actor=actor))

    @router.post("/{experiment_id}/versions", status_code=201, summary="Begin again with a change and a new salt")
    def new_version(experiment_id: str, payload: ExperimentChange, actor: Actor = ANYBODY) -> dict[str, Any]:
        return experiment_view(versions.new_version(experiment_id, lambda old: changed(old, payload), actor=actor))

    @router.get("/{experiment_id}/versions", summary="Every version that started")
    def history(experiment_id: str) -> dict[str, Any]:
        return {"versions": [experiment_view(item) for item in versions.history(experiment_id)]}

    @router.get("/{experiment_id}/versions/{version}/results", summary="The last results of one version")
    def results(experiment_id: str, version: int) -> dict[str, Any]:
        known = {item.version: item for item in versions.history(experiment_id)}
        if version not in known:
            raise NotFound("version", str(version), known=[str(number) for number in known])
        result = services.reading.of_version(experiment_id, version)
        return results_view(known[version], result, services.clock())

    @router.post("/{experiment_id}/explain", summary="Why a unit gets what it gets, step by step")
    def explain(experiment_id: str, payload: ExplainIn) -> dict[str, Any]:
        unit = payload.user_id if payload.consistency_key is None else payload.consistency_key
        return explanation_view(services.explaining.explain(experiment_id, unit, payload.context))

    return router


def explanation_view(explanation: Explanation) -> dict[str, Any]:
    """Every step, the decision, and the chance of each variant."""
    decision = explanation.decision
    return {
        "experiment_id": decision.experiment,
        "user_id": explanation.unit,
        "at": format_time(explanation.at),
        "variant_id": decision.variant,
        "reason": decision.reason.value,
        "config": decision.config,
        "version": decision.version,
        "counted": decision.counts,
        "probabilities": dict(explanation.probabilities),
        "steps": [
            {"step": step.name, "passed": step.passed, "message": step.message, "details": dict(step.details)}
            for step in explanation.steps
        ],
    }
