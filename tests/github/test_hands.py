"""Whose hands were on a branch: by the record of pushes, never by what stands in a commit; a gap is never a nobody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.model import InstallationId, Sha
from bot.github import hands
from bot.github.apps import Us
from tests.builders import a_pull, a_sha
from tests.github.hub import APP_ID, Hub, hub_and_forge, said
from tests.github.town import REPO, Town

US = Us(app_id=APP_ID, slug="surefoot")
BRANCH = a_pull().branch
NOWHERE = "0" * 40


async def forged(shop: Town, who: str, named: str, parent: Sha) -> Sha:
    """A person pushes a commit that bears another one's real address."""
    gh, number = shop.people[who], (await shop.people[who].getitem(f"/users/{named}"))["id"]
    file = {"path": "evil.py", "mode": "100644", "type": "blob", "content": f"{parent}\n"}
    tree = await gh.post(f"/repos/{REPO}/git/trees", data={"base_tree": parent, "tree": [file]})
    author = {"name": named, "email": f"{number}+{named}@users.noreply.github.com", "date": "2026-01-01T00:00:00Z"}
    body = {"message": "x", "tree": tree["sha"], "parents": [parent], "author": author, "committer": author}
    made = await gh.post(f"/repos/{REPO}/git/commits", data=body)
    await gh.patch(f"/repos/{REPO}/git/refs/heads/{BRANCH}", data={"sha": made["sha"], "force": True})
    return Sha(made["sha"])


async def opened(shop: Town) -> Sha:
    """Our branch with a commit of our own, and its pull request."""
    tree = await shop.gh.post(
        f"/repos/{REPO}/git/trees",
        data={"base_tree": shop.tip, "tree": [{"path": "a", "mode": "100644", "type": "blob", "content": "a"}]},
    )
    body = {"message": "ours", "tree": tree["sha"], "parents": [shop.tip]}
    made = (await shop.gh.post(f"/repos/{REPO}/git/commits", data=body))["sha"]
    await shop.gh.post(f"/repos/{REPO}/git/refs", data={"ref": f"refs/heads/{BRANCH}", "sha": made})
    body = {"head": BRANCH, "base": "main", "title": "Update", "body": ""}
    await shop.gh.post(f"/repos/{REPO}/pulls", data=body)
    return Sha(made)


async def test_who_pushed_is_counted_whatever_the_commit_says(shop):
    """ben pushes under cyd's real address: both are counted, and nobody is unknown."""
    made = await opened(shop)
    head = await forged(shop, "ben", "cyd", made)
    [number] = shop.repo.pulls
    pull = a_pull(number=number, head=head, ours=False, made=made)

    assert {"ben", "cyd"} == await hands.writers(shop.gh, REPO, pull, shop.us)


async def test_who_pushed_and_took_it_back_is_still_counted(shop):
    """ann pushes what ben had pushed and taken away again: neither of them is a second pair of eyes."""
    made = await opened(shop)
    head = await forged(shop, "ben", "cyd", made)
    for who, sha in (("ben", made), ("ann", head)):
        await shop.people[who].patch(f"/repos/{REPO}/git/refs/heads/{BRANCH}", data={"sha": sha, "force": True})
    [number] = shop.repo.pulls
    pull = a_pull(number=number, head=head, ours=False, made=made)

    assert {"ann", "ben", "cyd"} == await hands.writers(shop.gh, REPO, pull, shop.us)


async def test_a_branch_of_our_own_head_has_no_other_writer(shop):
    """Nobody is asked about it."""
    made = await opened(shop)
    before = len(shop.of_app())
    assert frozenset() == await hands.writers(shop.gh, REPO, a_pull(head=made, made=made), shop.us)
    assert before == len(shop.of_app())


def a_move(before: str, after: str, who: str | None = "tom", **more: Any) -> dict[str, Any]:
    """One line of the record, as GitHub shows it; who None: an account that is gone."""
    kind = "Bot" if who and who.endswith("[bot]") else "User"
    actor = {"login": who, "type": kind} if who else None
    return {"before": before, "after": after, "activity_type": "push", "actor": actor} | more


