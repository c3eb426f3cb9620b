"""What somebody who may push could try, walked through the whole bot: nothing foreign is merged by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.core import names
from bot.core.model import Component, Grade, State, Update, id_of
from bot.demo.hub import Hub
from bot.store.rows import key_of
from tests.flows.flow import CONFIG, REPO, Flow, dispatches, flowing

PROJECT = "surefoot-demo-greeter"
BRANCH = f"surefoot/{PROJECT}-1.2.4"
ASKING = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}")
OURSELVES = {"name": names.AUTHOR, "email": names.EMAIL, "date": "2026-01-01T00:00:00Z"}
MERGING = (State.MERGED, State.DEPLOYING, State.ROLLING_OUT, State.DONE)
NOBODY = {"name": "nobody", "email": "nobody@example.org", "date": "2026-01-01T00:00:00Z"}


@pytest.fixture
async def flow(tmp_path: Path) -> AsyncIterator[Flow]:
    """The world, with the bot at work."""
    async with flowing(tmp_path) as made:
        yield made


async def evil(hub: Hub, parent: str, who: dict[str, str]) -> str:
    """A commit with a foreign file, signed with whatever name its maker likes, and with our mark."""
    file = {"path": "evil.py", "mode": "100644", "type": "blob", "content": "import os\n"}
    tree = await hub._ask("POST", "/git/trees", {"base_tree": parent, "tree": [file]})
    uid = id_of(REPO, Component(name=PROJECT), "1.2.4")
    body: dict[str, Any] = {"message": f"x\n\nSurefoot-Update: {uid}\n", "tree": tree["sha"], "parents": [parent]}
    return str((await hub._ask("POST", "/git/commits", body | {"author": who, "committer": who}))["sha"])


async def noted(flow: Flow, words: str) -> bool:
    """Whether the update to 1.2.4 says so."""
    update = await flow.update("1.2.4")
    return update is not None and words in update.note


async def test_a_forged_pull_request_is_never_merged(flow: Flow) -> None:
    """tom opens one with our branch's name and a commit in our name: it is not taken for ours, and he is named."""
    tom = flow.others["tom"]
    forged = await evil(tom, await tom.head("main"), OURSELVES)
    await tom._ask("POST", "/git/refs", {"ref": f"refs/heads/{BRANCH}", "sha": forged})
    theirs = await tom._ask("POST", "/pulls", {"head": BRANCH, "base": "main", "title": "innocent", "body": ""})
    flow.publish("1.2.4")
    await flow.look()
    await flow.until(lambda: noted(flow, f"#{theirs['number']} from {BRANCH} was opened by tom"))
    await flow.quiet()

    update = await flow.update("1.2.4")
    assert (State.DETECTED, None, []) == (update.state, update.pull, flow.lab.trials)
    there = (await tom._ask("GET", "/git/trees/main"))["tree"]
    assert [] == [entry for entry in there if entry["path"] == "evil.py"] and [] == dispatches(flow.box)


async def test_a_strangers_revert_is_not_taken_for_ours(flow: Flow) -> None:
    """tom opens one with our revert's branch before there is any: the way back waits for it to go, and then is ours."""
    tom, name = flow.others["tom"], f"surefoot/revert-{PROJECT}-1.2.4"
    forged = await evil(tom, await tom.head("main"), OURSELVES)
    await tom._ask("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": forged})
    theirs = await tom._ask("POST", "/pulls", {"head": name, "base": "main", "title": "innocent", "body": ""})
    flow.production.share_of_new = 0.3
    flow.publish("1.2.4")
    await flow.look()
    await flow.until(lambda: noted(flow, f"#{theirs['number']} from {name} was opened by tom"), seconds=30)

    update = await flow.update("1.2.4")
    assert (State.ROLLING_BACK, None) == (update.state, update.revert)
    assert (forged, "100") == (await tom.head(name), dispatches(flow.box)[-1]["weight"])
    await flow.rosa._ask("DELETE", f"/git/refs/heads/{name}")
    update = await flow.reach("1.2.4", State.ROLLED_BACK)

    revert = await flow.rosa.pull(update.revert)
    assert ("surefoot[bot]", True) == (revert.author, revert.open) and theirs["number"] != revert.number
    assert "1.2.3" in await flow.rosa.text("requirements.txt", name)


