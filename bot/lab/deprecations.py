"""Which of the tree's own lines newly earn a deprecation warning, as its test files are imported on both sides."""

from __future__ import annotations

import asyncio

import msgspec

from bot.core.model import Level, Measure, Remark
from bot.core.quoting import code
from bot.core.suites import counted
from bot.core.verdicts import Looked
from bot.lab import learnt, pytests
from bot.lab.changes import Side
from bot.lab.jobs import Reason
from bot.lab.learnt import Learnt
from bot.lab.ready import INSIDE
from bot.lab.together import all_of
from bot.lab.workbench import Workbench

_LAYOUT = "1"  # part of every key: raise it when warnings are collected or written differently
_SECONDS = 60.0
_MOST_LINES, _MOST_REMARKS = 2000, 30
# The last ones win, so a project that turns warnings into errors is collected all the same.
_LOUD = " ".join(f"-W always::{kind}" for kind in ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning"))
_COMMAND = ("python", "-m", "pytest", "--collect-only", "-q", "--continue-on-collection-errors")

Warned = tuple[str, int, str, str]  # path, line, category, message

_LINE = msgspec.json.Decoder(Warned)


async def look(bench: Workbench, store: Learnt, before: Side, after: Side) -> Looked:
    """Remarks alone: what is going away is still there. OutOfTime."""
    if not await asyncio.to_thread(lambda: any(pytests.test_files(bench.after.tree))):
        return Looked()
    old, new = await all_of(_warned(bench, store, side) for side in (before, after))
    if old is None or new is None:
        return Looked(notes=("deprecations were not compared: the test files could not be imported on both sides",))
    known = {(path, category, message) for path, _, category, message in old}
    fresh = [one for one in new if (one[0], one[2], one[3]) not in known]
    measure = Measure(
        name="deprecations while importing",
        before=str(len(old)),
        after=str(len(new)),
        change=counted(len(old), len(new)),
    )
    measures = (measure,) if old or new else ()
    return Looked(remarks=tuple(_remark(one) for one in fresh[:_MOST_REMARKS]), measures=measures)


def _remark(one: Warned) -> Remark:
    path, line, category, message = one
    return Remark(
        level=Level.NOTICE,
        title=f"{code(category)} is newly raised here",
        message=code(message, most=400),
        path=path,
        line=line,
    )


async def _warned(bench: Workbench, store: Learnt, side: Side) -> tuple[Warned, ...] | None:
    """None where pytest did not come to its end."""
    key = learnt.key_of("warned", _LAYOUT, side.environment.key, side.tree, bench.host.isolation)
    if (kept := store.recall(key)) is not None:
        return _lines(kept)
    path = f"{side.environment.variables['PYTHONPATH']}:{INSIDE}"
    env = {"PYTHONPATH": path, "PYTEST_ADDOPTS": f"-p surefoot_names_warned {_LOUD}"}
    ran = await bench.run(side.sample, _COMMAND, env=env, visible=(INSIDE,), seconds=_SECONDS)
    if ran.reason is not Reason.FINISHED or ran.results is None:
        return None
    store.remember(key, ran.results)
    return _lines(ran.results)


def _lines(data: bytes) -> tuple[Warned, ...]:
    """Line by line; what is none of ours is passed over."""
    found = []
    for line in data.splitlines()[:_MOST_LINES]:
        try:
            one = _LINE.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if not one[0].startswith("/") and ".." not in one[0].split("/") and one[1] > 0:
            found.append(one)
    return tuple(found)
