"""Pull requests: found before they are opened, and merged only as meant."""

from __future__ import annotations

import pytest

from bot.core.errors import Missing, Refused, Transient
from bot.core.model import InstallationId, Login, PullNumber, Sha
from bot.github import commits, pulls
from tests.github.hub import hub_and_forge, said
from tests.github.town import REPO, Town, town

BRANCH = "surefoot/a-2"


async def opened(shop: Town) -> pulls.PullInfo:
    await shop.push({"requirements.txt": "a==2\n"}, branch=BRANCH)
    return await pulls.open(shop.gh, REPO, branch=BRANCH, base="main", title="Update a", body="why")


async def test_a_pull_request_is_opened_once(shop):
    """A step that was killed after opening finds the very same one, by opening again or by looking."""
    first = await opened(shop)
    again = await pulls.open(shop.gh, REPO, branch=BRANCH, base="main", title="other", body="")

    assert first.number == again.number == (await pulls.find(shop.gh, REPO, BRANCH)).number
    assert ("Update a", "why", "open", False) == (again.title, again.body, again.state, again.merged)
    assert (BRANCH, "main", REPO, shop.tip) == (again.head_ref, again.base_ref, again.head_repo, again.base_sha)
    assert Login("surefoot[bot]") == again.author
    assert "/pull/" in again.html_url


async def test_a_real_no_to_opening_stays_one(shop):
    """A branch without a change, or one that is not there, is told with GitHub's reason."""
    await commits.create_branch(shop.gh, REPO, "same", shop.tip)
    for branch in ("same", "nowhere"):
        with pytest.raises(Refused, match="422"):
            await pulls.open(shop.gh, REPO, branch=branch, base="main", title="t", body="")


async def test_the_open_one_is_found_first_and_then_the_newest(shop):
    """A branch that had several pull requests answers with the one that matters."""
    first = await opened(shop)
    await pulls.close(shop.gh, REPO, first.number)
    assert "closed" == (await pulls.find(shop.gh, REPO, BRANCH)).state
    assert await pulls.find(shop.gh, REPO, BRANCH, state="open") is None

    second = await pulls.open(shop.gh, REPO, branch=BRANCH, base="main", title="t", body="")
    assert second.number == (await pulls.find(shop.gh, REPO, BRANCH)).number
    await pulls.close(shop.gh, REPO, second.number)
    assert second.number == (await pulls.find(shop.gh, REPO, BRANCH)).number
    assert await pulls.find(shop.gh, REPO, "surefoot/none") is None


def a_pull(number: int, ref: str, repo: str | None, **change):
    end = {"ref": ref, "sha": "a" * 40, "repo": {"full_name": repo} if repo else None}
    base = {"ref": "main", "sha": "b" * 40, "repo": {"full_name": REPO}}
    return {"number": number, "title": "t", "state": "open", "head": end, "base": base, "html_url": "u"} | change


async def test_a_forks_branch_of_the_same_name_is_not_ours():
    """Nor is any other pull request that GitHub lists when it does not understand the filter."""
    listed = [
        a_pull(9, BRANCH, "mallory/shop"),
        a_pull(8, BRANCH, None),
        a_pull(7, "else", REPO),
        a_pull(3, BRANCH, "Acme/Shop", state="closed", merged_at="2026-03-04T12:00:00Z", user=None),
    ]
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/pulls", lambda asked: said(listed))
        found = await pulls.find(await forge.installation(InstallationId(7)), REPO, BRANCH)

        assert (3, True, "ghost") == (found.number, found.merged, found.author)
        assert f"acme:{BRANCH}" == hub.to("/repos/acme/shop/pulls")[0].query["head"]


async def test_title_and_body_change_and_the_rest_stays(shop):
    """What is not given is not touched."""
    pull = await opened(shop)
    assert ("new", "why") == ((info := await pulls.edit(shop.gh, REPO, pull.number, title="new")).title, info.body)
    assert ("new", "b") == ((info := await pulls.edit(shop.gh, REPO, pull.number, body="b")).title, info.body)


async def test_exactly_the_head_that_was_meant_is_merged(shop):
    """The merge has our title, the base as its first parent, and asking again says the same."""
    pull = await opened(shop)
    before = shop.tip
    wish = pulls.Wish(head=pull.head, title="Update a (#1)", message="because")
    merged = await pulls.merge(shop.gh, REPO, pull.number, wish)

    assert pulls.Merged(sha=shop.tip) == merged == await pulls.merge(shop.gh, REPO, pull.number, wish)
    commit = await commits.commit_info(shop.gh, REPO, merged.sha)
    assert ((before, pull.head), "Update a (#1)\n\nbecause") == (commit.parents, commit.message.strip())
    info = await pulls.get(shop.gh, REPO, pull.number)
    assert (True, merged.sha, "closed") == (info.merged, info.merge_commit_sha, info.state)


async def test_a_push_in_the_same_moment_stops_the_merge(shop):
    """Somebody pushed after the decision: nothing is merged and the new head is told, once merged by hand too."""
    pull = await opened(shop)
    there = await shop.push({"evil.py": "x\n"}, branch=BRANCH)
    wish = pulls.Wish(head=pull.head)
    assert pulls.HeadMoved(head=there) == await pulls.merge(shop.gh, REPO, pull.number, wish)
    assert not (await pulls.get(shop.gh, REPO, pull.number)).merged

    await shop.people["ben"].put(f"/repos/{REPO}/pulls/{pull.number}/merge", data={})
    assert pulls.HeadMoved(head=there) == await pulls.merge(shop.gh, REPO, pull.number, wish)


