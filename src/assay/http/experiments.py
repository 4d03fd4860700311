"""Experiments over HTTP: create, read, change, delete, and the moves of their life."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from assay.errors import InvalidInput
from assay.http.payloads import ConcludeIn, ExperimentChange, ExperimentIn, MetricIn, VariantIn
from assay.http.translation import changed, metric_of, new_experiment, single_variant
from assay.http.views import created_view, experiment_view, validation_view
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.model.metric import Role
from assay.service.checklist import checklist
from assay.service.services import Services

Actor = Annotated[str, Header(alias="X-Actor", description="Who makes the change; written to the audit log")]
ANYBODY = "anonymous"


def experiments_router(services: Services) -> APIRouter:
    """Routes under /api/v1/experiments."""
    router = APIRouter(prefix="/api/v1/experiments", tags=["experiments"])
    editing, reading = services.editing, services.reading

    @router.post("", status_code=201, summary="Create a draft")
    def create(payload: ExperimentIn, actor: Actor = ANYBODY) -> dict[str, Any]:
        draft = new_experiment(payload)
        saved = editing.create(draft, actor=actor, key_is_given=payload.id is not None)
        return created_view(saved, checklist(saved, services.clock(), _running(services)))

    @router.get("", summary="List experiments, newest first")
    def list_experiments(
        status: Status | None = None,
        search: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        words = search.lower()
        found = [
            item
            for item in reading.experiments()
            if (status is None or item.status is status)
            and words in f"{item.key} {item.name} {item.owner} {' '.join(item.tags)}".lower()
        ]
        start = _after(cursor, [item.key for item in found])
        page = found[start : start + limit]
        more = start + limit < len(found)
        return {
            "experiments": [experiment_view(item) for item in page],
            "total": len(found),
            "next_cursor": _cursor(page[-1].key) if more else None,
        }

    @router.get("/{experiment_id}", summary="Read one experiment")
    def read(experiment_id: str) -> dict[str, Any]:
        return experiment_view(reading.experiment(experiment_id))

    @router.put("/{experiment_id}", summary="Change a draft")
    @router.patch("/{experiment_id}", summary="Change a draft")
    def update(experiment_id: str, payload: ExperimentChange, actor: Actor = ANYBODY) -> dict[str, Any]:
        saved = editing.update(experiment_id, lambda draft: changed(draft, payload), actor=actor, action="update")
        return created_view(saved, checklist(saved, services.clock(), _running(services)))

    @router.delete("/{experiment_id}", status_code=204, summary="Delete a draft")
    def delete(experiment_id: str, actor: Actor = ANYBODY) -> Response:
        editing.delete(experiment_id, actor=actor)
        return Response(status_code=204)

    @router.post("/{experiment_id}/variants", status_code=201, summary="Add a variant to a draft")
    def add_variant(experiment_id: str, payload: VariantIn, actor: Actor = ANYBODY) -> dict[str, Any]:
        variant = single_variant(payload, editing.draft(experiment_id).variants)
        return experiment_view(editing.add_variant(experiment_id, variant, actor=actor))

    @router.post("/{experiment_id}/metrics", status_code=201, summary="Add a metric to a draft")
    def add_metric(experiment_id: str, payload: MetricIn, actor: Actor = ANYBODY) -> dict[str, Any]:
        has_primary = editing.draft(experiment_id).primary_metric is not None
        role = Role(payload.role) if payload.role else Role.SECONDARY if has_primary else Role.PRIMARY
        return experiment_view(editing.add_metric(experiment_id, metric_of(payload, role), actor=actor))

    @router.get("/{experiment_id}/checklist", summary="What must be right before the start")
    def check(experiment_id: str) -> dict[str, Any]:
        experiment = reading.experiment(experiment_id)
        return validation_view(experiment, checklist(experiment, services.clock(), _running(services)))

    @router.get("/{experiment_id}/audit", summary="Every change: who, when, before, after")
    def audit(experiment_id: str) -> dict[str, Any]:
        return {
            "changes": [
                {"action": c.action, "actor": c.actor, "at": c.at, "before": c.before, "after": c.after}
                for c in reading.changes(experiment_id)
            ]
        }

    _add_moves(router, services)
    return router


def _add_moves(router: APIRouter, services: Services) -> None:
    lifecycle = services.lifecycle

    for verb, summary, move in (
        ("start", "Check and start", lifecycle.start),
        ("submit", "Hand a draft over for review", lifecycle.submit),
        ("approve", "Approve what is in review", lifecycle.approve),
        ("send-back", "Back from review to the draft", lifecycle.send_back),
        ("fail", "Give it up as broken", lifecycle.fail),
        ("pause", "Assign nobody for a while", lifecycle.pause),
        ("resume", "Assign again", lifecycle.resume),
        ("stop", "End it; the final analysis follows by itself", lifecycle.stop),
        ("cancel", "Give it up without a verdict", lifecycle.cancel),
    ):
        name = verb.replace("-", "_")
        router.add_api_route(f"/{{experiment_id}}/{verb}", _mover(move), methods=["POST"], name=name, summary=summary)

    @router.post("/{experiment_id}/conclude", summary="Record the decision")
    def conclude(experiment_id: str, payload: ConcludeIn, actor: Actor = ANYBODY) -> dict[str, Any]:
        return experiment_view(lifecycle.conclude(experiment_id, winner=payload.winner, actor=actor))


def _mover(move: Callable[..., Experiment]) -> Callable[..., dict[str, Any]]:
    def moved(experiment_id: str, actor: Actor = ANYBODY) -> dict[str, Any]:
        return experiment_view(move(experiment_id, actor=actor))

    return moved


def _running(services: Services) -> list[Any]:
    return [item for item in services.reading.experiments() if item.status is Status.RUNNING]


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _after(cursor: str | None, keys: list[str]) -> int:
    if cursor is None:
        return 0
    try:
        return keys.index(base64.urlsafe_b64decode(cursor.encode()).decode()) + 1
    except ValueError:
        raise InvalidInput("cursor", cursor, "the next_cursor of an earlier answer to the same question") from None
