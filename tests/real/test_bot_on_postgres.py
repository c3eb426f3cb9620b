"""The whole bot on a real PostgreSQL: what it does on an SQLite file it does there, and a kill -9 changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.core.model import State
from tests.flows.crash.plan import GRAVE, targets, walk_through
from tests.flows.crash.proof import GOOD
from tests.flows.crash.world import nursery
from tests.flows.flow import flowing
from tests.store import postgres


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with postgres.server() as url:
            yield url
    except LookupError as error:
        pytest.skip(str(error))


@pytest.fixture
def databases(server: str) -> Iterator[tuple[str, str]]:
    """Two empty ones."""
    with postgres.a_database(server) as one, postgres.a_database(server) as other:
        yield one, other


async def test_a_person_says_yes_and_it_goes_all_the_way(tmp_path: Path, databases: tuple[str, str]) -> None:
    """Found, proposed, tried, waited for, approved by a comment, merged, rolled out; and no file of SQLite is made."""
    async with flowing(tmp_path, env={"DATABASE_URL": databases[0]}) as flow:
        flow.publish("2.0.0")
        await flow.look()
        update = await flow.reach("2.0.0", State.IN_REVIEW)
        await flow.say(update, "/surefoot approve")
        done = await flow.reach("2.0.0", State.DONE)
        [pull] = await flow.rosa.pulls()

        assert done.merge is not None and pull.merge_sha == done.merge.sha
        assert [State.DETECTED, State.DONE] == [(await flow.app.store.audit(done.id))[n].now for n in (0, -1)]
    assert [] == list((tmp_path / "data").glob("*.sqlite*"))


@pytest.mark.timeout(600)
async def test_a_kill_changes_nothing_of_the_end(databases: tuple[str, str]) -> None:
    """Killed before and after what would hurt most if it were done twice: one pull request, one merge, one dispatch a
    step, and an audit without gaps.
    """
    lives = nursery()
    whole = await walk_through(lives, GOOD, database=databases[0])
    assert () == whole.wrong
    deadly = [point for point in targets(whole.points) if point.split(" | ")[1].endswith(GRAVE)]

    killed = await walk_through(lives, GOOD, deadly, database=databases[1])

    assert ((), ()) == (killed.wrong, killed.missed)
    assert {"before", "after"} == {point.split(" | ")[3].split()[0] for point in killed.died}
    assert len(killed.died) >= 2 * len(GRAVE)
