"""Who sends a request, as far as filters ask."""

from __future__ import annotations

from assay.http.wire import Scope, header
from assay.service.filtering import Sender

_OF_SCRIPTS = (b"origin", b"sec-fetch-mode")
_OF_BROWSERS = b"Mozilla/"


def sender_of(scope: Scope) -> Sender:
    """The peer, and its User-Agent if a script in a browser sends the request.

    Only browsers send Origin or Sec-Fetch-Mode, and all of them, also those that bots run, call themselves Mozilla. Of
    anything else the header names the library that a server sends events with, which says nothing of any unit.
    """
    client = scope.get("client")
    address = client[0] if client else ""
    if any(name in _OF_SCRIPTS for name, _ in scope["headers"]):
        user_agent = header(scope, b"user-agent")
        if user_agent.startswith(_OF_BROWSERS):
            return Sender(user_agent.decode("latin-1"), address)
    return Sender("", address)
