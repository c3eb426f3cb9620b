"""A pytest plugin in the jail: tells, in the report itself, which of the tree's own lines earned a deprecation warning.

Heard is what Python shows by the project's own filters; what it hides or turns into errors stays so. A warning may name
a line of a package: then it is the innermost line of the tree that led there that counts. Told as a property of the
report, lists of [path, line, category, message, package]. Nothing but the standard library and pytest.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from typing import Any

import pytest

NAME = "surefoot_warned"
_OLD = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
_MOST, _LONGEST, _DEEPEST = 500, 300, 100
_found: dict[tuple[str, str, str], list[Any]] = {}
_usual: Any = None


def _heard(message: Any) -> None:
    """Listens before a warning is shown. What a package makes of a warning must not end a test."""
    try:
        if len(_found) < _MOST and issubclass(message.category, _OLD):
            _note(message, sys._getframe(1))
    except Exception:  # noqa: S110 - a message that cannot be read is none
        pass
    _usual(message)


def _note(message: Any, frame: Any) -> None:
    root = os.environ["SUREFOOT_WORK"] + "/"
    raised = ""  # by code of C, or by the tree itself
    for _ in range(_DEEPEST):
        if frame is None:
            return
        place = frame.f_code.co_filename
        if place.startswith(root):
            break
        raised = raised or ("" if place == warnings.__file__ else place)
        frame = frame.f_back
    else:
        return
    path, words = place[len(root) :], str(message.message)[:_LONGEST]
    key = (path, message.category.__name__, words)
    _found.setdefault(key, [path, frame.f_lineno, message.category.__name__, words, _package(raised)])


def _package(place: str) -> str:
    """What it is imported as; "" for the standard library."""
    _, mark, rest = place.rpartition("/site-packages/")
    return rest.partition("/")[0].removesuffix(".py")[:_LONGEST] if mark else ""


def pytest_configure(config: Any) -> None:
    """Begin to listen, once."""
    global _usual
    if _usual is None and hasattr(warnings, "_showwarnmsg"):
        _usual = warnings._showwarnmsg
        warnings._showwarnmsg = _heard  # what C's own `warn` calls, by this very name


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Of pytest-xdist: take over what one of its workers heard."""
    for one in getattr(node, "workeroutput", {}).get(NAME, []):
        _found.setdefault((one[0], one[2], one[3]), one)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: Any) -> None:
    """Hand it over before the report is written."""
    told = list(_found.values())
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[NAME] = told
        return
    for plugin in session.config.pluginmanager.get_plugins():
        if type(plugin).__name__ == "LogXML":
            plugin.add_global_property(NAME, json.dumps(told[:_MOST]))
