"""Layers, holdouts and segments over HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Response

from assay.http.entrance_payloads import (
    HoldoutBody,
    HoldoutChange,
    LayerBody,
    LayerChange,
    SegmentBody,
    SegmentChange,
)
from assay.http.experiments import ANYBODY, Actor
from assay.model.audience import Audience, parse_condition
from assay.model.document import format_time, to_document
from assay.model.lifecycle import Status
from assay.model.shared import Holdout, Layer, Segment
from assay.model.shares import PARTS, parts_of
from assay.ports import Item
from assay.service.services import Services

_ENDED = (Status.COMPLETED, Status.CANCELLED, Status.FAILED)


def shared_router(services: Services) -> APIRouter:
    """Routes under /api/v1/layers, /api/v1/holdouts and /api/v1/segments."""
    router = APIRouter(prefix="/api/v1", tags=["shared"])
    _add_layers(router, services)
    _add_holdouts(router, services)
    _add_segments(router, services)
    return router


def _add_layers(router: APIRouter, services: Services) -> None:
    sharing = services.sharing

    @router.post("/layers", status_code=201, summary="Create a layer")
    def create_layer(payload: LayerBody, actor: Actor = ANYBODY) -> dict[str, Any]:
        salt = secrets.token_hex(4)
        layer = Layer(key=payload.id, name=payload.name or payload.id, salt=salt, description=payload.description)
        return _layer_view(services, sharing.create(layer, actor=actor))

    @router.patch("/layers/{layer_id}", summary="Rename a layer")
    def update_layer(layer_id: str, payload: LayerChange, actor: Actor = ANYBODY) -> dict[str, Any]:
        given = payload.model_dump(exclude_none=True)
        return _layer_view(services, sharing.update(Layer, layer_id, lambda old: replace(old, **given), actor=actor))

    _add_reading(router, services, Layer, "layers", lambda item: _layer_view(services, item))


def _add_holdouts(router: APIRouter, services: Services) -> None:
    sharing = services.sharing

    @router.post("/holdouts", status_code=201, summary="Create a global holdout")
    def create_holdout(payload: HoldoutBody, actor: Actor = ANYBODY) -> dict[str, Any]:
        holdout = Holdout(
            key=payload.id,
            name=payload.name or payload.id,
            salt=secrets.token_hex(4),
            share=parts_of(payload.share, "share"),
            active=payload.active,
            description=payload.description,
        )
        return _holdout_view(sharing.create(holdout, actor=actor))

    @router.patch("/holdouts/{holdout_id}", summary="Change a holdout for experiments that start from now on")
    def update_holdout(holdout_id: str, payload: HoldoutChange, actor: Actor = ANYBODY) -> dict[str, Any]:
        given = payload.model_dump(exclude_none=True)
        if payload.share is not None:
            given["share"] = parts_of(payload.share, "share")
        return _holdout_view(sharing.update(Holdout, holdout_id, lambda old: replace(old, **given), actor=actor))

    _add_reading(router, services, Holdout, "holdouts", _holdout_view)


def _add_segments(router: APIRouter, services: Services) -> None:
    sharing = services.sharing

    @router.post("/segments", status_code=201, summary="Create a segment")
    def create_segment(payload: SegmentBody, actor: Actor = ANYBODY) -> dict[str, Any]:
        audience = Audience(parse_condition(payload.audience, "audience"))
        segment = Segment(
            key=payload.id, name=payload.name or payload.id, audience=audience, description=payload.description
        )
        return _segment_view(sharing.create(segment, actor=actor))

    @router.patch("/segments/{segment_id}", summary="Change a segment for experiments that start from now on")
    def update_segment(segment_id: str, payload: SegmentChange, actor: Actor = ANYBODY) -> dict[str, Any]:
        given: dict[str, Any] = payload.model_dump(exclude_none=True, exclude={"audience"})
        if payload.audience is not None:
            given["audience"] = Audience(parse_condition(payload.audience, "audience"))
        return _segment_view(sharing.update(Segment, segment_id, lambda old: replace(old, **given), actor=actor))

    _add_reading(router, services, Segment, "segments", _segment_view)


def _add_reading(
    router: APIRouter, services: Services, kind: type[Item], path: str, view: Callable[[Item], dict[str, Any]]
) -> None:
    """List, read, delete and audit, the same for every kind."""
    sharing, name = services.sharing, kind.__name__.lower()

    @router.get(f"/{path}", summary=f"List {path}", operation_id=f"list_{path}")
    def list_items() -> dict[str, Any]:
        return {path: [view(item) for item in sharing.all(kind)]}

    @router.get(f"/{path}/{{item_id}}", summary=f"Read a {name}", operation_id=f"read_{name}")
    def read(item_id: str) -> dict[str, Any]:
        used_by = [item.key for item in sharing.users(kind, item_id)]
        return view(sharing.get(kind, item_id)) | {"used_by": used_by}

    @router.delete(f"/{path}/{{item_id}}", status_code=204, summary=f"Delete a {name}", operation_id=f"delete_{name}")
    def delete(item_id: str, actor: Actor = ANYBODY) -> Response:
        sharing.delete(kind, item_id, actor=actor)
        return Response(status_code=204)

    @router.get(f"/{path}/{{item_id}}/audit", summary=f"Every change of a {name}", operation_id=f"audit_{name}")
    def audit(item_id: str) -> dict[str, Any]:
        return {
            "changes": [
                {"action": c.action, "actor": c.actor, "at": c.at, "before": c.before, "after": c.after}
                for c in sharing.changes(kind, item_id)
            ]
        }


def _base_view(item: Layer | Holdout | Segment) -> dict[str, Any]:
    return {
        "id": item.key,
        "name": item.name,
        "description": item.description,
        "created_at": None if item.created_at is None else format_time(item.created_at),
    }


def _layer_view(services: Services, layer: Layer) -> dict[str, Any]:
    """With the experiments that hold parts of it now, and what is free."""
    held: list[dict[str, Any]] = [
        {"experiment_id": item.key, "start": slot.start / PARTS, "end": slot.end / PARTS}
        for item in services.sharing.users(Layer, layer.key)
        if item.layer is not None and item.status not in _ENDED
        for slot in item.layer.slots
    ]
    free = 1 - sum(part["end"] - part["start"] for part in held)
    return _base_view(layer) | {"salt": layer.salt, "held": held, "free": round(free, 6)}


def _holdout_view(holdout: Holdout) -> dict[str, Any]:
    return _base_view(holdout) | {
        "salt": holdout.salt,
        "share": holdout.share / PARTS,
        "active": holdout.active,
    }


def _segment_view(segment: Segment) -> dict[str, Any]:
    return _base_view(segment) | {"audience": to_document(segment.audience)}
