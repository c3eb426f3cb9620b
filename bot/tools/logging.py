"""One way to log: events with fields, as JSON for machines or in colour for people, and never a secret."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from bot.core.errors import ConfigProblem
from bot.tools.secrets import Secret, redact

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _clean(value: Any, secrets: tuple[Secret, ...]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {key: _clean(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner, secrets) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # Whatever else it is would be printed by its repr, so that is what has to be clean.
    return redact(repr(value), secrets)


def redactor(secrets: Iterable[Secret] = ()) -> Processor:
    """A processor that takes these secrets, and whatever looks like one, out of every field."""
    known = tuple(secrets)

    def run(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {key: _clean(value, known) for key, value in event.items()}

    return run


def parse(setting: str) -> tuple[str, int]:
    """SUREFOOT_LOG as (form, level): "json", "console", a level, or both as in "json:debug"."""
    form, level = "console", LEVELS["info"]
    for word in filter(None, setting.lower().replace(",", ":").split(":")):
        if word in {"json", "console"}:
            form = word
        elif word in LEVELS:
            level = LEVELS[word]
        else:
            raise ConfigProblem(
                f"{word!r} is neither a form nor a level",
                where="SUREFOOT_LOG",
                mend=f"Use json or console, and one of {', '.join(LEVELS)}: for example json:info",
            )
    return form, level


def set_up(setting: str = "", *, secrets: Iterable[Secret] = (), stream: TextIO | None = None) -> None:
    """Configure structlog and the standard library's logging alike. stream: standard error unless given.

    ConfigProblem when the setting is not understood.
    """
    form, level = parse(setting)
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Tracebacks become text before the redactor, so that it sees them too.
        structlog.processors.format_exc_info,
        redactor(secrets),
    ]
    last: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redactor(secrets), last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # A library's chatter is worth hearing only when it warns, unless somebody asked for everything.
    root.setLevel(level if level == LEVELS["debug"] else max(level, LEVELS["warning"]))
