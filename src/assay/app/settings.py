"""Settings by environment variable."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.app.intake_settings import intake_settings, number
from assay.errors import InvalidInput
from assay.service.filtering import Filters

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,?#@A-Z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set from outside; each field names its environment variable.

    data: ASSAY_DATA, the folder of the embedded stack. host: API_HOST. port: API_PORT.
    refresh_seconds: ASSAY_REFRESH_SECONDS, the pause between two rounds of load and analyse.
    log_level: LOG_LEVEL. cors_origins: CORS_ORIGINS, separated by commas: whose scripts may call what browsers call.
    max_waiting_events, max_waiting_bytes: MAX_WAITING_EVENTS and MAX_WAITING_BYTES, what may wait for the disk before
    more is turned away. unit_events_per_second: UNIT_EVENTS_PER_SECOND, of one unit; 0: any number.
    unit_hash_key: UNIT_HASH_KEY; when given, ids of units are stored as HMAC-SHA256 under it.
    filters: FILTER_BOTS, INTERNAL_UNITS, INTERNAL_PROPERTIES, INTERNAL_NETWORKS; see docs/guide/events.md.
    """

    data: Path = Path("assay-data")
    host: str = "127.0.0.1"
    port: int = 8000
    refresh_seconds: float = 1.0
    log_level: str = "INFO"
    cors_origins: str = "*"
    max_waiting_events: int = 100_000
    max_waiting_bytes: int = 64 * 1024 * 1024
    unit_events_per_second: float = 1_000.0
    unit_hash_key: str = field(default="", repr=False)
    filters: Filters = Filters()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables; raises InvalidInput naming the variable that is wrong."""
        env = os.environ if environment is None else environment
        default = cls()
        return cls(
            data=Path(env.get("ASSAY_DATA", str(default.data))),
            host=env.get("API_HOST", default.host),
            port=int(number("API_PORT", env.get("API_PORT", str(default.port)), 0, 65_535)),
            refresh_seconds=number(
                "ASSAY_REFRESH_SECONDS", env.get("ASSAY_REFRESH_SECONDS", str(default.refresh_seconds)), 0.05, 3_600
            ),
            log_level=env.get("LOG_LEVEL", default.log_level).upper(),
            cors_origins=_origins("CORS_ORIGINS", env.get("CORS_ORIGINS", default.cors_origins)),
            **intake_settings(env),
        )


def _origins(name: str, text: str) -> str:
    """`text` if every origin in it has the form that browsers send: any other would never match one."""
    for origin in filter(None, (item.strip() for item in text.split(","))):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise InvalidInput(name, origin, "*, or origins like https://shop.example:8443, without a path")
    return text
