"""Has one of our own small programs answer a question inside the jail; what it answers is read as hostile."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.lab import sandbox
from bot.lab.environments import Interpreter
from bot.lab.jobs import Job, Ran
from bot.lab.ready import INSIDE
from bot.lab.workbench import Workbench

_ROOT = str(INSIDE.parents[2])
# Nothing of us stays behind, neither on the path nor among the modules: a package may have the name that we have.
_PROGRAM = """\
import json, sys
sys.path.insert(0, {root!r})
from bot.lab.inside.{name} import main
del sys.path[0]
for known in [one for one in sys.modules if one.partition(".")[0] == "bot"]:
    del sys.modules[known]
main(json.loads(sys.argv[1]))
"""


def ours() -> Interpreter:
    """The Python that runs us, as the jail may see it."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Interpreter(path=Path(sys.executable).resolve(), version=version, prefix=Path(sys.base_prefix).resolve())


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """How and where a program is started. python: its first words; visible: folders to be seen beside our own."""

    python: tuple[str, ...]
    visible: tuple[Path, ...]
    env: Mapping[str, str] = field(default_factory=dict)


async def ask(bench: Workbench, name: str, asked: Mapping[str, Any], seat: Seat, *, seconds: float = 60.0) -> Ran:
    """Run `bot.lab.inside.<name>` with what is asked (at most 100 kB as JSON). OutOfTime."""
    program = _PROGRAM.format(root=_ROOT, name=name)
    job = Job(
        command=(*seat.python, "-c", program, json.dumps(asked)),
        visible=tuple(dict.fromkeys((*seat.visible, INSIDE))),
        env=seat.env,
        limits=bench.limits(seconds),
    )
    return await sandbox.run(job, bench.host)
