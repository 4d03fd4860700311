"""Templates and static files, read once; links carry the content's hash so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served. version: the start of its content's hash."""

    body: bytes
    media_type: str
    version: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Every static file by name."""
    found = {}
    for file in (files("assay.dashboard") / "static").iterdir():
        media_type = _TYPES.get(file.name.rpartition(".")[2])
        if media_type:
            body = file.read_bytes()
            found[file.name] = StaticFile(body, media_type, hashlib.sha256(body).hexdigest()[:12])
    return found


@cache
def environment() -> Environment:
    """Jinja2 with autoescape on; an unknown name is an error, not an empty text."""
    found = Environment(
        loader=PackageLoader("assay.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["static"] = static_link
    return found


def static_link(name: str) -> str:
    """The address of a static file, with its version."""
    return f"/static/{name}?v={static_files()[name].version}"


def render(template: str, **context: object) -> str:
    """A page or fragment as HTML."""
    return environment().get_template(template).render(**context)
