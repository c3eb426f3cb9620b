"""What a store promises, whatever database it stands on. Collected once per database, with a `world` of that kind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from bot.core.alerts import Aside, Word
from bot.core.errors import ConfigProblem, Stale
from bot.core.events import (
    ActionPressed,
    Advised,
    Alerted,
    Archived,
    ChecksMoved,
    Commented,
    Concern,
    Hinted,
    Ignored,
    Installed,
    PullChanged,
    Pushed,
    Renamed,
    Reviewed,
    RunMoved,
    Uninstalled,
    concern,
)
from bot.core.model import (
    GROUP,
    Artifact,
    Component,
    InstallationId,
    Kind,
    Login,
    Member,
    PullNumber,
    Release,
    RepoName,
    State,
    UpdateId,
    id_of,
)
from bot.store.store import Store
from tests.builders import (
    DAY,
    HEAD,
    HOUR,
    INSTALLATION,
    MERGED,
    MINUTE,
    NOW,
    PULL,
    REPO,
    a_component,
    a_merge,
    a_pull,
    a_release,
    a_sha,
    a_simulation,
    an_entry,
    an_id,
    an_update,
)
from tests.store.world import World, a_delivery

OTHER = RepoName("acme/stock")


def a_comment(number: int = 1, text: str = "/surefoot approve", pull: PullNumber = PULL) -> Commented:
    return Commented(repo=REPO, pull=pull, comment=number, author=Login("alice"), body=text, at=NOW)


async def put_in(world: World, **overrides: object) -> UpdateId:
    """An update stands in the store, with nothing left to do."""
    update = an_update(**overrides)
    await world.store.add(update, an_entry(update=update.id), enqueue=False)
    return update.id


# The inbox


async def test_a_delivery_comes_back_as_it_was_sent(world: World) -> None:
    """The signed bytes, the event and the installation survive as they came."""
    delivery = a_delivery(body=b'{"a": "\xc3\xa4"}\x00\xff', event="push")
    assert await world.store.keep(delivery)
    assert await world.store.undrained() == [delivery]


async def test_a_guid_that_comes_twice_is_one_delivery(world: World) -> None:
    """GitHub's redelivery of something that we have changes nothing, and the caller learns so."""
    assert await world.store.keep(a_delivery())
    assert not await world.store.keep(a_delivery(body=b"other"))
    assert await world.store.has(a_delivery().guid) and not await world.store.has("guid of another")
    assert [one.body for one in await world.store.undrained()] == [b"{}"]


async def test_of_the_same_delivery_sent_many_times_at_once_one_is_new(world: World) -> None:
    """Whichever way simultaneous calls are put together into commits, exactly one is told that it was first."""
    answers = await asyncio.gather(*(world.store.keep(a_delivery(f"guid-{n % 5}")) for n in range(40)))
    assert sum(answers) == 5
    assert {one.guid for one in await world.store.undrained()} == {f"guid-{n}" for n in range(5)}


async def test_deliveries_wait_in_the_order_they_came(world: World) -> None:
    """The oldest is drained first, and a limit cuts off the newest."""
    for number in range(4):
        await world.store.keep(a_delivery(f"guid-{number}"))
    assert [one.guid for one in await world.store.undrained(3)] == ["guid-0", "guid-1", "guid-2"]


async def test_a_drained_delivery_is_not_drained_again(world: World) -> None:
    """Two drainers on one delivery bump the row once."""
    uid = await put_in(world, pull=a_pull())
    await world.store.keep(a_delivery())
    news = concern(Reviewed(repo=REPO, pull=PULL))
    answers = await asyncio.gather(*(world.store.drain("guid-1", news, now=NOW) for _ in range(3)))
    assert sorted(answers) == [False, False, True]
    assert world.queued() == [(f"u:{uid}", 1)]
    assert await world.store.undrained() == []


async def test_a_delivery_that_is_not_there_cannot_be_drained(world: World) -> None:
    """Draining comes after keeping; the other way round nothing happens."""
    assert not await world.store.drain("nobody", concern(Reviewed(repo=REPO, pull=PULL)), now=NOW)
    assert world.queued() == []


async def test_what_cannot_be_understood_is_put_away(world: World) -> None:
    """A payload that makes no sense does not stop the line behind it."""
    await world.store.keep(a_delivery())
    assert await world.store.drain("guid-1", None, now=NOW)
    assert (await world.store.undrained(), world.queued()) == ([], [])


async def test_when_the_queue_refuses_nothing_of_the_delivery_is_done(world: World) -> None:
    """Bump and enqueue are one: if the work cannot be enqueued the delivery still waits."""
    uid = await put_in(world, pull=a_pull())
    await world.store.keep(a_delivery())

    def broken(conn: sa.Connection, key: str, seq: int) -> None:
        raise RuntimeError("no room")

    store = Store(world.url, enqueue=broken)
    with pytest.raises(RuntimeError):
        await store.drain("guid-1", concern(a_comment()), now=NOW)
    store.close()
    row = await world.store.load(uid)
    assert row is not None and (row.seq, row.mail) == (0, ())
    assert len(await world.store.undrained()) == 1


# Which rows an event concerns


async def test_news_of_a_pull_request_reach_its_update_and_the_repository(world: World) -> None:
    """A push to our branch wakes the update and looks at the repository, and wakes nothing else."""
    uid = await put_in(world, pull=a_pull())
    await put_in(world, target="9.9", pull=a_pull(number=99, head=a_sha(9), branch="other"))
    await world.hear(concern(PullChanged(repo=REPO, pull=PULL, action="synchronize", branch="surefoot/greeter-1.2.4")))
    assert world.woken() == {f"u:{uid}", "r:acme/shop"}


async def test_a_repository_is_found_whatever_the_case_of_its_name(world: World) -> None:
    """GitHub may spell a name otherwise than we stored it."""
    uid = await put_in(world, pull=a_pull())
    await world.hear(concern(Reviewed(repo=RepoName("ACME/Shop"), pull=PULL)))
    assert world.woken() == {f"u:{uid}"}
    row = await world.store.repo("Acme/SHOP")
    assert row is not None and row.name == REPO


