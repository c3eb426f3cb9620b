"""Leases: one update at a time in an environment, and after a bad one nobody before its revert is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.model import State, Update
from bot.core.ports import Leases
from bot.github import pulls
from bot.leases import EnvironmentLeases
from bot.store.store import Store
from tests.builders import NOW, REPO, an_entry, an_update
from tests.github.town import town
from tests.store.world import a_world

NAME = f"{REPO}:production"


async def nobody():
    raise AssertionError("GitHub need not be asked")


def leases(store: Store, update: Update, gh=nobody) -> Leases:
    return EnvironmentLeases(store, update, gh=gh, now=lambda: NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with a_world(f"sqlite:///{tmp_path / 'leases.sqlite'}") as world:
        yield world.store


async def held_by(store: Store, state: State, **more: object) -> Update:
    """Another update of the repository that has the environment."""
    other = an_update(target="1.2.5", state=state, **more)
    await store.add(other, an_entry(update=other.id), enqueue=False)
    await store.lease(NAME, other.id, now=NOW)
    return other


async def holder(store: Store) -> list[str]:
    return [lease.holder for lease in await store.leases()]


async def test_it_is_taken_kept_and_given_back(store):
    """Taking twice is keeping; afterwards it is another's turn; giving back what is not ours harms nobody."""
    mine, other = an_update(), an_update(target="1.2.5")
    assert ("", "") == (await leases(store, mine).take("production"), await leases(store, mine).take("production"))

    await leases(store, other).release("production")
    assert [mine.id] == await holder(store)
    await leases(store, mine).release("production")
    await leases(store, mine).release("production")
    assert "" == await leases(store, other).take("production")
    assert [other.id] == await holder(store)


async def test_environments_and_repositories_do_not_hinder_each_other(store):
    """A lease is of one environment of one repository, whatever the case in which that is written."""
    mine = an_update()
    await leases(store, mine).take("production")
    elsewhere = an_update(repo="acme/other")

    assert "" == await leases(store, an_update(target="1.2.5")).take("staging")
    assert "" == await leases(store, elsewhere).take("production")
    assert "" == await leases(store, an_update(repo="Acme/SHOP", target="1.2.6")).take("staging-2")
    assert {NAME, f"{REPO}:staging", f"{REPO}:staging-2", "acme/other:production"} == {
        lease.name for lease in await store.leases()
    }


@pytest.mark.parametrize("state", sorted(set(State) - {State.DONE, State.SUPERSEDED, State.CLOSED, State.ROLLED_BACK}))
async def test_who_has_not_ended_keeps_it(store, state):
    """Also while it is paused or failed: half of the traffic may be on it. It is named, with how it stands."""
    other = await held_by(store, state)

    words = f"greeter 1.2.5 is {state.value.replace('_', ' ')} there"
    assert words == await leases(store, an_update()).take("production")
    assert [other.id] == await holder(store)


@pytest.mark.parametrize("state", [State.DONE, State.SUPERSEDED, State.CLOSED, State.ROLLED_BACK])
async def test_who_ended_without_giving_it_back_loses_it(store, state):
    """A process that died between the end and the giving back; a bad one that no revert is open for."""
    await held_by(store, state)

    assert "" == await leases(store, an_update()).take("production")
    assert [an_update().id] == await holder(store)


async def test_who_is_not_known_any_more_loses_it(store):
    """A holder without a row cannot come back for it."""
    await store.lease(NAME, "0123456789abcdef", now=NOW)

    assert "" == await leases(store, an_update()).take("production")


async def test_two_who_find_it_free_do_not_both_get_it(store, monkeypatch):
    """Between giving up the old holder's and taking it another was quicker: told, and not ours."""
    await held_by(store, State.DONE)
    true, third = store.release, an_update(target="1.2.6")

    async def release(name: str, who: str) -> None:
        await true(name, who)
        await store.lease(name, third.id, now=NOW)

    monkeypatch.setattr(store, "release", release)

    assert "another update was quicker" == await leases(store, an_update()).take("production")
    assert [third.id] == await holder(store)


async def test_a_revert_that_is_open_is_waited_for(store, tmp_path):
    """The default branch still holds the bad version: whoever is next would deploy it again."""
    async with town(tmp_path) as shop:
        await shop.push({"requirements.txt": "a==0\n"}, branch="revert")
        revert = await pulls.open(shop.gh, REPO, branch="revert", base="main", title="Revert", body="")
        await held_by(store, State.ROLLED_BACK, revert=revert.number)

        async def gh():
            return shop.gh

        mine = leases(store, an_update(), gh)
        words = f"greeter 1.2.5 was rolled back, and #{revert.number} that reverts it is still open"
        assert words == await mine.take("production")
        await pulls.close(shop.people["ann"], REPO, revert.number)
        assert "" == await mine.take("production")
