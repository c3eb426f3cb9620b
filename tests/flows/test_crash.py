"""kill -9 on the way: the crash points around acts that change something; `make crash` hits them all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.model import State
from tests.flows.crash.plan import changing, prove, shared_out, targets, twice, walk_through
from tests.flows.crash.proof import BAD, GOOD
from tests.flows.crash.world import nursery
from tests.flows.flow import REPO, flowing

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
async def test_a_kill_around_any_change_does_no_harm() -> None:
    """Killed before or after any request that changes something, or any move of the update: it ends all the same, with
    one pull request, one merge, one dispatch per step, one comment, one check run of a name, and an audit without gaps.
    """
    lives = nursery()
    good, bad = await asyncio.gather(walk_through(lives, GOOD), walk_through(lives, BAD))
    assert () == good.wrong == bad.wrong
    way = targets(good.points)
    chosen = changing([*way, *(point for point in targets(bad.points) if point not in way)])
    there, back = [point for point in chosen if point in way], [point for point in chosen if point not in way]

    on_the_way, turned_back = await asyncio.gather(
        prove(lives, GOOD, [*shared_out(there, 13), twice(there)], at_once=8),
        prove(lives, BAD, shared_out(back, 14), at_once=2),
    )

    assert not on_the_way.wrong + turned_back.wrong, "\n".join(on_the_way.wrong + turned_back.wrong)
    assert () == on_the_way.missed + turned_back.missed
    assert len(on_the_way.hit) > 50 and len(turned_back.hit) > 15


async def test_two_voices_at_once_are_one_comment(tmp_path: Path) -> None:
    """After a crash the ticker that says what was not said may speak while the update goes on: one comment is kept, and
    it tells the newest.
    """
    async with flowing(tmp_path) as flow:
        flow.publish("2.0.0")
        await flow.look()
        update = await flow.reach("2.0.0", State.IN_REVIEW)
        await flow.quiet()
        repo = flow.box.repo(REPO)
        repo.comments.clear()
        await flow.app.store.say(update.id, {})  # killed before it could say anything
        stale = await flow.app.store.load(update.id)
        later = replace(update, note="what came in between")
        fresh = await flow.app.store.save(stale, later)

        await asyncio.gather(flow.app.voice(fresh, True), flow.app.voice(stale, True))

        [comment] = repo.comments.values()
        assert "what came in between" in comment.body


def test_rows_may_be_read_by_many_threads_from_the_first_moment() -> None:
    """A bot that starts again reads rows and pages of the index in several threads at once; that kills no process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.crash.first_read"], cwd=ROOT, capture_output=True, text=True
    )

    assert (0, "") == (done.returncode, done.stdout + done.stderr)