async def test_checks_reach_an_update_by_its_head_and_by_its_merge(world: World) -> None:
    """A status of the proposed commit and one of the merged commit both count."""
    head = await put_in(world, pull=a_pull())
    merged = await put_in(world, target="2", pull=a_pull(number=2, head=a_sha(2)), merge=a_merge())
    await world.hear(concern(ChecksMoved(repo=REPO, sha=HEAD)))
    assert world.woken() == {f"u:{head}"}
    await world.hear(concern(ChecksMoved(repo=REPO, sha=MERGED)))
    assert world.woken() == {f"u:{head}", f"u:{merged}"}


@pytest.mark.parametrize("state", [State.DONE, State.CLOSED, State.SUPERSEDED, State.ROLLED_BACK])
async def test_what_has_ended_is_left_alone_by_checks_and_pushes(world: World, state: State) -> None:
    """A finished update is woken by its own pull request only: somebody may open it again."""
    uid = await put_in(world, pull=a_pull(), state=state)
    await world.hear(concern(ChecksMoved(repo=REPO, sha=HEAD)))
    await world.hear(concern(Pushed(repo=REPO, ref="refs/heads/main", after=HEAD, default=True)))
    assert world.woken() == {"r:acme/shop"}
    await world.hear(concern(PullChanged(repo=REPO, pull=PULL, action="reopened", branch="x")))
    assert f"u:{uid}" in world.woken()


async def test_a_moved_base_wakes_everything_in_flight_there(world: World) -> None:
    """A push to the default branch concerns whatever waits to be merged into it, and no other repository."""
    uid = await put_in(world)
    await put_in(world, repo=OTHER)
    await world.hear(concern(Pushed(repo=REPO, ref="refs/heads/main", after=HEAD, default=True)))
    assert world.woken() == {f"u:{uid}", "r:acme/shop"}


async def test_a_push_to_a_branch_wakes_the_update_of_that_branch(world: World) -> None:
    """Before we know the number of the pull request its branch is enough."""
    uid = await put_in(world, pull=a_pull())
    await put_in(world, target="2", pull=a_pull(number=2, branch="surefoot/other", head=a_sha(2)))
    event = Pushed(repo=REPO, ref="refs/heads/surefoot/greeter-1.2.4", after=a_sha(3), default=False)
    await world.hear(concern(event))
    assert world.woken() == {f"u:{uid}"}


async def test_a_run_of_a_workflow_wakes_what_is_in_production_and_its_own_commit(world: World) -> None:
    """A dispatched run stands on the tip of a branch; every other run in a busy repository is nobody's news."""
    states = (State.DEPLOYING, State.ROLLING_OUT, State.ROLLING_BACK, State.IN_REVIEW, State.MERGED, State.DONE)
    uids = [await put_in(world, target=f"3.{number}", state=state) for number, state in enumerate(states)]
    its_own = await put_in(world, pull=a_pull())
    await put_in(world, repo=OTHER, state=State.ROLLING_OUT)
    await world.hear(concern(RunMoved(repo=REPO, run="1", sha=HEAD)))
    assert world.woken() == {f"u:{uid}" for uid in (*uids[:3], its_own)}


@pytest.mark.parametrize(("branch", "look"), [("feature", False), ("surefoot/greeter-1.2.4", True)])
async def test_other_peoples_pull_requests_are_no_reason_to_look(world: World, branch: str, look: bool) -> None:
    """In a busy repository there are many; what comes of them is pushed to the default branch."""
    await world.hear(concern(PullChanged(repo=REPO, pull=PullNumber(77), action="labeled", branch=branch)))
    assert world.woken() == ({"r:acme/shop"} if look else set())


async def test_news_for_all_repositories_make_them_due_at_once(world: World) -> None:
    """An advisory looks at every repository; the clock wakes them in portions instead of all in one commit."""
    await world.store.install([OTHER], INSTALLATION, now=NOW)
    await world.hear(Concern(uninstalled=Uninstalled(installation=INSTALLATION, repos=(OTHER,))))
    world.forget()
    await world.hear(concern(Advised(repo=None)))
    assert world.queued() == []
    assert await world.store.due(NOW) == ["r:acme/shop"]


async def test_a_hint_looks_only_where_its_component_is_used(world: World) -> None:
    """Who uses something else, and who left, is not looked at for it; what an old note looks like hinders nothing."""
    using, chart, left = (RepoName(f"acme/{name}") for name in ("using", "chart", "left"))
    await world.store.install([OTHER, using, chart, left], INSTALLATION, now=NOW)
    used = {OTHER: ("a", "npm"), using: ("x/Tool_1", "npm"), chart: ("tool-1", "helm"), left: ("x/tool-1", "npm")}
    for repo, (name, kind) in used.items():
        row = await world.store.repo(repo)
        assert row is not None
        answers = [{"name": "b", "ecosystem": "npm"}, {"name": name, "ecosystem": kind, "current": "1"}]
        await world.store.save_repo(replace(row, notes={"said": "2 components", "answers": answers}), due=NOW + DAY)
    await world.hear(Concern(uninstalled=Uninstalled(installation=INSTALLATION, repos=(left,))))
    world.forget()

    await world.hear(concern(Hinted(names=("x/tool.1", "nobody/uses/this"))))

    assert world.queued() == []
    assert await world.store.due(NOW) == ["r:acme/chart", "r:acme/using"]


