"""Traffic that is not of people whom an experiment is about: bots, and the people who make the product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from assay.ports import UserAgents

_KEPT_ADDRESSES = 4_096


class Reason(StrEnum):
    """Why something is not counted."""

    BOT = "bot"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is left out.

    bots: whose user agent is one. units, prefixes: internal ids, and beginnings of such. properties: names with the
    value that makes an event or a context internal. networks: of internal senders.
    """

    bots: bool = True
    units: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    properties: tuple[tuple[str, Any], ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request. user_agent: of a browser in which a script sends it, else empty. address: of the peer."""

    user_agent: str = ""
    address: str = ""


NOBODY = Sender()


class Filtering:
    """Applies filters. Without a reason, what it is asked about is None."""

    def __init__(self, filters: Filters, user_agents: UserAgents) -> None:
        self.filters = filters
        self.looks_at_units = bool(filters.units or filters.prefixes or filters.properties)
        self._describe = user_agents.describe
        self._is_internal_address = lru_cache(_KEPT_ADDRESSES)(self._in_networks)

    def of_sender(self, sender: Sender) -> Reason | None:
        """Why nothing of a request counts."""
        if self.filters.networks and self._is_internal_address(sender.address):
            return Reason.INTERNAL
        return Reason.BOT if sender.user_agent and self._is_bot(sender.user_agent) else None

    def of_unit(self, units: Iterable[object], properties: Mapping[str, Any]) -> Reason | None:
        """Why an event or an exposure does not count. units: the ids it goes by."""
        filters = self.filters
        if self.looks_at_units:
            for unit in units:
                if isinstance(unit, str) and (unit in filters.units or unit.startswith(filters.prefixes)):
                    return Reason.INTERNAL
            if any(name in properties and properties[name] == value for name, value in filters.properties):
                return Reason.INTERNAL
        user_agent = properties.get("user_agent")
        return Reason.BOT if isinstance(user_agent, str) and self._is_bot(user_agent) else None

    def _is_bot(self, user_agent: str) -> bool:
        return self.filters.bots and "bot" in self._describe(user_agent)

    def _in_networks(self, address: str) -> bool:
        try:
            peer = ip_address(address)
        except ValueError:
            return False
        # A server that listens on both says addresses of the older kind within those of the newer.
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.filters.networks)
