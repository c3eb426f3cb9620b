"""Services run inside the jail of each side, beside the suite that asks for them, and are ready when it begins."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import Grade
from bot.core.suites import Asked
from bot.lab import sandbox, services
from bot.lab.host import Host
from bot.lab.jobs import Job, Limits, Ran
from bot.lab.ready import INSIDE
from bot.lab.trial import Laboratory
from tests.lab.world import a_trial, tree

# Stands for a server: it takes its time, then listens where the real one would.
SERVER = """\
#!{python} -IS
import socket, sys, time
time.sleep(0.2)
socket.create_server(("127.0.0.1", {port})).accept()[0].sendall(b"here")
"""
ASK = "import socket; print(socket.create_connection(('127.0.0.1', 11211)).recv(9).decode())"
PYTHON = Path(os.path.realpath(sys.executable))


async def run(host: Host, names: list[str], *command: str, folder: Path) -> Ran:
    """One command in the jail with these services."""
    words = (*services.starter(names), *command)
    seen = (INSIDE, folder, Path(os.path.realpath(sys.base_prefix)))
    return await sandbox.run(Job(command=words, visible=seen, limits=Limits(seconds=30)), host)


def a_server(folder: Path, text: str) -> Path:
    """A program in a folder that the jail's user can walk to."""
    folder.mkdir()
    (folder / "server").write_text(text)
    (folder / "server").chmod(0o755)
    return folder / "server"


async def test_it_is_ready_when_the_command_begins(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it listens stands in the environment; the command's own exit code is passed on; nothing is left behind."""
    server = a_server(tmp_path / "bin", SERVER.format(python=PYTHON, port=11211))
    monkeypatch.setitem(services.KNOWN, "memcached", lambda: server)  # type: ignore[misc]  # its own server
    code = f"{ASK}; import os, sys; print(os.environ['MEMCACHED_URL']); sys.exit(7)"
    ran = await run(host, ["memcached", "memcached"], str(PYTHON), "-IS", "-c", code, folder=server.parent)
    assert (ran.code, ran.text.split(), ran.clean) == (7, ["here", "memcached://127.0.0.1:11211"], True)


async def test_one_that_does_not_start_is_said(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own last words, and the command is not run."""
    server = a_server(tmp_path / "bin", "#!/bin/sh\necho no room left\nexit 1\n")
    for name in ("memcached", "redis"):
        monkeypatch.setitem(services.KNOWN, name, lambda: server)  # type: ignore[misc]  # its own server
        ran = await run(host, [name], "echo", "was run", folder=server.parent)
        assert (ran.code, ran.text) == (125, f"surefoot: {name} did not start\nno room left\n")


async def test_a_postgresql_that_cannot_make_its_folder_is_said(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step of it may fail."""
    a_server(tmp_path / "bin", "")
    (tmp_path / "bin" / "initdb").write_text("#!/bin/sh\necho initdb: no\nexit 1\n")
    (tmp_path / "bin" / "initdb").chmod(0o755)
    monkeypatch.setitem(services.KNOWN, "postgresql", lambda: tmp_path / "bin")  # type: ignore[misc]  # its own server
    ran = await run(host, ["postgresql"], "true", folder=tmp_path / "bin")
    assert (ran.code, ran.text) == (125, "surefoot: postgresql did not start\ninitdb: no\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("redis", "redis is asked for beside this suite, and this machine has none. Install Redis or Valkey"),
        ("oracle", "'oracle' is no service that is known here; there are postgresql, redis, memcached"),
    ],
)
async def test_a_service_that_is_not_here_is_not_known(
    name: str, why: str, lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite is not run without it: what it would have said is unknown, and how to mend it is said."""
    monkeypatch.setitem(services.KNOWN, "redis", lambda: None)  # type: ignore[misc]  # its own server
    files = {"requirements.txt": "greeter==1.0\n", "test_a.py": "def test_a(): pass\n"}
    trees = [tree(tmp_path / folder, files) for folder in "ab"]
    asked = {"unit": Asked(run="python -m pytest"), "integration": Asked(run="python -m pytest", services=(name,))}
    simulation = await lab.simulate(replace(a_trial(*trees), suites=asked))
    assert [suite.grade for suite in simulation.suites] == [Grade.PASSED, Grade.UNKNOWN], simulation
    assert why in simulation.suites[1].why and simulation.grade is Grade.UNKNOWN


def test_the_newest_postgresql_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number, not by letter; one without its tools is none; nor is a program that no jail sees."""
    for version, tools in (("9.6", "initdb"), ("15", "initdb"), ("17", "")):
        folder = tmp_path / "lib" / "postgresql" / version / "bin"
        folder.mkdir(parents=True)
        for name in ("postgres", *tools.split()):
            (folder / name).touch()
    monkeypatch.setattr(services, "_USR", tmp_path)
    assert services._postgresql() == tmp_path / "lib" / "postgresql" / "15" / "bin"
    assert services._on_path("sh") is None
    assert services.starter(()) == ()
