"""Runs one command locked in: what it may see, use and send back is bounded, and nothing of it outlives the call."""

from __future__ import annotations

import asyncio
import marshal
import os
import sys
from pathlib import Path

from bot.core.errors import Transient
from bot.core.model import Isolation
from bot.lab import jail
from bot.lab.host import Host
from bot.lab.jobs import Job, NoJail, Ran, Reason
from bot.lab.orders import Answer, Order
from bot.tools import processes

_GRACE = 15.0  # seconds past its own bound after which the warden itself is given up
_ROOT = str(Path(__file__).resolve().parents[2])
_WARDEN = f"import sys; sys.path.append({_ROOT!r}); from bot.lab.warden.main import main; sys.exit(main())"


async def run(job: Job, host: Host) -> Ran:
    """Run it in the best jail that the host has. NoJail when it has none; foreign code is then not started.

    Cancelling ends everything that runs. Transient when the warden could not be started at all.
    """
    if host.isolation is Isolation.NONE:
        raise NoJail(f"{host.reason}. {host.mend}")
    with jail.laid_out(job, host) as order:
        return _ran(await _ask_warden(order), host)


async def _ask_warden(order: Order) -> Answer:
    warden = await _start_warden()
    assert warden.stdin and warden.stdout and warden.stderr
    data = marshal.dumps(dict(order))
    warden.stdin.write(len(data).to_bytes(8, "little") + data)
    heard = asyncio.gather(warden.stdout.read(), warden.stderr.read(), warden.wait())
    try:
        async with asyncio.timeout(order["seconds"] + _GRACE):
            await asyncio.shield(heard)
    except TimeoutError:
        warden.kill()
    finally:
        # Its end is the warden's sign to end everything; it is asked to do so, not killed, so that it can tidy up.
        warden.stdin.close()
        answer, complaint, _ = await asyncio.shield(heard)
    if not answer:
        raise Transient(f"the keeper of the jail gave up: {complaint.decode('utf-8', 'replace').strip()[-500:]}")
    told: Answer = marshal.loads(answer)  # noqa: S302 - from our own child, over its pipe
    return told


async def _start_warden() -> asyncio.subprocess.Process:
    """With an empty environment: what a process was started with can be read in /proc by whoever it starts."""
    pipe = asyncio.subprocess.PIPE
    needed = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    try:
        return await processes.whole(
            asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    sys.executable, "-I", "-S", "-c", _WARDEN, stdin=pipe, stdout=pipe, stderr=pipe, env=needed, cwd="/"
                )
            )
        )
    except OSError as problem:
        raise Transient(f"the keeper of the jail could not be started: {problem}") from problem


def _ran(heard: Answer, host: Host) -> Ran:
    broken = not heard["started"] or heard["reason"] not in list(Reason)
    words = f"{heard['reason']}\n".encode() if heard["reason"] not in list(Reason) else b""
    return Ran(
        code=heard["code"] if heard["reason"] in (Reason.FINISHED, Reason.MEMORY) else None,
        reason=Reason.BROKEN if broken else Reason(heard["reason"]),
        seconds=heard["seconds"],
        peak=heard["peak"],
        cpu_seconds=heard["cpu_seconds"],
        output=words + heard["output"],
        results=heard["results"],
        isolation=host.isolation,
        clean=heard["clean"],
        slot=heard["slot"],
    )
