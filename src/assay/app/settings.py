"""Settings by environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set from outside; each field names its environment variable.

    data: ASSAY_DATA, the folder of the embedded stack. host: API_HOST. port: API_PORT.
    refresh_seconds: ASSAY_REFRESH_SECONDS, the pause between two rounds of load and analyse.
    log_level: LOG_LEVEL.
    """

    data: Path = Path("assay-data")
    host: str = "127.0.0.1"
    port: int = 8000
    refresh_seconds: float = 1.0
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables; raises InvalidInput naming the variable that is wrong."""
        env = os.environ if environment is None else environment
        default = cls()
        return cls(
            data=Path(env.get("ASSAY_DATA", str(default.data))),
            host=env.get("API_HOST", default.host),
            port=int(_number("API_PORT", env.get("API_PORT", str(default.port)), 0, 65_535)),
            refresh_seconds=_number(
                "ASSAY_REFRESH_SECONDS", env.get("ASSAY_REFRESH_SECONDS", str(default.refresh_seconds)), 0.05, 3_600
            ),
            log_level=env.get("LOG_LEVEL", default.log_level).upper(),
        )


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise InvalidInput(name, text, f"a number from {low:g} to {high:g}")
    return value