async def test_a_strangers_configuration_is_not_taken_for_ours(tmp_path: Path) -> None:
    """tom opens one with our greeting's branch before we are there: it is named, and ours comes once it is gone."""
    async with flowing(tmp_path, configured=False, installed=False) as flow:
        tom, name = flow.others["tom"], names.ONBOARD_BRANCH
        forged = await evil(tom, await tom.head("main"), OURSELVES)
        await tom._ask("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": forged})
        theirs = await tom._ask("POST", "/pulls", {"head": name, "base": "main", "title": "innocent", "body": ""})
        flow.install()
        await flow.until(lambda: said(flow, f"#{theirs['number']} from {name} was opened by tom, not by us"))
        assert forged == await tom.head(name)

        await flow.rosa._ask("DELETE", f"/git/refs/heads/{name}")
        await flow.until(lambda: said(flow, "the onboarding pull request #"))
        newest = (await flow.rosa.pulls())[0]
        assert ("surefoot[bot]", name, True) == (newest.author, newest.branch, newest.open)


async def said(flow: Flow, words: str) -> bool:
    """Whether the last look at the repository says so."""
    row = await flow.app.store.repo(REPO)
    return row is not None and words in row.notes.get("said", "")


async def test_a_forged_push_needs_a_person(flow: Flow) -> None:
    """tom pushes a commit in our name to our pull request: it is foreign, and waits for a person."""
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    tom = flow.others["tom"]
    await flow.configure(CONFIG)  # from here on a patch of our own would merge by itself
    forged = await evil(tom, update.pull.head, OURSELVES)
    await tom._ask("PATCH", f"/git/refs/heads/{BRANCH}", {"sha": forged})
    await flow.until(lambda: any(trial.head == forged for trial in flow.lab.trials))
    update = await flow.reach("1.2.4", State.IN_REVIEW, State.DONE)

    assert (State.IN_REVIEW, forged, False) == (update.state, update.pull.head, update.pull.ours)


async def pushed_by_tom(flow: Flow, who: dict[str, str]) -> Update:
    """tom pushes to an update in review a commit in this name; the update once that is tried."""
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    tom = flow.others["tom"]
    pushed = await evil(tom, update.pull.head, who)
    await tom._ask("PATCH", f"/git/refs/heads/{BRANCH}", {"sha": pushed})
    await flow.quiet()
    await flow.app.store.wake([key_of(update.id)], now=flow.app._clock())  # as the sweep does, should news be lost
    await flow.until(lambda: any(trial.head == pushed for trial in flow.lab.trials))
    return await flow.reach("1.2.4", State.IN_REVIEW)


async def approved(flow: Flow, update: Update, who: str) -> None:
    """A person says yes in both ways that there are, and the bot has taken note."""
    hub = flow.others[who]
    await hub.approve(await hub.pull(update.pull.number))
    comment = await flow.say(update, "/surefoot approve", who=who)
    await flow.until(lambda: flow.reactions(comment))
    await flow.quiet()


async def known_as(hub: Hub, login: str) -> dict[str, str]:
    """Somebody's name and real address, as everybody can see them on GitHub."""
    async with hub.http.get(f"{hub.api}/users/{login}") as answer:
        number = (await answer.json())["id"]
    return OURSELVES | {"name": login, "email": f"{number}+{login}@users.noreply.github.com"}


async def stays(flow: Flow, *who: str) -> bool:
    """Whether the update waits for a person, with the approvals of these."""
    update = await flow.update("1.2.4")
    return update.state is State.IN_REVIEW and {*who} == {yes.who for yes in update.approvals}


async def test_nobody_approves_their_own_code_under_an_address_of_nobody(flow: Flow) -> None:
    """tom pushes under an address that nobody has, and approves it: he pushed it. rosa's yes is another's."""
    update = await pushed_by_tom(flow, NOBODY)
    await approved(flow, update, "tom")
    assert await flow.replied(update, "nor that of who pushed to the branch")
    assert await stays(flow)

    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", *MERGING)


