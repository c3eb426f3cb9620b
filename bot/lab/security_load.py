"""How packages of npm are loaded to be watched: each in a process of its own, in a jail, with both kinds of module."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from bot.lab.jobs import Job, Limits
from bot.lab.ready import INSIDE, MODULES, Environment

MOMENT = "when it is loaded"

Target = tuple[str, str, str]  # label, name, place below the folder of the lock


def job(there: Environment, targets: Sequence[Target], limits: Limits) -> Job:
    """The run that loads these; its results are deeds by label, and under "" those of the mere start of Node.

    Without CI in the environment, and without what npm or a test would find there: many a thief looks for that first.
    """
    packages = [(label, name, str(PurePosixPath(there.where, place))) for label, name, place in targets]
    command = (str(there.interpreter.path), str(INSIDE / "surefoot_load.cjs"), json.dumps({"packages": packages}))
    return Job(
        command=command,
        visible=(INSIDE, *there.folders),
        placed={MODULES: there.folder},
        env={"PATH": there.variables["PATH"], "SUREFOOT_MODULES": MODULES},
        limits=limits,
        roomy=True,
    )
