"""A step really runs: bash in a fresh checkout, with the environment that a GitHub runner would give it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import signal
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from bot.demo.box.expressions import ExpressionError, fill, show
from bot.demo.box.rows import Json

COMMAND = re.compile(r"^::(error|warning|notice)(?: ([^:]*))?::(.*)$", re.M)
LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where the steps of one job work, and what they leave behind."""

    place: Path
    workspace: Path
    env: dict[str, str]
    context: dict[str, Any]
    cancelled: asyncio.Event
    log: list[str] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    annotations: list[Json] = field(default_factory=list)


def strings(values: Mapping[str, Any] | None, context: Mapping[str, Any]) -> dict[str, str]:
    """An ``env:`` or ``with:`` block with its expressions filled in."""
    return {str(key): fill(show(value), context) for key, value in (values or {}).items()}


async def perform(desk: Desk, step: Mapping[str, Any]) -> bool:
    """Do one step; True where it went well. What the box does not understand fails and says why."""
    try:
        if "run" in step:
            return await run_script(desk, step)
        if str(step.get("uses", "")).startswith("actions/upload-artifact@"):
            return upload(desk, strings(step.get("with"), desk.context))
        return True
    except (ExpressionError, OSError) as error:
        desk.log.append(f"Error: {error}")
        return False


async def run_script(desk: Desk, step: Mapping[str, Any]) -> bool:
    """``bash -e`` on a step's script; its GITHUB_OUTPUT and GITHUB_ENV are read back."""
    files = {name: desk.place / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    env = desk.env | strings(step.get("env"), desk.context) | {name: str(file) for name, file in files.items()}
    script = desk.place / "step.sh"
    script.write_text(fill(str(step["run"]), desk.context))
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-e",
        str(script),
        cwd=desk.workspace / fill(str(step.get("working-directory", ".")), desk.context),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    said = await output_of(process, desk, float(step.get("timeout-minutes", 360)) * 60)
    desk.log.append(said.rstrip("\n"))
    desk.annotations += notes(said)
    desk.env |= pairs(files["GITHUB_ENV"].read_text())
    desk.context["steps"][str(step.get("id", ""))] = {"outputs": pairs(files["GITHUB_OUTPUT"].read_text())}
    return process.returncode == 0


async def output_of(process: asyncio.subprocess.Process, desk: Desk, seconds: float) -> str:
    """All that a process says; it and its children are killed when the run is cancelled or the time is over."""
    talk = asyncio.create_task(process.communicate())
    stop = asyncio.create_task(desk.cancelled.wait())
    try:
        await asyncio.wait({talk, stop}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
        if not talk.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    out, _ = await talk
    return out.decode("utf-8", "replace")


def pairs(text: str) -> dict[str, str]:
    """``name=value`` lines and ``name<<END`` blocks."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, end = line.partition("<<")
        key, equals, value = line.partition("=")
        if mark and "=" not in name:
            found[name] = "\n".join(takewhile(end.__ne__, lines))
        elif equals:
            found[key] = value
    return found


def notes(said: str) -> list[Json]:
    """``::error file=a.py,line=3::message`` lines as annotations."""
    found = []
    for level, details, message in COMMAND.findall(said):
        about = dict(part.partition("=")[::2] for part in details.split(",") if "=" in part)
        line = int(about["line"]) if about.get("line", "").isdecimal() else 1
        found.append(
            {
                "path": about.get("file", ".github"),
                "start_line": line,
                "end_line": line,
                "annotation_level": LEVELS[level],
                "title": about.get("title"),
                "message": message,
            }
        )
    return found


def upload(desk: Desk, given: Mapping[str, str]) -> bool:
    """actions/upload-artifact: the files of ``path`` (a file, a folder or a glob per line) as a zip."""
    packed = io.BytesIO()
    count = 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for pattern in given.get("path", "").split("\n"):
            for file in files_of(desk.workspace, pattern.strip()):
                archive.write(file, file.relative_to(root_of(desk.workspace, pattern.strip())))
                count += 1
    if not count:
        desk.log.append(f"No files were found with the provided path: {given.get('path', '')}")
        return given.get("if-no-files-found") != "error"
    desk.artifacts[given.get("name", "artifact")] = packed.getvalue()
    return True


def files_of(workspace: Path, pattern: str) -> list[Path]:
    """The files that a pattern names, folders with all that is in them."""
    found: list[Path] = []
    whole = workspace / pattern
    start = Path(whole.anchor)
    for path in sorted(start.glob(str(whole.relative_to(start)))) if pattern else []:
        found += [one for one in sorted(path.rglob("*")) if one.is_file()] if path.is_dir() else [path]
    return found


def root_of(workspace: Path, pattern: str) -> Path:
    """What is cut off a file's path in the artifact: the folder itself, or the file's folder."""
    whole = workspace / pattern
    if whole.is_dir():
        return whole
    fixed = re.split(r"[*?\[]", str(whole))[0]
    return Path(fixed).parent if fixed == str(whole) else Path(f"{fixed}x").parent
