"""Propose: one branch, one commit, one pull request, however often it runs; what is not ours is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core import names
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Kind, State
from bot.demo.box.git import Person
from bot.github import pulls
from bot.stages import propose
from tests.builders import HOUR, NOW, a_component, a_pin, a_release, an_artifact
from tests.github.town import REPO, Town
from tests.stages.world import KEEPER, MANIFESTS, drawn, found, moved, proposed, pull_of, text_at, waited

BRANCH = "surefoot/greeter-1.2.4"


async def run(shop: Town, update, now=NOW):
    return await propose.run(update, gh=shop.gh, us=shop.us, manifests=MANIFESTS, keeper=KEEPER, now=now)


async def test_a_process_that_died_after_opening_finds_its_own_again(shop):
    """Run twice: one pull request, one branch, the very same commit, and one label."""
    update = found(shop)
    first = moved(await run(shop, update), State.PROPOSED)
    again = moved(await run(shop, update), State.PROPOSED)

    assert (first.pull, 1) == (again.pull, len(shop.repo.pulls))
    assert {f"refs/heads/{BRANCH}", "refs/heads/main"} == {ref for ref in shop.repo.git.refs if "heads" in ref}
    assert "greeter==1.2.4\n" == await text_at(shop, "requirements.txt", first.pull.head)
    assert again.pull.ours and (names.LABEL,) == (await pull_of(shop, again)).labels
    assert 1 == len([one for one in shop.asked("POST", "/pulls") if one.status == 201])


async def test_a_process_that_died_after_the_branch_opens_the_pull_request_for_it(shop):
    """The commit is the same to the last bit, so the branch that is there is found to be ours."""
    first = await proposed(shop)
    shop.repo.pulls.clear()

    again = moved(await run(shop, found(shop), NOW + HOUR), State.PROPOSED)

    assert first.pull.head == again.pull.head == shop.repo.git.refs[f"refs/heads/{BRANCH}"]
    assert [] == [one for one in shop.asked("PATCH", "/git/refs") if one.status == 200]


async def test_somebody_elses_branch_of_our_name_is_not_touched(shop):
    """It is named, with what to do; its commits stay, and no pull request is opened."""
    theirs = await shop.push({"requirements.txt": "greeter==9\n"}, branch=BRANCH)

    with pytest.raises(Permanent, match=f"{BRANCH}.*not ours.*delete or rename"):
        await run(shop, found(shop))

    assert theirs == shop.repo.git.refs[f"refs/heads/{BRANCH}"]
    assert {} == shop.repo.pulls


async def test_somebody_elses_pull_request_on_our_branch_is_not_taken_for_ours(shop):
    """However like ours it looks: nothing in it is merged, the note says who is in the way, and it goes on without."""
    theirs = await forged(shop, shop.tip, {"evil.py": b"boom\n"})
    await shop.repo.git.set_ref(f"refs/heads/{BRANCH}", theirs)
    opened = await pulls.open(shop.people["ben"], REPO, branch=BRANCH, base="main", title="mine", body="")

    outcome = await run(shop, found(shop))

    assert waited(outcome, f"#{opened.number} from {BRANCH} was opened by ben").pull is None
    assert outcome.told and NOW + propose.LOOK_AGAIN == outcome.until

    await pulls.close(shop.gh, REPO, opened.number)
    ours = moved(await run(shop, found(shop)), State.PROPOSED).pull
    assert ours.ours and opened.number != ours.number
    assert "greeter==1.2.4\n" == await text_at(shop, "requirements.txt", ours.head)


async def forged(shop: Town, parent: str, files: dict[str, bytes], text: str | None = None) -> str:
    """A commit with everything that ours have: author, committer, time and message."""
    git, update = shop.repo.git, found(shop)
    blobs = [("100644", await git.write_blob(content), path) for path, content in files.items()]
    tree = await git.write_tree(parent, blobs)
    us = Person(name=names.AUTHOR, email=names.EMAIL, date=update.created)
    message = text or f"{names.title_of(update)}\n\n{names.trailer_of(update)}\n"
    return await git.write_commit(tree, [parent], message, author=us, committer=us)


@pytest.mark.parametrize("on_top", [True, False])
async def test_a_forged_commit_on_our_pull_request_is_not_ours(shop, on_top):
    """The row was lost after we opened it; meanwhile somebody put in a commit that bears our name and mark.

    Either it changes more than we would, or it is our very change on top of a commit that the base does not hold.
    """
    first = await proposed(shop)
    if on_top:
        evil = await forged(shop, first.pull.head, {"evil.py": b"boom\n"})
    else:
        below = await forged(shop, shop.tip, {"evil.py": b"boom\n"})
        evil = await forged(shop, below, {"requirements.txt": b"greeter==1.2.4\n"})
    await shop.repo.git.set_ref(f"refs/heads/{BRANCH}", evil)
    shop.repo.pulls[first.pull.number].head_sha = evil

    again = moved(await run(shop, found(shop)), State.PROPOSED)

    assert (evil, False, None) == (again.pull.head, again.pull.ours, again.pull.made)


async def test_our_pull_request_into_another_base_is_not_used(shop):
    """Somebody retargeted it before it was saved: it waits, says so, and the trial begins when it is set back."""
    first = await proposed(shop)
    await shop.repo.git.set_ref("refs/heads/release", shop.tip)
    url = f"/repos/{REPO}/pulls/{first.pull.number}"
    await shop.people["ann"].patch(url, data={"base": "release"})

    waited(await run(shop, found(shop)), "goes into release")

    await shop.people["ann"].patch(url, data={"base": "main"})
    assert first.pull == moved(await run(shop, found(shop)), State.PROPOSED).pull


async def test_a_step_that_grew_since_it_was_found_is_what_it_is_now(shop):
    """Found as a patch; main went back to an older line since: title, kind and pull request say the real step."""
    before = await proposed(shop)
    await shop.push({"requirements.txt": "greeter==0.9.1\n"})

    after = moved(await run(shop, replace(before, state=State.DETECTED)), State.PROPOSED)

    assert ("0.9.1", Kind.MAJOR) == (after.current, after.kind)
    assert "Update greeter from 0.9.1 to 1.2.4" == (await pull_of(shop, after)).title
    adopted = moved(await run(shop, found(shop)), State.PROPOSED)
    assert adopted.pull.ours and (adopted.pull.head, adopted.kind) == (after.pull.head, after.kind)


async def test_a_file_that_asks_for_two_versions_keeps_them_apart(shop):
    """Each has its own next step, and an update is for its own: nothing jumps over another one's major."""
    await shop.push({"requirements.txt": "greeter==1.2.3\ngreeter==0.9\n"})
    update = await proposed(shop)

    assert "greeter==1.2.4\ngreeter==0.9\n" == await text_at(shop, "requirements.txt", update.pull.branch)
    assert ("1.2.3", Kind.PATCH) == (update.current, update.kind)

    await shop.push({"requirements.txt": "greeter==1.2.4\ngreeter==0.9\n"})
    outcome = await run(shop, replace(update, state=State.DETECTED))
    assert "main pins no greeter older than 1.2.4 any more" == moved(outcome, State.SUPERSEDED).note


