"""Which of the parts that a process leans on answer, told once when that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from assay.ports import Telemetry

Check = Callable[[], None]
_log = structlog.get_logger("assay.parts")


@dataclass(slots=True)
class Watch:
    """Asks every part in turn. parts: by name, what raises when the part does not answer.

    problems: what is wrong now, in words, by part; a part that answers is not in it.
    """

    parts: Mapping[str, Check]
    telemetry: Telemetry
    problems: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Ask all of them; a change is logged once, with what it means."""
        for name, check in self.parts.items():
            try:
                check()
            except Exception as error:
                if name not in self.problems:
                    _log.warning("part does not answer", part=name, why=str(error), meanwhile=MEANWHILE.get(name, ""))
                self.problems[name] = str(error)
            else:
                if self.problems.pop(name, None) is not None:
                    _log.info("part answers again", part=name)
            self.telemetry.part_answers(name, name not in self.problems)

    def states(self) -> dict[str, str]:
        """'ok' or what is wrong, by part."""
        return {name: self.problems.get(name, "ok") for name in self.parts}


MEANWHILE = {
    "definitions": "assignment and tracking go on with the last snapshot; nothing can be changed",
    "inbox": "events and exposures are refused with 503 and Retry-After; assignment goes on",
    "warehouse": "events wait in the inbox; results stay as they are",
    "sticky": "sticky experiments answer by the draw alone",
    "notices": "open pages learn of new results more slowly",
}
"""What goes on while a part is gone."""
