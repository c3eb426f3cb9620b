"""`surefoot lab run`: any command in the jail, with an answer for people and one for machines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.errors import ConfigProblem
from bot.lab import face
from bot.lab.host import Host
from bot.lab.jobs import Limits
from tests.lab.world import tree

SMALL = Limits(seconds=20, memory_mib=256, pids=64)


async def test_a_command_runs_in_a_copy(host: Host, tmp_path: Path) -> None:
    """With the interpreter that runs us, and an answer whose keys are stable."""
    tree(tmp_path, {"main.py": "print('hello from', __file__)\nopen('new', 'w')\nraise SystemExit(3)\n"})
    ran = await face.run(tmp_path, ["python3", "main.py"], SMALL, host)
    told = json.loads(json.dumps(face.as_json(ran)))
    assert (told["exit_code"], told["reason"], told["output"]) == (3, "finished", "hello from /home/sim/tree/main.py\n")
    assert told.keys() == {"exit_code", "reason", "seconds", "peak_memory_mib", "isolation", "output"}
    assert face.exit_code(ran) == 3
    assert face.summary(ran).startswith("finished, exit code 3, ") and str(host.isolation) in face.summary(ran)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("command", "limits", "reason", "code"),
    [
        (["sleep", "60"], Limits(seconds=0.5), "timeout", 124),
        (["yes"], Limits(seconds=20, most_output=1 << 20), "output", 141),
        (["sh", "-c", "kill -9 $PPID"], SMALL, "finished", 137),
    ],
)
async def test_each_reason_has_its_exit_code(
    command: list[str], limits: Limits, reason: str, code: int, host: Host, tmp_path: Path
) -> None:
    """As timeout(1) and a shell have them."""
    ran = await face.run(tmp_path, command, limits, host)
    assert (ran.reason, face.exit_code(ran)) == (reason, code)


async def test_a_folder_that_is_not_there(host: Host, tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(ConfigProblem, match="no/such"):
        await face.run(tmp_path / "no" / "such", ["true"], SMALL, host)


async def test_the_jail_is_found_when_none_is_given(tmp_path: Path) -> None:
    """The face probes by itself."""
    assert (await face.run(tmp_path, ["true"], SMALL)).code == 0