async def test_what_github_does_not_let_merge_yet_waits_with_its_reason(shop):
    """A conflict, a missing review or a missing check is no error: it may come right."""
    pull = await opened(shop)
    await shop.push({"requirements.txt": "a==3\n"})
    answer = await pulls.merge(shop.gh, REPO, pull.number, pulls.Wish(head=pull.head))

    assert isinstance(answer, pulls.NotYet) and "405" in answer.why and "mergeable" in answer.why.lower()
    await pulls.get(shop.gh, REPO, pull.number)  # GitHub only works it out once somebody asks
    await shop.box.settle()
    assert (await pulls.get(shop.gh, REPO, pull.number)).mergeable is False


async def test_no_right_to_merge_is_a_refusal(tmp_path):
    """Waiting does not mend a missing permission."""
    rights = {"contents": "read", "pull_requests": "write", "metadata": "read"}
    async with town(tmp_path, permissions=rights) as shop:
        pull = await opened(shop)
        with pytest.raises(Refused, match="403"):
            await pulls.merge(shop.gh, REPO, pull.number, pulls.Wish(head=pull.head))


async def test_a_merge_without_words_leaves_them_to_github(shop):
    """Squash, and no title of ours."""
    pull = await opened(shop)
    merged = await pulls.merge(shop.gh, REPO, pull.number, pulls.Wish(head=pull.head, method="squash"))
    assert isinstance(merged, pulls.Merged)
    assert 1 == len((await commits.commit_info(shop.gh, REPO, merged.sha)).parents)


async def test_reviews_say_who_and_of_which_commit(shop):
    """Each with its commit, its moment and whether a bot said it; a review that is not sent yet is not seen."""
    pull = await opened(shop)
    url = f"/repos/{REPO}/pulls/{pull.number}/reviews"
    await shop.people["ben"].post(url, data={"event": "APPROVE", "commit_id": pull.head})
    await shop.people["ann"].post(url, data={"event": "REQUEST_CHANGES", "body": "no"})
    await shop.people["cyd"].post(url, data={"body": "still writing"})
    await shop.gh.post(url, data={"event": "COMMENT", "body": "beep"})
    found = await pulls.reviews(shop.gh, REPO, pull.number)

    assert [
        ("ben", "approved", False),
        ("ann", "changes_requested", False),
        ("surefoot[bot]", "commented", True),
    ] == [(one.who, one.state, one.is_bot) for one in found]
    assert {pull.head} == {one.commit for one in found}
    assert found[0].at.tzinfo is not None


async def test_a_label_is_made_where_it_is_missing(shop):
    """The label is there once, beside those that people gave, however often it is asked for."""
    pull = await opened(shop)
    await shop.people["ann"].post(f"/repos/{REPO}/labels", data={"name": "theirs", "color": "ffffff"})
    await shop.people["ann"].post(f"/repos/{REPO}/issues/{pull.number}/labels", data={"labels": ["theirs"]})
    for _ in range(2):
        await pulls.label(shop.gh, REPO, pull.number, ["surefoot", "needs a look"])

    assert {"theirs", "surefoot", "needs a look"} == set((await pulls.get(shop.gh, REPO, pull.number)).labels)
    assert 2 == len(shop.asked("POST", "/labels")) - len(shop.asked("POST", f"/issues/{pull.number}/labels"))


async def test_a_label_that_another_made_in_between_is_fine():
    """422 to making a label means that it is there."""
    async with hub_and_forge() as (hub, forge):
        hub.on("POST", "/repos/acme/shop/labels", lambda asked: said({"message": "already_exists"}, 422))
        hub.on("POST", "/repos/acme/shop/issues/1/labels", lambda asked: said([]))
        gh = await forge.installation(InstallationId(7))
        await pulls.label(gh, REPO, PullNumber(1), ["x"])

        assert 1 == len(hub.to("/repos/acme/shop/issues/1/labels"))


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_label_that_cannot_be_put_stops_nothing(status):
    """Where the App may not label there is none; a GitHub that is away is another matter."""
    async with hub_and_forge() as (hub, forge):
        hub.on("POST", "/repos/acme/shop/labels", lambda asked: said({"message": "no"}, status))
        gh = await forge.installation(InstallationId(7))
        await pulls.label(gh, REPO, PullNumber(1), ["x"])
        assert [] == hub.to("/repos/acme/shop/issues/1/labels")

        hub.on("POST", "/repos/acme/shop/labels", lambda asked: said({"message": "away"}, 502))
        with pytest.raises(Transient):
            await pulls.label(gh, REPO, PullNumber(1), ["x"])


async def test_what_is_not_there_is_missing(shop):
    """A number that no pull request has."""
    with pytest.raises(Missing):
        await pulls.get(shop.gh, REPO, PullNumber(99))
    with pytest.raises(Missing):
        await pulls.merge(shop.gh, REPO, PullNumber(99), pulls.Wish(head=Sha("a" * 40)))
