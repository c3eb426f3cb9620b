"""The bridge in the jail joins a port with a socket, keeps to its plan, and hands back what was asked for."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.lab.inside import surefoot_bridge as bridge

ASK = "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1])),9); s.sendall(b'hi');"
SAY = " s.shutdown(1); open('heard','wb').write(s.makefile('rb').read())"


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[str]:
    """A socket that says everything twice."""

    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read() * 2)
        writer.close()

    async with await asyncio.start_unix_server(twice, str(tmp_path / "s")):
        yield str(tmp_path / "s")


def plan(socket_path: str, *commands: list[str], **more: Any) -> dict[str, Any]:
    """With a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    steps = [{"files": {}, "folder": ".", "command": [*command, str(port)]} for command in commands]
    return {"socket": socket_path, "port": port, "steps": steps, "wanted": [], **more}


async def test_the_port_leads_to_the_socket(echo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways, to the end; and the wanted files that are there are handed over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    made = plan(echo, [sys.executable, "-c", ASK + SAY], wanted=["heard", "a/b", "none"])
    made["steps"][0]["files"] = {"a/b": "ü\r\n"}
    assert await bridge.main(made) == 0
    assert json.loads((tmp_path / "results").read_text()) == {"heard": "hihi", "a/b": "ü\r\n"}


async def test_a_step_that_fails_is_the_last(echo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is the answer, and nothing is handed over."""
    monkeypatch.chdir(tmp_path)
    commands = ["sh", "-c", "exit 7"], ["sh", "-c", "touch never"]
    assert await bridge.main(plan(echo, *commands)) == 7
    assert not (tmp_path / "never").exists()


async def test_a_way_out_that_is_shut_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The tool hears the end of the connection, and a person why."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUREFOOT_RESULTS", str(tmp_path / "results"))
    quiet = ASK + " s.settimeout(9); open('heard','wb').write(s.makefile('rb').read())"
    commands = [sys.executable, "-c", f"try:\n {quiet}\nexcept OSError: open('heard','w')"]
    assert await bridge.main(plan(str(tmp_path / "none"), commands)) == 0
    assert (tmp_path / "heard").read_bytes() == b""
    assert "the way out is shut" in capfd.readouterr().err
