"""What all tests share: logs that cost nothing."""

from __future__ import annotations

import structlog

# The default prints each exception with all its locals, which takes seconds; tests look at state, not at logs.
structlog.configure(
    processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()],
    logger_factory=structlog.PrintLoggerFactory(),
)