async def test_a_hint_that_must_wait_puts_nothing_off(world: World) -> None:
    """What is due earlier stays so, what is due later comes at the hint's time, and so does what is under way now."""
    repos = {RepoName("acme/early"): NOW, RepoName("acme/later"): NOW + DAY, RepoName("acme/running"): None}
    await world.store.install(list(repos), INSTALLATION, now=NOW)
    rows = []
    for repo, due in repos.items():
        row = await world.store.repo(repo)
        assert row is not None
        rows.append(await world.store.save_repo(replace(row, notes={"answers": [{"name": "tool"}]}), due=due))

    await world.hear(replace(concern(Hinted(names=("tool",))), at=NOW + MINUTE))
    await world.store.save_repo(rows[2], due=NOW + DAY)  # it read its row before the hint came

    assert await world.store.due(NOW) == ["r:acme/early"]
    assert await world.store.due(NOW + MINUTE) == ["r:acme/early", "r:acme/later", "r:acme/running"]


async def test_notes_of_another_time_are_looked_at(world: World) -> None:
    """Where nobody can say what a repository uses, it is looked at once too often."""
    row = await world.store.repo(REPO)
    assert row is not None
    await world.store.save_repo(replace(row, notes={"answers": "two of them"}), due=NOW + DAY)

    await world.hear(concern(Hinted(names=("tool",))))

    assert await world.store.due(NOW) == ["r:acme/shop"]


async def test_an_alert_looks_at_its_repositories_and_at_what_is_in_production(world: World) -> None:
    """A rollout hears of it at once; what waits for a review, and who is not ours, hears nothing."""
    rolling = await put_in(world, state=State.ROLLING_OUT)
    await put_in(world, id=UpdateId("0123456789abcdef"), state=State.IN_REVIEW, component=a_component(name="other"))
    world.forget()

    await world.hear(concern(Alerted(repos=(RepoName("Acme/Shop"), RepoName("nobody/knows")))))

    assert world.woken() == {"r:acme/shop", f"u:{rolling}"}
    assert await world.store.repo("nobody/knows") is None


async def test_a_look_that_was_asked_for_survives_a_save_that_began_before(world: World) -> None:
    """Who was just looking does not put the wish for another look off to his own next date."""
    row = await world.store.repo(REPO)
    assert row is not None
    await world.hear(concern(Advised(repo=None)))
    await world.store.save_repo(row, due=NOW + DAY)
    assert await world.store.due(NOW) == ["r:acme/shop"]


async def test_a_repository_that_we_never_heard_of_is_added(world: World) -> None:
    """The word that the App was installed got lost; the next event there heals it."""
    event = concern(PullChanged(repo=OTHER, pull=PULL, action="opened", branch="x"))
    await world.hear(event, installation=8)
    row = await world.store.repo(OTHER)
    assert row is not None and (row.installation, row.active) == (8, True)
    assert world.woken() == {"r:acme/stock"}


async def test_an_event_of_no_interest_is_drained_and_nothing_follows(world: World) -> None:
    """It is stored like every other and then forgotten."""
    await world.hear(concern(Ignored(name="star")))
    assert (world.queued(), await world.store.undrained()) == ([], [])


# Repositories


async def test_installing_looks_at_each_repository(world: World) -> None:
    """Two new repositories are there, active, and enqueued."""
    names = (OTHER, RepoName("acme/Tools"))
    await world.hear(concern(Installed(installation=InstallationId(9), repos=names)))
    assert world.woken() == {"r:acme/stock", "r:acme/tools"}
    assert [(row.name, row.active) for row in await world.store.repos()] == [
        ("acme/shop", True), ("acme/stock", True), ("acme/Tools", True)
    ]  # fmt: skip


async def test_uninstalling_stops_what_it_names(world: World) -> None:
    """One repository leaves, the other stays."""
    await world.store.install([OTHER], INSTALLATION, now=NOW)
    await world.hear(concern(Uninstalled(installation=INSTALLATION, repos=(RepoName("Acme/Shop"),))))
    assert {row.name: row.active for row in await world.store.repos()} == {"acme/shop": False, "acme/stock": True}


async def test_uninstalling_the_app_stops_all_of_that_installation(world: World) -> None:
    """No repository named means all of them, but none of another owner's."""
    await world.store.install([OTHER], INSTALLATION, now=NOW)
    await world.store.install([RepoName("else/where")], InstallationId(8), now=NOW)
    await world.hear(concern(Uninstalled(installation=INSTALLATION)))
    assert [row.name for row in await world.store.repos() if row.active] == ["else/where"]


async def test_what_is_in_flight_learns_that_the_app_left_and_came_back(world: World) -> None:
    """An open update neither hangs after an uninstall nor is it forgotten after a new install."""
    uid = await put_in(world)
    await world.hear(concern(Uninstalled(installation=INSTALLATION)))
    await world.hear(concern(Installed(installation=InstallationId(70), repos=(REPO,))))
    assert [seq for key, seq in world.queued() if key == f"u:{uid}"] == [1, 2]
    row = await world.store.repo(REPO)
    assert row is not None and (row.active, row.installation) == (True, 70)


async def test_notes_on_a_repository_come_back(world: World) -> None:
    """What a look found, and when the next one is due."""
    row = await world.store.repo(REPO)
    assert row is not None
    notes = {"onboarding": 3, "held": [["greeter", "too young"]]}
    saved = await world.store.save_repo(
        replace(row, notes=notes, default_branch="main"), due=NOW + HOUR, tries=2
    )  # fmt: skip
    assert saved == await world.store.repo(REPO)
    assert (saved.notes, saved.default_branch, saved.due, saved.tries) == (notes, "main", NOW + HOUR, 2)
    assert saved.done_seq == saved.seq == row.seq


async def test_a_repository_row_that_changed_meanwhile_is_not_overwritten(world: World) -> None:
    """Two looks at once, or an uninstall during a look: the slower one reads again."""
    row = await world.store.repo(REPO)
    assert row is not None
    saved = await world.store.save_repo(row, due=None)
    with pytest.raises(Stale, match="acme/shop"):
        await world.store.save_repo(row, due=None)
    await world.hear(Concern(uninstalled=Uninstalled(installation=INSTALLATION, repos=(REPO,))))
    with pytest.raises(Stale):
        await world.store.save_repo(saved, due=None)
    after = await world.store.repo(REPO)
    assert after is not None and not after.active


