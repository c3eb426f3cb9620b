"""Servers of others, started by a test on a free port of loopback, stopped at its end, and known by their own log."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import listing
from bot.adapters.listing import Shelf
from bot.core.choice import Choice, choose
from bot.core.model import Component, Pin
from bot.core.objections import Rules
from bot.core.ports import Source
from bot.core.survey import Group
from bot.tools.sightings import FolderSightings

ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv-real"  # the servers that a package registry has and Debian has not
PATIENCE = 30.0


def program(name: str, mend: str) -> str:
    """Where a server's program is: in the folder of our own servers, else on PATH. Not there is a failure, not a skip.

    mend: what to type to get it.
    """
    found = shutil.which(name, path=os.pathsep.join((str(OWN / "bin"), str(OWN / "node_modules/.bin")))) or (
        shutil.which(name)
    )
    if found is None:
        pytest.fail(f"{name} is neither in {OWN.name} nor on PATH. {mend}")
    return found


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def plain(home: Path, **more: str) -> dict[str, str]:
    """An environment in which no program finds a setting of this machine or of the person at it."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"], "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1",
        "npm_config_userconfig": str(home / ".npmrc"), "npm_config_globalconfig": str(home / "none"),
        "npm_config_update_notifier": "false", "npm_config_fund": "false", "npm_config_audit": "false", **more,
    }  # fmt: skip


@contextmanager
def running(words: Sequence[str], url: str, log: Path, *, env: Mapping[str, str]) -> Iterator[None]:
    """The program runs while the block does; the block begins when the URL answers, whatever it answers."""
    with log.open("ab") as out:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(env))
    try:
        until = time.monotonic() + PATIENCE
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"{words[0]} does not come up:\n{log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


async def eventually(seen: Callable[[], Any], wanted: Any) -> None:
    """What a server notes down stands in its log a moment after its answer."""
    for _ in range(100):
        if seen() == wanted:
            return
        await asyncio.sleep(0.05)
    assert seen() == wanted


def ran(words: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> str:
    """What a program writes; that it fails is a failure."""
    done = subprocess.run(words, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def checked(tree: Path, env: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """`surefoot check --no-simulate --json`, as a person runs it: its exit code, and what it says."""
    words = [sys.executable, "-m", "bot", "check", str(tree), "--no-simulate", "--json"]
    # Nobody is to be asked about known flaws: that would leave this machine.
    asked = {**env, "SUREFOOT_OSV": "off"}
    done = subprocess.run(words, env=asked, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        pytest.fail(f"no JSON: {done.stdout}\n{done.stderr}")


@dataclass
class Bench:
    """One component, pinned at a version, and a memory of what was seen of it."""

    component: Component
    source: Source
    seen: Path
    manifest: str
    version: str
    rules: Rules = field(default_factory=Rules)

    async def answers(self, now: datetime) -> tuple[Choice, ...]:
        """What Surefoot says of it at this time (UTC)."""
        pin = Pin(
            path="x", line=1, column=1, manifest=self.manifest, component=self.component, requirement=self.version,
            version=self.version,
        )  # fmt: skip
        group = Group(component=self.component, pins=(pin,))
        choosing = partial(choose, group.pins, now=now, rules=self.rules, known={})
        shelf = Shelf(sources={}, sightings=FolderSightings(self.seen))
        return await listing.answers(group, self.source, choosing, shelf, now)
