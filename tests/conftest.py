"""For all tests: what they log is short, and property tests are the same at every run of CI."""

from __future__ import annotations

import os

import structlog
from hypothesis import settings

structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# No deadlines: a slow machine is no failure. New examples every time, but in CI, where a red run must mean a change;
# `make test-deep` looks for what a hundred examples do not find.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("deep", deadline=None, max_examples=3_000)
settings.load_profile(os.environ.get("ASSAY_EXAMPLES") or ("ci" if os.environ.get("CI") else "here"))