async def read(record: Any, *, made: Sha | None, head: Sha, status: int = 200, commits: int = 0) -> frozenset[Any]:
    """Who wrote, by this record, on a branch with so many commits that name nobody."""
    hub = Hub()
    hub.on("GET", f"/repos/{REPO}/activity", lambda asked: said(record, status))
    rows = [{"sha": a_sha(7), "author": {}, "committer": None}] * commits
    hub.on("GET", f"/repos/{REPO}/pulls/{a_pull().number}/commits", lambda asked: said(rows))
    async with hub_and_forge(hub) as (_, forge):
        gh = await forge.installation(InstallationId(7))
        return await hands.writers(gh, REPO, a_pull(head=head, ours=False, made=made), US)


MADE, ONE, TWO = a_sha(1), a_sha(2), a_sha(3)
OURS = a_move(NOWHERE, MADE, "surefoot[bot]", activity_type="branch_creation")


@pytest.mark.parametrize(
    ("record", "made", "wanted"),
    [
        ([a_move(MADE, ONE), OURS], MADE, {"tom"}),
        ([OURS], MADE, {None}),  # the push is not on record (yet)
        ([], MADE, {None}),
        ([a_move(TWO, ONE), OURS], MADE, {"tom", None}),  # somebody moved it from ours to TWO before that
        ([a_move(MADE, ONE, "ci[bot]"), OURS], MADE, {None}),
        ([a_move(MADE, ONE, None), OURS], MADE, {None}),
        ([a_move(MADE, ONE), a_move(TWO, MADE, "surefoot[bot]"), a_move(NOWHERE, TWO, "eve")], MADE, {"tom", "eve"}),
        ([a_move(ONE, TWO, "ann"), a_move(MADE, ONE), OURS], MADE, {"ann", "tom"}),
        ([a_move(NOWHERE, ONE, activity_type="branch_creation")], None, {"tom"}),
        ([a_move(MADE, ONE), OURS], None, {"tom"}),
        ([a_move(MADE, ONE)], None, {"tom", None}),
    ],
)  # fmt: skip
async def test_only_an_unbroken_record_tells_of_everybody(record, made, wanted):
    """From our own commit, or from the making of the branch, to the head, each move begins where the last one ended."""
    head = record[0]["after"] if record and record[0] is not OURS else ONE
    assert wanted == await read(record, made=made, head=Sha(head))


@pytest.mark.parametrize("status", [403, 404, 410, 422])
async def test_a_record_that_cannot_be_read_leaves_everybody_unknown(status):
    """An older GitHub has none; that is not nobody."""
    assert {None} == await read({"message": "no"}, made=MADE, head=ONE, status=status)


async def test_more_commits_than_github_lists_leave_somebody_unknown():
    """A cut list must not pass for the whole."""
    record = [a_move(MADE, ONE), OURS]
    assert {"tom"} == await read(record, made=MADE, head=ONE, commits=hands.MOST_COMMITS - 1)
    assert {"tom", None} == await read(record, made=MADE, head=ONE, commits=hands.MOST_COMMITS)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["ann", "tom", "ci[bot]"])), min_size=1, max_size=6),
    lost=st.sets(st.integers(0, 5)),
)
def test_whoever_pushed_what_is_there_is_known_or_somebody_is_unknown(moves, lost):
    """Whatever lines the record lost: the pusher of each move since ours is among them, or the answer has a gap."""
    record, there = [OURS], MADE
    for number, who in moves:
        if a_sha(number) != there:
            record.insert(0, a_move(there, a_sha(number), who))
            there = a_sha(number)
    kept = [move for place, move in enumerate(record) if place not in lost]
    read_moves = [hands.Move(**{**move, "actor": hands.Actor(**move["actor"])}) for move in kept]
    since = hands._since(read_moves, there, MADE)
    people = {None} if since is None else hands._people(since, US)
    # A head that was there before, was taken away and came back is as well known by its first coming.
    came = next((n for n, move in enumerate(record) if n not in lost and move["after"] == there), 0)
    ours = next(n for n, move in enumerate(record) if n >= came and move["after"] == MADE)
    needed = {None if move["actor"]["type"] == "Bot" else move["actor"]["login"] for move in record[came:ours]}

    assert there == MADE or None in people or needed <= people