async def test_what_a_person_closed_is_not_opened_again(shop):
    """The version was turned down by hand; that holds also where our own memory of it was lost."""
    first = await proposed(shop)
    await pulls.close(shop.people["ann"], REPO, first.pull.number)

    outcome = await run(shop, found(shop))

    assert f"#{first.pull.number} for this version was closed before" == moved(outcome, State.CLOSED).note
    assert "closed" == (await pull_of(shop, first)).state


@pytest.mark.parametrize("now", ["greeter==1.2.4\n", "greeter==1.3\n", "greeter>=1\n", "other==1\n", None])
async def test_what_is_there_already_needs_no_pull_request(shop, now):
    """The base is at the target or beyond, or pins it no more: the update gives way and opens nothing."""
    await shop.push({"requirements.txt": now})

    outcome = await run(shop, found(shop))

    assert "main pins no greeter older than 1.2.4" in moved(outcome, State.SUPERSEDED).note
    assert {} == shop.repo.pulls


async def test_its_own_pull_request_goes_with_it(shop):
    """Somebody updated the base by hand while ours was being made anew: ours is closed."""
    update = await proposed(shop)
    await shop.push({"requirements.txt": "greeter==1.2.4\n"})

    outcome = await run(shop, replace(update, state=State.DETECTED))

    moved(outcome, State.SUPERSEDED)
    assert "closed" == (await pull_of(shop, update)).state
    # A process that died between the two comes to the same end.
    moved(await run(shop, replace(update, state=State.DETECTED)), State.SUPERSEDED)


