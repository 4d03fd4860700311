"""Settings by environment variable."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from assay.app.intake_settings import intake_settings, number
from assay.errors import InvalidInput
from assay.service.filtering import Filters

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s,?#@A-Z]+")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,200}")


class Role(StrEnum):
    """What a process does. all: everything. edge: assigns and takes events. control: definitions, results, dashboard.
    worker: loads events and analyses."""

    ALL = "all"
    EDGE = "edge"
    CONTROL = "control"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set from outside; each field names its environment variable.

    data: ASSAY_DATA, the folder of the embedded stack. host: API_HOST. port: API_PORT. role: ASSAY_ROLE.
    refresh_seconds: ASSAY_REFRESH_SECONDS, the pause between two rounds of load and analyse.
    log_level: LOG_LEVEL. cors_origins: CORS_ORIGINS, separated by commas: whose scripts may call what browsers call.

    database_url: DATABASE_URL, postgresql://…, with DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW connections.
    redis_url: REDIS_URL, with REDIS_MAX_CONNECTIONS. kafka: KAFKA_BOOTSTRAP_SERVERS, with KAFKA_TOPIC, KAFKA_GROUP
    and, for a topic that is made here, KAFKA_PARTITIONS. warehouse_url: WAREHOUSE_URL, clickhouse://…
    Empty: the embedded part in the data folder. sources: ASSAY_SOURCES, a file that describes tables of your own, which
    analysis reads instead of the warehouse; see docs/guide/warehouses.md.

    analyse_every: ANALYSIS_SECONDS between two analyses of everything; default 0, with a WAREHOUSE_URL 10, with
    sources 300.
    query_seconds: QUERY_TIMEOUT_SECONDS. sample_above_units: SAMPLE_ABOVE_UNITS, of one experiment; 0: never.
    retention_days: EVENT_RETENTION_DAYS.

    max_waiting_events, max_waiting_bytes: MAX_WAITING_EVENTS and MAX_WAITING_BYTES, what may wait for the disk before
    more is turned away. unit_events_per_second: UNIT_EVENTS_PER_SECOND, of one unit; 0: any number.
    unit_hash_key: UNIT_HASH_KEY; when given, ids of units are stored as HMAC-SHA256 under it.
    filters: FILTER_BOTS, INTERNAL_UNITS, INTERNAL_PROPERTIES, INTERNAL_NETWORKS; see docs/guide/events.md.
    """

    data: Path = Path("assay-data")
    host: str = "127.0.0.1"
    port: int = 8000
    role: Role = Role.ALL
    refresh_seconds: float = 1.0
    log_level: str = "INFO"
    cors_origins: str = "*"
    database_url: str = ""
    database_pool_size: int = 10
    database_max_overflow: int = 20
    redis_url: str = ""
    redis_max_connections: int = 50
    kafka: str = ""
    kafka_topic: str = "assay-events"
    kafka_group: str = "assay-loader"
    kafka_partitions: int = 12
    warehouse_url: str = ""
    sources: str = ""
    analyse_every: float = 0.0
    query_seconds: float = 30.0
    sample_above_units: int = 20_000_000
    retention_days: float = 90.0
    max_waiting_events: int = 100_000
    max_waiting_bytes: int = 64 * 1024 * 1024
    unit_events_per_second: float = 1_000.0
    unit_hash_key: str = field(default="", repr=False)
    filters: Filters = Filters()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables; raises InvalidInput naming the variable that is wrong."""
        read = _Reader(os.environ if environment is None else environment)
        default = cls()
        return cls(
            data=Path(read.text("ASSAY_DATA", str(default.data))),
            host=read.text("API_HOST", default.host),
            port=read.whole("API_PORT", default.port, 0, 65_535),
            role=read.role("ASSAY_ROLE", default.role),
            refresh_seconds=read.number("ASSAY_REFRESH_SECONDS", default.refresh_seconds, 0.05, 3_600),
            log_level=read.text("LOG_LEVEL", default.log_level).upper(),
            cors_origins=_origins("CORS_ORIGINS", read.text("CORS_ORIGINS", default.cors_origins)),
            database_url=read.url("DATABASE_URL", ("postgresql", "postgres", "sqlite")),
            database_pool_size=read.whole("DATABASE_POOL_SIZE", default.database_pool_size, 1, 1_000),
            database_max_overflow=read.whole("DATABASE_MAX_OVERFLOW", default.database_max_overflow, 0, 1_000),
            redis_url=read.url("REDIS_URL", ("redis", "rediss", "unix")),
            redis_max_connections=read.whole("REDIS_MAX_CONNECTIONS", default.redis_max_connections, 1, 10_000),
            kafka=read.text("KAFKA_BOOTSTRAP_SERVERS", ""),
            kafka_topic=read.name("KAFKA_TOPIC", default.kafka_topic),
            kafka_group=read.name("KAFKA_GROUP", default.kafka_group),
            kafka_partitions=read.whole("KAFKA_PARTITIONS", default.kafka_partitions, 1, 10_000),
            warehouse_url=read.url("WAREHOUSE_URL", WAREHOUSE_SCHEMES),
            sources=read.text("ASSAY_SOURCES", ""),
            analyse_every=read.number("ANALYSIS_SECONDS", _default_pause(read), 0, 86_400),
            query_seconds=read.number("QUERY_TIMEOUT_SECONDS", default.query_seconds, 0.1, 86_400),
            sample_above_units=read.whole("SAMPLE_ABOVE_UNITS", default.sample_above_units, 0, 10**12),
            retention_days=read.number("EVENT_RETENTION_DAYS", default.retention_days, 1, 36_500),
            **intake_settings(read.environment),
        )


def _default_pause(read: _Reader) -> float:
    if read.text("ASSAY_SOURCES", ""):
        return 300.0
    return 10.0 if read.text("WAREHOUSE_URL", "") else 0.0


WAREHOUSE_SCHEMES = ("clickhouse", "clickhouses")


class _Reader:
    """Values of an environment, each checked."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def text(self, name: str, default: str) -> str:
        return self.environment.get(name, default)

    def name(self, name: str, default: str) -> str:
        text = self.text(name, default)
        if not _TOPIC.fullmatch(text):
            raise InvalidInput(name, text, "1 to 200 letters, digits, dots, underscores or hyphens")
        return text

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        """A URL with one of the schemes; what is wrong is named without its password."""
        text = self.text(name, "").strip()
        scheme, separator, rest = text.partition("://")
        if text and (not separator or not rest or scheme.partition("+")[0] not in schemes):
            accepted = " or ".join(f"{item}://…" for item in schemes)
            raise InvalidInput(name, f"{scheme if separator else text[:12]}…", accepted)
        return text

    def role(self, name: str, default: Role) -> Role:
        text = self.text(name, default.value)
        try:
            return Role(text)
        except ValueError:
            raise InvalidInput(name, text, ", ".join(Role)) from None

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        value = self.number(name, default, low, high)
        if value != int(value):
            raise InvalidInput(name, self.text(name, ""), "a whole number")
        return int(value)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        return number(name, self.text(name, "") or str(default), low, high)


def _origins(name: str, text: str) -> str:
    """`text` if every origin in it has the form that browsers send: any other would never match one."""
    for origin in filter(None, (item.strip() for item in text.split(","))):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise InvalidInput(name, origin, "*, or origins like https://shop.example:8443, without a path")
    return text
