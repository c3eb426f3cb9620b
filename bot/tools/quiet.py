"""Logging for a program that mostly has nothing to say: the real one is loaded when the first thing is said.

To load it takes as long as a hundred questions to a registry that have no news.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_pending: list[Callable[[], None]] = []


def set_up_later(set_up: Callable[[], None]) -> None:
    """Call `set_up` before anything is logged, by `logger` here or by the standard library's root logger."""
    _pending[:] = [set_up]
    logging.getLogger().handlers[:] = [_First()]


def logger(name: str) -> Any:
    """As `structlog.get_logger`, to be asked for where something is said."""
    import structlog

    _now()
    return structlog.get_logger(name)


def _now() -> None:
    while _pending:
        _pending.pop()()


class _First(logging.Handler):
    """Stands in for the handlers that are still to come, and gives them what came first."""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by the standard library."""
        _now()
        root = logging.getLogger()
        if self in root.handlers:
            root.removeHandler(self)
        root.handle(record)
