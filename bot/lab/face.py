"""`surefoot lab run`: any command in the jail, and how it went, for people and for machines."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.core.errors import ConfigProblem
from bot.lab import probe, sandbox, trees
from bot.lab.host import Host
from bot.lab.jobs import MIB, Job, Limits, Ran, Reason

# As timeout(1) and the shell have them.
_EXIT = {Reason.TIMEOUT: 124, Reason.BROKEN: 125, Reason.MEMORY: 137, Reason.OUTPUT: 141}


async def run(
    directory: Path, command: Sequence[str], limits: Limits, host: Host | None = None, *, gvisor: bool = False
) -> Ran:
    """Run the command in a private, writable copy of directory, without network. NoJail where there is no jail.

    gvisor: as `probe.probe` has it, where no host is given.

    ConfigProblem for a directory that is not there. The interpreter that runs us is first in PATH.
    """
    if not directory.is_dir():  # noqa: ASYNC240 - one stat before anything runs
        raise ConfigProblem("is no folder", where=str(directory))
    there = host or await probe.probe(gvisor=gvisor)
    prefix = Path(os.path.realpath(sys.base_prefix))  # noqa: ASYNC240 - a few links, before anything runs
    env = {"PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin"}
    with trees.offered(directory, there) as tree:
        return await sandbox.run(
            Job(command=tuple(command), tree=tree, visible=(prefix,), env=env, limits=limits), there
        )


def exit_code(ran: Ran) -> int:
    """The command's own where it finished, 128 + n for a signal n; else one per reason."""
    if ran.reason is not Reason.FINISHED or ran.code is None:
        return _EXIT.get(ran.reason, 125)
    return ran.code if ran.code >= 0 else 128 - ran.code


def as_json(ran: Ran) -> dict[str, Any]:
    """Stable keys. seconds: wall time; peak_memory_mib: see `Ran.peak`."""
    return {
        "exit_code": ran.code,
        "reason": ran.reason.value,
        "seconds": round(ran.seconds, 3),
        "peak_memory_mib": round(ran.peak / MIB, 1),
        "isolation": ran.isolation.value,
        "output": ran.text,
    }


def summary(ran: Ran) -> str:
    """One line under the output."""
    code = "" if ran.code is None else f", exit code {ran.code}"
    bounds = f"{ran.seconds:.2f} s, at most {ran.peak / MIB:.0f} MiB"
    return f"{ran.reason.value}{code}, {bounds}, isolation {ran.isolation.value}"
