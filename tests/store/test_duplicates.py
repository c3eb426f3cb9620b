"""However deliveries are repeated, shuffled and sent at once, the same rows stand in the end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.events import (
    ActionPressed,
    Advised,
    ChecksMoved,
    Commented,
    Event,
    Installed,
    PullChanged,
    Pushed,
    Reviewed,
    concern,
)
from bot.core.model import InstallationId, Login, RepoName, State
from bot.store.tables import deliveries, mail, repos, work
from tests.builders import HEAD, MERGED, NOW, PULL, REPO, a_merge, a_pull, a_sha, an_entry, an_update
from tests.store.world import World, a_delivery, a_world

ALICE = Login("alice")
EVENTS: tuple[Event, ...] = (
    Commented(repo=REPO, pull=PULL, comment=1, author=ALICE, body="/surefoot approve", at=NOW),
    Reviewed(repo=REPO, pull=PULL),
    PullChanged(repo=REPO, pull=PULL, action="synchronize", branch="surefoot/greeter-1.2.4"),
    Pushed(repo=REPO, ref="refs/heads/main", after=a_sha(4), default=True),
    ChecksMoved(repo=REPO, sha=HEAD),
    ActionPressed(repo=REPO, sha=MERGED, identifier="rollback", author=ALICE, at=NOW, delivery="g"),
    Installed(installation=InstallationId(9), repos=(RepoName("acme/stock"),)),
    Advised(repo=None),
)
# Each step keeps or drains one of them; steps of one group run at once.
STEPS = st.tuples(st.booleans(), st.integers(0, len(EVENTS) - 1))
GROUPS = st.lists(st.lists(STEPS, min_size=1, max_size=5), max_size=6)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A database with two updates, to be copied for each example."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite"
        asyncio.run(_furnish(path))
        yield path


async def _furnish(path: Path) -> None:
    async with a_world(f"sqlite:///{path}") as world:
        done = an_update(target="1", state=State.DONE, pull=a_pull(number=3, head=a_sha(3)), merge=a_merge())
        for update in (an_update(pull=a_pull()), done):
            await world.store.add(update, an_entry(update=update.id), enqueue=False)


async def _step(world: World, keep: bool, number: int) -> None:
    if keep:
        await world.store.keep(a_delivery(f"guid-{number}"))
    else:
        await world.store.drain(f"guid-{number}", concern(EVENTS[number]), now=NOW)


async def _play(path: Path, groups: list[list[tuple[bool, int]]]) -> dict[str, Any]:
    """What stands in the tables after these steps, and after each event was kept and drained at last."""
    async with a_world(f"sqlite:///{path}") as world:
        for group in groups:
            await asyncio.gather(*(_step(world, *step) for step in group))
        for number in range(len(EVENTS)):
            await _step(world, True, number)
            await _step(world, False, number)
        with world.engine.connect() as conn:
            return {
                "deliveries": set(conn.execute(sa.select(deliveries.c.guid, deliveries.c.drained_at))),
                "mail": set(conn.execute(sa.select(mail.c.key, mail.c.pull, mail.c.document))),
                "work": set(conn.execute(sa.select(work.c.key, work.c.ver, work.c.seq, work.c.due_at))),
                "repos": set(conn.execute(sa.select(repos.c.key, repos.c.active))),
            }


def _played(template: Path, groups: list[list[tuple[bool, int]]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.sqlite"
        shutil.copy(template, path)
        return asyncio.run(_play(path, groups))


@settings(max_examples=20, deadline=None)
@given(groups=GROUPS)
def test_repeated_and_shuffled_deliveries_leave_the_same_rows(template: Path, groups: list[list[Any]]) -> None:
    """Any interleaving of keeping and draining, with repetitions and at once, ends as each event once in order."""
    # Which repositories there are decides whom an advisory reaches, so that one keeps its place at the end.
    settled = [[step for step in group if step != (False, len(EVENTS) - 1)] for group in groups]
    assert _played(template, settled) == _played(template, [])
