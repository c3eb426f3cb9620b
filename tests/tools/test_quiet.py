"""A program that says nothing loads nothing to say it with, and the first word is not lost."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from bot.tools import quiet
from bot.tools.logging import set_up


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], quiet._pending[:] = handlers, []
    root.setLevel(level)
    structlog.reset_defaults()


def test_the_first_word_sets_up_what_says_it() -> None:
    """It comes out as all later ones do; until then nothing was set up."""
    out, times = io.StringIO(), []

    def later() -> None:
        times.append(1)
        set_up("json:warning", stream=out)

    quiet.set_up_later(later)
    assert not times
    quiet.logger("here").warning("something", name="x")
    quiet.logger("here").debug("a detail")
    assert times == [1] and '"event": "something"' in out.getvalue() and "detail" not in out.getvalue()


def test_a_librarys_first_word_is_not_lost() -> None:
    """A warning of the standard library's logging comes out once, and through what was set up for it."""
    out = io.StringIO()
    quiet.set_up_later(lambda: set_up("json:warning", stream=out))
    logging.getLogger("asyncio").warning("slow %s", "callback")
    logging.getLogger("asyncio").warning("again")
    assert out.getvalue().count("slow callback") == 1 and '"event": "again"' in out.getvalue()


def test_a_look_that_says_nothing_loads_neither_colours_nor_jails() -> None:
    """What only a table, a log or a simulation needs is not loaded for a look by a machine."""
    code = (
        "import sys, bot.cli, bot.check\n"
        "print([name for name in ('rich', 'structlog', 'cryptography', 'bot.lab.trial', 'gidgethub', 'ruamel.yaml')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