async def test_a_repository_that_was_never_installed_is_not_there(world: World) -> None:
    """Unknown is told apart from inactive."""
    assert await world.store.repo("no/body") is None


NEW = RepoName("acme/store")


def numbered(event: Concern, number: int = 500) -> Concern:
    """The same as GitHub tells it: with the repository's own number."""
    return replace(event, number=number)


async def names(world: World) -> dict[str, bool]:
    """Every repository that is known, and whether the App may act there."""
    return {row.name: row.active for row in await world.store.repos()}


async def test_a_renamed_repository_stays_one_with_all_that_is_known_of_it(world: World) -> None:
    """Updates, their audit, unread mail, leases and due times go along; what runs under the old name reads anew."""
    uid = await put_in(world, state=State.IN_REVIEW, pull=a_pull())
    row, before = await world.store.repo(REPO), await world.store.load(uid)
    assert row is not None and before is not None
    await world.store.save_repo(row, due=NOW + HOUR, tries=2)
    await world.store.lease("acme/shop:production", uid, now=NOW)
    await world.store.lease("acme/shop_2:production", "other", now=NOW)
    await world.hear(concern(a_comment()))
    world.forget()
    await world.hear(numbered(concern(Renamed(repo=NEW, was=REPO))))

    after, moved = await world.store.repo(NEW), await world.store.load(uid)
    assert after is not None and moved is not None and {NEW: True} == await names(world)
    assert (INSTALLATION, NOW + HOUR, 500) == (after.installation, after.due, after.number)
    assert NEW == moved.update.repo and moved.update == replace(before.update, repo=NEW)
    assert ["/surefoot approve"] == [letter.text for letter in moved.mail]
    assert 1 == len(await world.store.audit(uid))
    assert ["acme/shop_2:production", "acme/store:production"] == [one.name for one in await world.store.leases()]
    assert {f"u:{uid}", "r:acme/store"} == world.woken()
    assert [uid] == [update.id for update in await world.store.of_repo(NEW)]
    again = an_update(id=an_id(9), repo=NEW)
    assert not await world.store.add(again, an_entry(update=again.id))
    with pytest.raises(Stale):
        await world.store.save(before, before.update)
    with pytest.raises(Stale):
        await world.store.save_repo(replace(after, ver=after.ver - 1), due=None)


async def test_a_new_name_that_nobody_told_is_known_by_the_number(world: World) -> None:
    """The word of the change got lost: the next news under the new name is news of the same repository."""
    uid = await put_in(world, state=State.IN_REVIEW, pull=a_pull())
    await world.hear(numbered(concern(Reviewed(repo=REPO, pull=PULL))))
    world.forget()
    await world.hear(numbered(concern(Reviewed(repo=NEW, pull=PULL))))

    assert {NEW: True} == await names(world) and {f"u:{uid}"} == world.woken()


async def test_a_sweep_that_finds_a_new_name_adds_no_second_repository(world: World) -> None:
    """It is told the number too. What was taken for new before that is put together with the old one."""
    await put_in(world, state=State.IN_REVIEW)
    await world.hear(numbered(concern(Reviewed(repo=REPO, pull=PULL))))
    await world.store.install([NEW], INSTALLATION, numbers={NEW: 500}, now=NOW)
    assert {NEW: True} == await names(world)

    await world.store.install([OTHER], INSTALLATION, now=NOW)
    await world.hear(numbered(concern(Reviewed(repo=OTHER, pull=PULL))))
    assert {OTHER: True} == await names(world)
    assert [OTHER] == [update.repo for update in await world.store.of_repo(OTHER)]


async def test_another_repository_under_an_old_name_inherits_nothing(world: World) -> None:
    """One was deleted or renamed unheard, and another has its name: the old one's updates rest, out of its way."""
    uid = await put_in(world, state=State.IN_REVIEW, pull=a_pull())
    await world.hear(numbered(concern(Reviewed(repo=REPO, pull=PULL))))
    await world.hear(numbered(concern(Reviewed(repo=REPO, pull=PULL)), 501), installation=9)

    assert {REPO: True, "acme/shop.500": False} == await names(world)
    fresh, old = await world.store.repo(REPO), await world.store.load(uid)
    assert fresh is not None and (9, 501) == (fresh.installation, fresh.number)
    assert old is not None and "acme/shop.500" == old.update.repo
    assert () == await world.store.of_repo(REPO)

    await world.hear(numbered(concern(Renamed(repo=NEW, was=REPO))))
    assert {REPO: True, NEW: True} == await names(world)


async def test_who_takes_an_old_name_and_installs_the_app_gets_nothing_of_it(world: World) -> None:
    """An owner gave up a name, and a stranger registers it: what is known of the first stays the first's."""
    uid = await put_in(world, state=State.IN_REVIEW, pull=a_pull())
    await world.store.register(REPO, Component(name="db", ecosystem="docker"), "{}")
    await world.hear(numbered(concern(Reviewed(repo=REPO, pull=PULL))))
    await world.hear(concern(Installed(installation=InstallationId(9), repos=(REPO,), numbers=((REPO, 501),))))

    theirs, old = await world.store.repo(REPO), await world.store.load(uid)
    assert theirs is not None and (9, 501, {}) == (theirs.installation, theirs.number, theirs.notes)
    assert () == await world.store.of_repo(REPO)
    assert old is not None and "acme/shop.500" == old.update.repo
    assert () == await world.store.registered(REPO)
    await world.hear(numbered(concern(Reviewed(repo=NEW, pull=PULL))))
    assert [uid] == [update.id for update in await world.store.of_repo(NEW)]
    assert ("{}",) == await world.store.registered(NEW)


async def test_two_rows_with_updates_are_not_thrown_together(world: World) -> None:
    """Known under both names, with something at stake under each: nothing is lost, each stays as it is."""
    await put_in(world, state=State.IN_REVIEW)
    await world.store.install([NEW], INSTALLATION, now=NOW)
    await put_in(world, id=an_id(2), repo=NEW, state=State.IN_REVIEW)
    await world.hear(numbered(concern(Renamed(repo=NEW, was=REPO))))

    assert {REPO: True, NEW: True} == await names(world)
    assert [1, 1] == [len(await world.store.of_repo(name)) for name in (REPO, NEW)]


