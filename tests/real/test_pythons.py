"""A Python that lies where the jail's user cannot go is used all the same, and nothing else of that place is seen."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from bot.lab import environments, resolver, sandbox
from bot.lab.cache import Cache
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits
from tests.lab import world

NAME = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home of mode 0700 with a Python of its own in it, and a secret."""
    made = tmp_path / "home"
    made.mkdir(mode=0o700)
    (made / "secret").write_text("hunter2")
    (made / "secret").chmod(0o644)
    prefix = Path(sys.base_prefix)
    apart = shutil.ignore_patterns("site-packages", "test", "__pycache__", "config-*", "*.a", "idlelib", "ensurepip")
    shutil.copytree(prefix / "lib", made / "python" / "lib", symlinks=True, ignore=apart)
    (made / "python" / "bin").mkdir()
    shutil.copy2(os.path.realpath(prefix / "bin" / NAME), made / "python" / "bin" / NAME)
    return made


async def test_a_python_in_a_closed_home(
    best: Host, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is bound in by its prefix, read-only."""
    wheels = world.with_pytest(tmp_path / "wheels")
    made = world.tree(tmp_path / "tree", {"requirements.txt": "", "test_a.py": ""})
    uv = resolver.find_uv(world.index(wheels))
    monkeypatch.setattr(sys, "executable", str(home / "python" / "bin" / NAME))
    monkeypatch.setattr(sys, "base_prefix", str(home / "python"))
    code = f"import sys, os, pytest; print(sys.base_prefix, os.path.exists({str(home / 'secret')!r}), os.getuid())"
    async with environments.prepared(made, uv=uv, cache=Cache(folder=tmp_path / "cache")) as ready:
        monkeypatch.undo()  # whoever keeps the jail is our own Python again
        assert ready.interpreter.prefix == home / "python"
        job = Job(
            command=(str(ready.programs / "python"), "-c", code), visible=ready.visible, limits=Limits(seconds=30)
        )
        ran = await sandbox.run(job, best)
    assert (ran.code, ran.text.split()) == (0, [str(home / "python"), "False", "1000"]), ran.text
