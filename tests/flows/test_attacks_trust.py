"""What somebody who may push could try, walked through the whole bot: nothing foreign is merged by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.core import names
from bot.core.model import Component, Grade, State, id_of
from bot.demo.hub import Hub
from tests.flows.flow import CONFIG, REPO, Flow, dispatches, flowing

PROJECT = "surefoot-demo-greeter"
BRANCH = f"surefoot/{PROJECT}-1.2.4"
ASKING = CONFIG.replace("{minimum_age: 0s}", "{minimum_age: 0s}\npolicy: {patch: review}")
OURSELVES = {"name": names.AUTHOR, "email": names.EMAIL, "date": "2026-01-01T00:00:00Z"}
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


async def test_nobody_approves_their_own_code_under_another_name(flow: Flow) -> None:
    """tom pushes under an address that nobody has, and approves it: that is no second pair of eyes."""
    await flow.configure(ASKING)
    flow.publish("1.2.4")
    await flow.look()
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    tom = flow.others["tom"]
    pushed = await evil(tom, update.pull.head, NOBODY)
    await tom._ask("PATCH", f"/git/refs/heads/{BRANCH}", {"sha": pushed})
    await flow.until(lambda: any(trial.head == pushed for trial in flow.lab.trials))
    update = await flow.reach("1.2.4", State.IN_REVIEW)
    await tom.approve(await tom.pull(update.pull.number))
    await flow.say(update, "/surefoot approve", who="tom")
    await flow.until(lambda: flow.replied(update, "nobody's approval counts"))
    await flow.quiet()

    update = await flow.update("1.2.4")
    assert (State.IN_REVIEW, ()) == (update.state, update.approvals)
    assert "does not know who wrote some of the commits" in update.note


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