async def test_a_transferred_repository_belongs_to_its_new_installation(world: World) -> None:
    """The old owner's App left it, the new owner's has it: it goes on there."""
    await world.hear(Concern(uninstalled=Uninstalled(installation=INSTALLATION, repos=(REPO,))))
    there = RepoName("umbrella/shop")
    await world.hear(concern(Renamed(repo=there, was=REPO)), installation=9)

    row = await world.store.repo(there)
    assert row is not None and (9, True) == (row.installation, row.active) and {there: True} == await names(world)


async def test_an_archive_is_told_to_what_is_in_flight_there(world: World) -> None:
    """When it begins and when it ends, once each; told again it is no news, and another repository hears nothing."""
    uid = await put_in(world, state=State.IN_REVIEW)
    await put_in(world, id=an_id(2), target="1.2.3", state=State.DONE)
    for archived in (True, False):
        await world.hear(concern(Archived(repo=REPO, archived=archived)))
        row = await world.store.repo(REPO)
        assert row is not None and (archived, archived) == (row.archived, row.rests)
        assert {"r:acme/shop", f"u:{uid}"} == world.woken()
        world.forget()
        await world.hear(concern(Archived(repo=REPO, archived=archived)))
        assert set() == world.woken()


async def test_open_updates_are_counted_by_state(world: World) -> None:
    """Those that ended are not, and a state without any is left out."""
    await put_in(world, state=State.IN_REVIEW)
    for number, state in enumerate((State.DONE, State.IN_REVIEW, State.FAILED)):
        await put_in(world, id=an_id(number + 2), target=f"2.0.{number}", state=state)
    assert {State.IN_REVIEW: 2, State.FAILED: 1} == await world.store.standing()


# Updates


async def test_an_update_is_added_once(world: World) -> None:
    """Detecting the same version again neither changes the row nor enqueues it again."""
    update = an_update()
    assert await world.store.add(update, an_entry(), due=NOW + HOUR)
    assert not await world.store.add(replace(update, note="again"), an_entry(why="again"))
    row = await world.store.load(update.id)
    assert row is not None and (row.update, row.due, row.seq, row.done_seq) == (update, NOW + HOUR, 1, 0)
    assert world.queued() == [(f"u:{update.id}", 1)]
    assert [entry.why for entry in await world.store.audit(update.id)] == ["greeter 1.2.4 is out"]


async def test_of_two_who_add_the_same_update_at_once_one_wins(world: World) -> None:
    """Two looks at one repository find the same version: one row, one entry, one run."""
    answers = await asyncio.gather(*(world.store.add(an_update(), an_entry()) for _ in range(4)))
    assert sum(answers) == 1
    assert len(await world.store.audit(an_update().id)) == len(world.queued()) == 1


async def test_a_saved_update_comes_back_with_its_audit(world: World) -> None:
    """State, documents, due time and tries are what was saved, and the news are settled."""
    uid = await put_in(world)
    row = await world.store.load(uid)
    assert row is not None
    moved = replace(row.update, state=State.SIMULATED, pull=a_pull(), simulation=a_simulation())
    entry = an_entry(now=State.SIMULATED, why="passed", facts=(("head", HEAD),))
    saved = await world.store.save(row, moved, entries=[entry, entry], due=NOW + MINUTE, tries=3)
    assert saved == await world.store.load(uid)
    assert (saved.update, saved.due, saved.tries, saved.ver) == (moved, NOW + MINUTE, 3, row.ver + 1)
    assert (await world.store.audit(uid))[1:] == (entry, entry)