async def test_a_moved_base_gets_the_branch_anew_in_the_same_pull_request(shop):
    """The branch is made again on top of the base as it is; number and talk stay, trial and approvals do not."""
    before = await proposed(shop)
    await shop.push({"requirements.txt": "# pinned\ngreeter==1.2.3  # as it was\n"})
    tip = shop.tip

    outcome = await run(shop, replace(before, state=State.DETECTED))
    after = moved(outcome, State.PROPOSED)

    assert before.pull.number == after.pull.number and before.pull.head != after.pull.head
    assert after.pull.head == (await pull_of(shop, after)).head
    assert "# pinned\ngreeter==1.2.4  # as it was\n" == await text_at(shop, "requirements.txt", after.pull.head)
    assert tip == (await shop.repo.git.commit(after.pull.head)).parents[0]
    assert (None, None, ()) == (after.simulation, after.decision, after.approvals)
    assert State.PROPOSED is drawn(replace(before, state=State.DETECTED), outcome).state


async def test_every_file_that_pins_it_is_rewritten_with_its_hashes(shop):
    """Two manifests and a hash list in one commit; what does not pin it stays to the last byte."""
    project = (
        '[project]\nname = "shop"\nversion = "1"\ndependencies = [\n  "greeter==1.2.3",  # pinned\n  "other==1",\n]\n'
    )
    hashed = f"greeter==1.2.3 \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\nother==1\n"
    await shop.push({"pyproject.toml": project, "requirements.txt": hashed, "docs.md": "greeter==1.2.3\n"})
    pins = [
        pin
        for manifest, path, text in (
            ("pyproject", "pyproject.toml", project),
            ("requirements", "requirements.txt", hashed),
        )
        for pin in MANIFESTS[manifest].read(path, text)
        if pin.component == a_component()
    ]

    update = moved(await run(shop, found(shop, pins=tuple(pins))), State.PROPOSED)

    head = update.pull.head
    assert project.replace("greeter==1.2.3", "greeter==1.2.4") == await text_at(shop, "pyproject.toml", head)
    assert f"greeter==1.2.4 \\\n    --hash=sha256:{'e' * 64}\nother==1\n" == await text_at(
        shop, "requirements.txt", head
    )
    assert "greeter==1.2.3\n" == await text_at(shop, "docs.md", head)


async def test_a_file_that_asks_for_hashes_gets_no_pin_without(shop):
    """An index without hashes would break every installation: it stops, names the line, and leaves no branch."""
    await shop.push({"requirements.txt": f"greeter==1.2.3 --hash=sha256:{'a' * 64}\n"})
    bare = a_release("1.2.4", artifacts=(an_artifact("1.2.4", sha256=None),))
    pin = a_pin(hashes=(f"sha256:{'a' * 64}",))

    with pytest.raises(ConfigProblem, match=r"requirements\.txt:1.*no sha256"):
        await run(shop, found(shop, release=bare, pins=(pin,)))

    assert ["refs/heads/main"] == list(shop.repo.git.refs)


async def test_a_repository_that_lost_its_default_branch_asks_a_person(shop):
    """There is nothing to propose to."""
    await shop.repo.git.set_ref("refs/heads/main", None)

    with pytest.raises(Permanent, match="default branch main has no commit"):
        await run(shop, found(shop))
