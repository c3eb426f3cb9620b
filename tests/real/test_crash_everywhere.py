"""kill -9 at every point of the path: before and after each request and each commit, on both ways to an end."""

from __future__ import annotations

import pytest

from tests.flows.crash.plan import prove, shared_out, targets, twice, walk_through
from tests.flows.crash.proof import BAD, GOOD, Walk
from tests.flows.crash.world import nursery

EACH = 7  # deaths in one world
AT_ONCE = 7  # worlds; mostly they wait
MAY_BE_MISSED = 0.05


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("walk", [GOOD, BAD], ids=lambda walk: walk.name)
async def test_a_kill_anywhere_changes_nothing_of_the_end(walk: Walk, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever the process is killed, the next one brings the update where it would have ended, and nothing is done
    twice. Points that both ways share are hit on the first.
    """
    lives = nursery()
    whole = await walk_through(lives, walk)
    assert () == whole.wrong
    others = set() if walk is GOOD else set(targets((await walk_through(lives, GOOD)).points))
    deadly = [point for point in targets(whole.points) if point not in others]

    proof = await prove(lives, walk, [*shared_out(deadly, EACH), twice(deadly)], at_once=AT_ONCE)

    with capsys.disabled():
        print(f"\n{walk.name}: {proof.told()}", *(f"  not reached: {point}" for point in proof.missed), sep="\n")
    assert not proof.wrong, "\n".join(proof.wrong)
    assert len(proof.missed) <= MAY_BE_MISSED * len(deadly)
    assert set(deadly) <= {*proof.hit, *proof.missed}
