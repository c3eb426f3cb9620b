"""Programs that tests need: who lacks one is told how to get it; those that `make servers` installs come first."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bot.core.errors import Permanent

_SERVERS = Path(__file__).parents[2] / ".venv-real"


def node() -> None:
    """Node and its npm. Permanent with the mend where one of them is not there."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise Permanent("node and npm are not on PATH: install Node.js 18.15 or newer with npm")


def go() -> None:
    """Go. Permanent with the mend where it is not there."""
    if shutil.which("go") is None:
        raise Permanent("Go is not on PATH: install it (Debian: golang-go)")


def first(patch: pytest.MonkeyPatch, title: str, *, setting: str = "") -> None:
    """A program of Python's that `make servers` installs is first on PATH. None at all is a failure.

    title: as its people write it. setting: the variable of the environment that names the folder of another one to try.
    """
    path = f"{os.environ.get(setting, str(_SERVERS / 'bin'))}:{os.environ['PATH']}"
    if shutil.which(title.lower(), path=path) is None:
        pytest.fail(f"{title} is neither in .venv-real nor on PATH: run `make servers`")
    patch.setenv("PATH", path)


def first_of_node(patch: pytest.MonkeyPatch, setting: str) -> None:
    """Node's programs that `make servers` installs are first on PATH. setting: as `first` has it."""
    folder = os.environ.get(setting, str(_SERVERS / "node_modules" / ".bin"))
    patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