async def test_of_two_who_save_at_once_one_is_stale(world: World) -> None:
    """No write is lost under another, and the loser's audit is not written either."""
    uid = await put_in(world)
    row = await world.store.load(uid)
    assert row is not None
    saves = [world.store.save(row, row.update, entries=[an_entry(why=f"hand {n}")]) for n in range(4)]
    answers = await asyncio.gather(*saves, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Stale", "Stale", "Stale", "UpdateRow"]
    assert len(await world.store.audit(uid)) == 2


async def test_an_update_cannot_be_saved_in_the_row_of_another(world: World) -> None:
    """A mix-up of rows is refused instead of written."""
    uid = await put_in(world)
    row = await world.store.load(uid)
    assert row is not None
    with pytest.raises(ValueError, match="cannot be saved"):
        await world.store.save(row, replace(row.update, id=an_id(9)))
    with pytest.raises(ValueError, match="does not belong"):
        await world.store.save(row, row.update, entries=[an_entry(update=an_id(9))])
    assert await world.store.load(uid) == row


async def test_news_during_a_run_are_not_settled_by_it(world: World) -> None:
    """An event that comes while a stage runs is looked at by the run after it, and its due time stays."""
    uid = await put_in(world, pull=a_pull())
    row = await world.store.load(uid)
    assert row is not None
    await world.hear(concern(Reviewed(repo=REPO, pull=PULL)))
    saved = await world.store.save(row, row.update, due=NOW + DAY)
    assert (saved.seq, saved.done_seq, saved.due) == (1, 0, None)
    again = await world.store.save(saved, saved.update, due=NOW + DAY)
    assert (again.done_seq, again.due) == (1, NOW + DAY)


async def test_an_update_that_is_not_there_loads_as_none(world: World) -> None:
    """Unknown is None, not an error."""
    assert await world.store.load(an_id(1)) is None
    assert await world.store.audit(an_id(1)) == ()


async def test_updates_are_found_by_repository_component_and_pull(world: World) -> None:
    """Each question gets exactly its own rows."""
    done = await put_in(world, target="1.2.4", state=State.DONE, changed=NOW - DAY)
    mine = await put_in(world, target="1.2.5", pull=a_pull(), changed=NOW)
    tool = await put_in(world, component=a_component(name="tool"), changed=NOW - HOUR)
    far = await put_in(world, repo=OTHER, changed=NOW - 2 * DAY)
    store = world.store
    assert [one.id for one in await store.of_repo("acme/SHOP")] == [done, tool, mine]
    assert [one.id for one in await store.of_repo(REPO, open_only=True)] == [tool, mine]
    assert [one.id for one in await store.of_component(REPO, a_component())] == [done, mine]
    assert [one.id for one in await store.recent(3)] == [mine, tool, done]
    assert [one.id for one in await store.recent()] == [mine, tool, done, far]


async def test_siblings_are_found_through_groups(world: World) -> None:
    """Whoever moves the same component, alone or with others, and whatever the same group moved before."""
    mine = Member(component=a_component(), current="1.2.3", target="1.2.4", kind=Kind.PATCH)
    theirs = replace(mine, component=a_component(name="tool"))
    web = Component(name="web", ecosystem=GROUP)
    single = await put_in(world, target="1.2.4", changed=NOW)
    group = await put_in(world, component=web, target="2 updates a", members=(mine, theirs), changed=NOW + HOUR)
    older = await put_in(world, component=web, target="1 update b", members=(theirs,), changed=NOW - HOUR)
    other = replace(web, name="other")
    await put_in(world, component=other, target="1 update c", members=(replace(mine, component=a_component(name="x")),))
    await put_in(world, repo=OTHER)

    async def found(uid: UpdateId) -> list[UpdateId]:
        row = await world.store.load(uid)
        assert row is not None
        return [one.id for one in await world.store.siblings(row.update)]

    assert await found(single) == [single, group]
    assert await found(group) == [older, single, group]
    assert await found(older) == [older, group]


async def test_the_same_tag_with_another_digest_is_another_update(world: World) -> None:
    """An image is built anew under its tag again and again: each of them is an update of its own."""
    new = []
    for number in (1, 2, 1):
        digest = f"sha256:{number}"
        uid = id_of(REPO, a_component(), "1.2.3", digest)
        update = an_update(id=uid, target="1.2.3", kind=Kind.DIGEST, release=a_release("1.2.3", digest=digest))
        new.append(await world.store.add(update, an_entry(update=uid)))
    assert new == [True, True, False]


async def test_the_same_version_for_other_places_is_another_update(world: World) -> None:
    """Counted, since component and target are the same; each count is there once."""
    for again, fresh in ((0, True), (1, True), (1, False)):
        uid = id_of(REPO, a_component(), "1.2.4", again=again)
        assert await world.store.add(an_update(id=uid, again=again), an_entry(update=uid)) is fresh


async def test_what_was_said_makes_nobody_stale(world: World) -> None:
    """The voice remembers beside the loop, and an update is unsaid until it was said in full at its last version."""
    uid = await put_in(world)
    row = await world.store.load(uid)
    assert row is not None
    assert await world.store.unsaid() == (uid,)
    await world.store.say(uid, {"comment": "abc"})
    assert await world.store.unsaid() == (uid,)
    await world.store.say(uid, {"comment": "abc", "check": "def"}, ver=row.ver)
    assert await world.store.unsaid() == ()
    saved = await world.store.save(row, row.update)
    assert saved.said == {"comment": "abc", "check": "def"}
    assert await world.store.unsaid() == (uid,)
    await world.store.say(uid, {}, ver=saved.ver)
    await world.store.say(uid, {}, ver=row.ver)
    assert await world.store.unsaid() == ()


async def test_what_could_not_be_read_back_is_not_written(world: World) -> None:
    """A number without a value is refused at once, not found out when the row is needed."""
    uid = await put_in(world)
    row = await world.store.load(uid)
    assert row is not None
    with pytest.raises(ValueError, match="read back"):
        await world.store.save(row, replace(row.update, simulation=a_simulation(seconds=float("nan"))))
    assert await world.store.load(uid) == row


# Mail


async def test_a_comment_is_heard_once(world: World) -> None:
    """It wakes the update, is there until it is read, and never comes again."""
    uid = await put_in(world, pull=a_pull())
    await world.hear(concern(a_comment(1, "/surefoot approve")))
    await world.hear(concern(a_comment(2, "/surefoot status")))
    row = await world.store.load(uid)
    assert row is not None and [letter.text for letter in row.mail] == ["/surefoot approve", "/surefoot status"]
    saved = await world.store.save(row, row.update, heard=[row.mail[0].key])
    assert [letter.key for letter in saved.mail] == ["comment:2"]
    await world.hear(concern(a_comment(1, "/surefoot approve")))
    again = await world.store.load(uid)
    assert again is not None and [letter.key for letter in again.mail] == ["comment:2"]


async def test_mail_reaches_an_update_that_has_ended(world: World) -> None:
    """`/surefoot rollback` works after the rollout is done."""
    uid = await put_in(world, pull=a_pull(), merge=a_merge(), state=State.DONE)
    await world.hear(concern(a_comment()))
    assert world.woken() == {f"u:{uid}"}
    world.forget()
    pressed = ActionPressed(repo=REPO, sha=MERGED, identifier="rollback", author=Login("a"), at=NOW, delivery="g")
    await world.hear(concern(pressed))
    assert world.woken() == {f"u:{uid}"}
    row = await world.store.load(uid)
    assert row is not None and [letter.key for letter in row.mail] == ["comment:1", "button:g"]


async def test_a_pressed_button_is_heard_although_the_head_has_moved(world: World) -> None:
    """The press belongs to the pull request, even if somebody pushes before it is read."""
    uid = await put_in(world, pull=a_pull())
    pressed = ActionPressed(repo=REPO, sha=HEAD, identifier="retry", author=Login("a"), at=NOW, delivery="g")
    await world.hear(concern(pressed))
    row = await world.store.load(uid)
    assert row is not None
    saved = await world.store.save(row, replace(row.update, pull=a_pull(head=a_sha(5))))
    assert [(letter.key, letter.sha) for letter in saved.mail] == [("button:g", HEAD)]


async def test_mail_that_comes_before_the_number_is_known_is_not_lost(world: World) -> None:
    """Somebody comments between the opening of the pull request and the save that says which it is."""
    uid = await put_in(world)
    await world.hear(concern(a_comment()))
    row = await world.store.load(uid)
    assert row is not None and row.mail == ()
    saved = await world.store.save(row, replace(row.update, pull=a_pull()))
    assert [letter.key for letter in saved.mail] == ["comment:1"]


async def test_mail_to_another_pull_request_is_not_ours(world: World) -> None:
    """Comments on other people's pull requests wake nobody and reach nobody."""
    uid = await put_in(world, pull=a_pull())
    await world.hear(concern(a_comment(pull=PullNumber(77))))
    row = await world.store.load(uid)
    assert row is not None and row.mail == () and world.queued() == []


# Time


async def test_what_is_due_is_woken_once(world: World) -> None:
    """The clock finds the rows whose time has come, the longest waiting first, and each tick wakes them once."""
    late = an_update(target="1")
    soon = an_update(target="2")
    await world.store.add(late, an_entry(update=late.id), due=NOW - HOUR, enqueue=False)
    await world.store.add(soon, an_entry(update=soon.id), due=NOW, enqueue=False)
    await world.store.add(an_update(target="3"), an_entry(update=an_update(target="3").id), due=NOW + MINUTE)
    world.forget()
    assert await world.store.due(NOW) == [f"u:{late.id}", f"u:{soon.id}"]
    assert await world.store.due(NOW, 1) == [f"u:{late.id}"]
    assert set(await world.store.wake_due(NOW)) == {f"u:{late.id}", f"u:{soon.id}"}
    assert await world.store.wake_due(NOW) == []
    assert sorted(world.queued()) == sorted([(f"u:{late.id}", 1), (f"u:{soon.id}", 1)])


async def test_two_clocks_that_tick_at_once_wake_each_row_once(world: World) -> None:
    """Replicas may tick together."""
    for number in range(20):
        update = an_update(target=str(number))
        await world.store.add(update, an_entry(update=update.id), due=NOW, enqueue=False)
    woken = await asyncio.gather(*(world.store.wake_due(NOW, 7) for _ in range(6)))
    assert sorted(key for part in woken for key in part) == sorted({key for part in woken for key in part})
    assert all(seq == 1 for _, seq in world.queued())


async def test_a_repository_is_due_like_an_update(world: World) -> None:
    """One scan finds both."""
    row = await world.store.repo(REPO)
    assert row is not None
    await world.store.save_repo(row, due=NOW)
    assert await world.store.wake_due(NOW) == ["r:acme/shop"]


async def test_waking_leaves_a_time_that_has_not_come(world: World) -> None:
    """A row that is woken for another reason keeps its date; a key that is not there is left out."""
    update = an_update()
    await world.store.add(update, an_entry(), due=NOW + DAY, enqueue=False)
    assert await world.store.wake([f"u:{update.id}", "u:none"], now=NOW) == [f"u:{update.id}"]
    row = await world.store.load(update.id)
    assert row is not None and (row.due, row.seq) == (NOW + DAY, 1)


async def test_a_row_whose_run_was_lost_is_found_and_healed(world: World) -> None:
    """News that nobody looked at for a while are enqueued again under a new number."""
    uid = await put_in(world, pull=a_pull())
    await world.hear(concern(Reviewed(repo=REPO, pull=PULL)))
    assert f"u:{uid}" not in await world.store.behind(NOW)
    assert f"u:{uid}" in await world.store.behind(NOW + MINUTE)
    await world.store.wake([f"u:{uid}"], now=NOW + MINUTE)
    assert [seq for key, seq in world.queued() if key == f"u:{uid}"] == [1, 2]
    assert f"u:{uid}" not in await world.store.behind(NOW + MINUTE)
    row = await world.store.load(uid)
    assert row is not None
    await world.store.save(row, row.update)
    assert f"u:{uid}" not in await world.store.behind(NOW + DAY)


async def test_a_moment_without_a_zone_is_refused(world: World) -> None:
    """Nobody could say later when it was; a zone other than UTC is understood."""
    with pytest.raises(Exception, match="time zone"):
        await world.store.due(datetime(2026, 1, 1))
    plus_two = timezone(timedelta(hours=2))
    await world.store.lease("deploy", "u:1", now=NOW.astimezone(plus_two))
    (lease,) = await world.store.leases()
    assert (lease.since, lease.since.utcoffset()) == (NOW, timedelta(0))


# Small things


async def test_a_lease_has_one_holder(world: World) -> None:
    """Of all who ask at once one gets it; the others learn who; only the holder gives it back."""
    asked = [world.store.lease("acme/shop:production", f"u:{n}", now=NOW) for n in range(5)]
    holders = set(await asyncio.gather(*asked))
    assert len(holders) == 1
    holder = holders.pop()
    await world.store.release("acme/shop:production", "somebody else")
    assert await world.store.lease("acme/shop:production", "u:9", now=NOW) == holder
    assert [(lease.name, lease.holder) for lease in await world.store.leases()] == [("acme/shop:production", holder)]
    await world.store.release("acme/shop:production", holder)
    assert await world.store.lease("acme/shop:production", "u:9", now=NOW) == "u:9"


async def test_a_named_value_is_what_was_put_last(world: World) -> None:
    """Nothing, then one, then another."""
    assert await world.store.get("cursor") is None
    await world.store.put("cursor", "1")
    await world.store.put("cursor", "2")
    assert await world.store.get("cursor") == "2"


async def test_a_release_is_first_seen_once(world: World) -> None:
    """Whoever asks later, in whatever process, hears the first time; another digest is another thing."""
    image = Component(name="shop", ecosystem="docker")
    release = Release(version="1.0", digest="sha256:aa")
    times = [await world.store.first(image, release, NOW + n * HOUR) for n in range(3)]
    other = await world.store.first(image, replace(release, digest="sha256:bb"), NOW + HOUR)

    assert (times, other) == ([NOW, NOW, NOW], NOW + HOUR)


async def test_what_is_old_and_done_is_swept_out(world: World) -> None:
    """Drained deliveries and old mail go; what waits, what is young, and the audit stay."""
    uid = await put_in(world, pull=a_pull())
    await world.hear(concern(a_comment()))
    row = await world.store.load(uid)
    assert row is not None
    await world.store.save(row, row.update, heard=["comment:1"])
    await world.store.keep(a_delivery("waiting", received=NOW - DAY))
    assert await world.store.prune(NOW - MINUTE) == 0
    assert await world.store.prune(NOW + MINUTE) == 2
    assert [one.guid for one in await world.store.undrained()] == ["waiting"]
    after = await world.store.load(uid)
    assert after is not None and after.mail == ()
    assert len(await world.store.audit(uid)) == 1


async def test_tables_of_a_newer_version_are_refused(world: World) -> None:
    """An old program leaves the tables of a new one alone, and says what to do."""
    with world.engine.begin() as conn:
        conn.execute(sa.text("UPDATE surefoot_version SET version_num = '9999'"))
    with pytest.raises(ConfigProblem, match="newer"):
        await world.store.migrate()


async def test_migrating_again_changes_nothing(world: World) -> None:
    """Every start migrates; two that start together do no harm."""
    uid = await put_in(world)
    second = Store(world.url, enqueue=lambda conn, key, seq: None)
    await asyncio.gather(world.store.migrate(), second.migrate())
    second.close()
    assert await world.store.load(uid) is not None


# What GitHub tells, and what releases were


def a_word(name: str = "greeter", **more: object) -> Word:
    # The fields are the caller's.
    return Word(**({"id": "GHSA-aaaa-bbbb-cccc", "ecosystem": "pypi", "name": name} | more))  # type: ignore[arg-type]


async def uses(world: World, name: str = "greeter", repo: RepoName = REPO) -> None:
    """The repository's last answers bear this name."""
    await world.store.install([repo], INSTALLATION, now=NOW)
    row = await world.store.repo(repo)
    assert row is not None
    await world.store.save_repo(replace(row, notes={"answers": [{"name": name}]}), due=NOW + DAY)
    world.forget()


async def test_a_word_is_kept_and_heard_where_its_package_is_used(world: World) -> None:
    """Whoever bears the package is looked at now, nobody else is, and what was said before of it is replaced."""
    await uses(world, "Greeter")
    await uses(world, "other", OTHER)
    await world.hear(concern(Advised(repo=None, words=(a_word(), a_word("nobody.has-this")))))
    assert await world.store.due(NOW) == ["r:acme/shop"]
    assert {heard.word.name for heard in await world.store.words()} == {"greeter", "nobody.has-this"}

    await world.hear(concern(Advised(repo=None, words=(a_word(withdrawn=True),))))
    said = {heard.word.name: heard for heard in await world.store.words()}
    assert said["greeter"].word.withdrawn and said["greeter"].at == NOW


async def test_a_word_about_what_nobody_uses_is_not_kept(world: World) -> None:
    """GitHub tells of every package in the world."""
    await uses(world, "other")
    await world.hear(concern(Advised(repo=None, words=(a_word(),))))
    assert (await world.store.words(), await world.store.due(NOW)) == ((), [])


async def test_what_is_set_aside_stays_so_under_another_name_of_the_repository(world: World) -> None:
    """A dismissed alert counts in its repository alone, until it is opened again."""
    await uses(world)
    told = Advised(repo=REPO, words=(a_word(),), aside=Aside(id=a_word().id, aside=True))
    await world.hear(replace(concern(told), number=7))
    await world.hear(replace(concern(told), number=7))
    assert await world.store.asides("ACME/shop") == {a_word().id}
    assert await world.store.asides(OTHER) == frozenset()

    await world.hear(replace(concern(Renamed(repo=RepoName("acme/store"), was=REPO)), number=7))
    assert await world.store.asides("acme/store") == {a_word().id}

    again = Advised(repo=RepoName("acme/store"), words=(a_word(),), aside=Aside(id=a_word().id, aside=False))
    await world.hear(replace(concern(again), number=7))
    assert await world.store.asides("acme/store") == frozenset()


def listed(digest: str, version: str = "1.2.4") -> Release:
    return Release(version=version, artifacts=(Artifact(filename="a.whl", url="", sha256=digest * 64),))


async def test_a_file_that_was_swapped_is_remembered_for_good(world: World) -> None:
    """By every process, also after the broom went; what is sound is swept out when nobody asks any more."""
    store, component = world.store, a_component()
    assert await store.altered(component, [Release(version="1.2.4")], NOW) == {}
    assert [await store.altered(component, [listed("1")], NOW) for _ in range(2)] == [{}, {}]
    assert "swapped" in (await store.altered(component, [listed("2"), listed("1", "9.9")], NOW))["1.2.4"]
    await store.prune(NOW + DAY)

    assert list(await store.altered(component, [listed("1")], NOW + DAY)) == ["1.2.4"]
    assert await store.altered(component, [listed("2", "9.9")], NOW) == {}  # it was forgotten, and is seen anew


async def test_who_asks_every_day_keeps_what_is_known(world: World) -> None:
    """A version that is open for months is compared with its very first files."""
    for day in range(0, 40, 2):
        await world.store.altered(a_component(), [listed("1")], NOW + day * DAY)
        await world.store.prune(NOW + day * DAY - 3 * DAY)

    assert list(await world.store.altered(a_component(), [listed("2")], NOW + 40 * DAY)) == ["1.2.4"]


async def test_words_of_a_year_ago_are_swept_out(world: World) -> None:
    """By then every database knows them."""
    await uses(world)
    await world.hear(concern(Advised(repo=None, words=(a_word(),))))
    await world.store.prune(NOW + 300 * DAY)
    assert len(await world.store.words()) == 1
    await world.store.prune(NOW + 400 * DAY)
    assert await world.store.words() == ()