async def test_nobody_approves_their_own_code_under_somebody_elses_name(flow: Flow) -> None:
    """tom pushes under rosa's real address and approves it: he pushed it, whatever it says. A third person may."""
    update = await pushed_by_tom(flow, await known_as(flow.rosa, "rosa"))
    await approved(flow, update, "tom")
    await approved(flow, update, "rosa")
    assert await stays(flow)

    token = flow.box.add_user("ida")
    flow.box.repo(REPO).collaborators["ida"] = "write"
    flow.others["ida"] = Hub(api=flow.box.url, repo=REPO, login="ida", token=token, http=flow.rosa.http)
    await flow.say(update, "/surefoot approve", who="ida")
    await flow.reach("1.2.4", *MERGING)


async def test_a_lost_webhook_hides_nobody_who_pushed(flow: Flow) -> None:
    """Neither the push nor the pull request was heard of: GitHub's own record still says that it was tom."""
    for event in ("push", "pull_request"):
        flow.box.world.faults.hook("lose", event, count=2)
    update = await pushed_by_tom(flow, await known_as(flow.rosa, "eve"))
    await approved(flow, update, "tom")

    assert await stays(flow)


async def test_where_nobody_knows_who_pushed_it_takes_one_more(flow: Flow) -> None:
    """GitHub does not give its record: of one who says yes nobody knows whether they pushed it; of two one did not."""
    flow.box.world.faults.request("answer", path="/activity$", status=404, count=1000)
    update = await pushed_by_tom(flow, NOBODY)
    await approved(flow, update, "tom")
    assert await noted(flow, "one approval more than usual is needed")
    assert await flow.replied(update, "one approval more than usual is needed")
    assert await stays(flow, "tom")

    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", *MERGING)


async def test_a_pull_request_with_another_base_is_not_merged_there(flow: Flow) -> None:
    """What was asked about main is not answered for release; set back, it goes on from the trial."""
    await flow.configure(ASKING)
    await flow.rosa._ask("POST", "/git/refs", {"ref": "refs/heads/release", "sha": await flow.rosa.head("main")})
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    await flow.rosa._ask("PATCH", f"/pulls/{update.pull.number}", {"base": "release"})
    await flow.until(lambda: noted(flow, "goes into release now"))
    comment = await flow.say(update, "/surefoot approve")
    await flow.until(lambda: flow.reactions(comment))
    await flow.quiet()

    assert (["confused"], []) == (flow.reactions(comment), dispatches(flow.box))
    assert "1.2.3" in await flow.rosa.text("requirements.txt", "release")

    await flow.rosa._ask("PATCH", f"/pulls/{update.pull.number}", {"base": "main"})
    await flow.reach("1.2.4", State.IN_REVIEW)
    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", State.DONE)


async def test_a_makers_words_are_read_and_never_obeyed(flow: Flow) -> None:
    """The reason of a yanked release mentions nobody, shows no picture and closes no issue."""
    flow.index.yank(PROJECT, "1.2.3", "x\n\n@acme/everyone ![p](http://evil/t.png) Fixes #7")
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    body = (await flow.rosa._ask("GET", f"/pulls/{update.pull.number}"))["body"]

    assert "`x @acme/everyone ![p](http://evil/t.png) Fixes #7`" in body


async def test_a_newer_one_that_is_bad_takes_no_place(flow: Flow) -> None:
    """1.2.5 fails its trial: the good 1.2.4 is still there to be approved."""
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    await flow.reach("1.2.4", State.IN_REVIEW)
    flow.lab.grades["1.2.5"] = Grade.FAILED
    flow.publish("1.2.5")
    await flow.look()
    await flow.reach("1.2.5", State.REJECTED)
    await flow.quiet()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    assert (await flow.rosa.pull(update.pull.number)).open

    await flow.say(update, "/surefoot approve")
    await flow.reach("1.2.4", State.DONE)


async def test_a_repository_that_only_squashes_gets_its_updates(flow: Flow) -> None:
    """Whatever way the owner allows is taken."""
    flow.box.repo(REPO).methods = {"squash"}
    flow.publish("1.2.4")
    await flow.look()
    await flow.reach("1.2.4", State.DONE)

    assert "1.2.4" in await flow.rosa.text("requirements.txt", "main")
