"""Answers for scripts of other origins: only at the paths that browsers call, and only for the origins that may."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware

from assay.http.wire import AsgiApp, Receive, Scope, Send

ANY = "*"
_PATHS = frozenset(
    {"/api/v1/experiments/assign", "/api/v1/experiments/assign/", "/api/v1/events", "/api/v1/events/"}
    | {"/api/v1/snapshot", "/assay.js"}
)
_FLAGS = "/ofrep/"
_METHODS = ("GET", "POST", "OPTIONS")
# X-API-Key is how the flag protocol lets clients name themselves.
_HEADERS = ("Content-Type", "Content-Encoding", "If-None-Match", "Authorization", "X-Actor", "X-API-Key")
# Date lets a page notice that its own clock is wrong.
_EXPOSED = ("ETag", "Retry-After", "Date")
_PREFLIGHT_SECONDS = 7_200


def with_cors(app: AsgiApp, origins: str) -> AsgiApp:
    """`app` with the headers that let scripts of other origins read its answers, and preflights answered.

    origins: separated by commas; `*` stands for every origin, which is safe as no cookies or credentials are used;
    empty: none. A POST without an Origin, which no browser sends, goes straight to `app`. An answer to GET may be kept
    by a cache that serves both kinds, so it always says that it varies by origin.
    """
    allowed = tuple(origin for item in origins.split(",") if (origin := item.strip()))
    if not allowed:
        return app
    cors = CORSMiddleware(
        app,
        allow_origins=allowed,
        allow_methods=_METHODS,
        allow_headers=_HEADERS,
        expose_headers=_EXPOSED,
        max_age=_PREFLIGHT_SECONDS,
    )

    async def shared(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_shared(scope["path"]) and _concerns_browsers(scope):
            await cors(scope, receive, send)
        else:
            await app(scope, receive, send)

    return shared


def _is_shared(path: str) -> bool:
    return path in _PATHS or path.startswith(_FLAGS)


def _concerns_browsers(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") or any(name == b"origin" for name, _ in scope["headers"])
