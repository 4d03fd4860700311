"""Many running experiments, as they would be and as they are worst."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.peers.assay import definition
from bench.peers.job import Attributes

N_LAYERS, PER_PAGE = 5, 5
BUCKETS = 1_000_000


def indexed(n: int) -> Iterator[Any]:
    """Half of them share a few layers, each in a slot of its own; half are for one page each, a few on every page."""
    from assay.model.audience import Attribute, Audience, Operator
    from assay.model.design import LayerPlace, Slot

    n_in_layers = n // 2
    per_layer = -(-n_in_layers // N_LAYERS)
    width = BUCKETS // per_layer
    for i in range(n_in_layers):
        start = i // N_LAYERS * width
        place = LayerPlace(f"layer-{i % N_LAYERS}", "1", (Slot(start, start + width),))
        yield definition(f"in-layer-{i}", audience=Audience(), layer=place)
    for i in range(n - n_in_layers):
        yield definition(f"on-page-{i}", audience=Audience(Attribute("page", Operator.EQ, f"page-{i // PER_PAGE}")))


def worst(n: int) -> Iterator[Any]:
    """For everyone and in no layer: each gives every unit a variant, so each must be walked."""
    from assay.model.audience import Audience

    for i in range(n):
        yield definition(f"for-all-{i}", audience=Audience())


def on_a_page(unit_number: int, n: int) -> Attributes:
    """What a unit tells of itself: it is on one of the pages."""
    n_pages = max(1, (n - n // 2) // PER_PAGE)
    return {"country": "US", "platform": "web", "page": f"page-{unit_number % n_pages}"}


KINDS = {"indexed": indexed, "worst": worst}
