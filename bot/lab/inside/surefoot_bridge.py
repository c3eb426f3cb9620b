"""Runs in the jail: a port there leads to the one socket that leads out; runs a plan and hands back the files it made.

The plan is JSON: socket (a path), port, steps of {files: path -> text, folder, command}, wanted (paths). The standard
library only, and started by itself with `-I -S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

PIECE = 1 << 16
# The loop itself holds its tasks so weakly that they can be thrown away unfinished.
HELD: set[asyncio.Task[Any]] = set()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until either side ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def lead(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Join one connection of the tool with one to the socket."""
    joining = asyncio.current_task()
    assert joining
    HELD.add(joining)
    try:
        out_reader, out_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(pump(reader, out_writer), pump(out_reader, writer))
        out_writer.close()
    except OSError as problem:
        print(f"surefoot: the way out is shut: {problem}", file=sys.stderr)
    finally:
        writer.close()
        HELD.discard(joining)


async def carry_out(step: dict[str, Any]) -> int:
    """Put the files of one step in their places, run its command, and give its exit code."""
    lay_out(step["files"])
    nothing = asyncio.subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(*step["command"], cwd=step["folder"], stdin=nothing)
    return await running.wait()


def lay_out(files: dict[str, str]) -> None:
    """As bytes, so that no line end is changed."""
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text.encode("utf-8"))


def hand_over(names: list[str]) -> None:
    """Leave the wanted files that are there where the keeper of the jail takes them from."""
    made = {name: Path(name).read_bytes().decode("utf-8") for name in names if Path(name).is_file()}
    Path(os.environ["SUREFOOT_RESULTS"]).write_text(json.dumps(made), "utf-8")


async def main(plan: dict[str, Any]) -> int:
    """The exit code of the first step that fails, 0 when all went well and the wanted files are handed over."""
    server = await asyncio.start_server(lambda *pair: lead(plan["socket"], *pair), "127.0.0.1", plan["port"])
    for step in plan["steps"]:
        if code := await carry_out(step):
            return code
    server.close()
    hand_over(plan["wanted"])
    return 0


async def end(plan: dict[str, Any]) -> None:
    """Leave at once: what a tool left open would be waited for."""
    code = await main(plan)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    asyncio.run(end(json.loads(Path(sys.argv[1]).read_bytes())))
