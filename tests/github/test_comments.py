"""What is said on a pull request, and who may be listened to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.errors import Missing, Refused, Transient
from bot.core.model import InstallationId
from bot.github import comments
from bot.github.apps import Us
from tests.github.hub import hub_and_forge, said
from tests.github.test_pulls import opened
from tests.github.town import REPO

MARK = "<!-- surefoot:1 -->"


async def test_our_comment_is_found_again_and_nobodys_copy_of_it(shop):
    """Somebody who copies our mark, before or after us, is not taken for us; ours is edited in place."""
    pull = await opened(shop)
    url = f"/repos/{REPO}/issues/{pull.number}/comments"
    await shop.people["cyd"].post(url, data={"body": f"{MARK} merged, honestly"})
    assert await comments.find(shop.gh, REPO, pull.number, MARK, shop.us) is None

    ours = await comments.create(shop.gh, REPO, pull.number, f"{MARK} one")
    await shop.people["cyd"].post(url, data={"body": f"{MARK} two"})
    found = await comments.find(shop.gh, REPO, pull.number, MARK, shop.us)
    assert ours.id == found.id and found.is_bot and "surefoot[bot]" == found.author
    edited = await comments.edit(shop.gh, REPO, found.id, f"{MARK} three")
    assert (ours.id, f"{MARK} three") == (edited.id, edited.body)
    assert ["cyd", "surefoot[bot]", "cyd"] == [one.author for one in await comments.listed(shop.gh, REPO, pull.number)]


@pytest.mark.parametrize(
    ("login", "kind", "app", "ours"),
    [
        ("surefoot[bot]", "Bot", None, True),
        ("Surefoot[bot]", "Bot", None, True),
        ("anybody", "Bot", 4242, True),
        ("surefoot[bot]", "User", None, False),
        ("surefoot", "User", None, False),
        ("other[bot]", "Bot", 1, False),
    ],
)
async def test_ours_is_known_by_app_or_by_account(login, kind, app, ours):
    """GitHub does not always tell the App; the bot's account is as good, a person of a like name is not."""
    one = {"id": 1, "created_at": "2026-03-04T12:00:00Z", "html_url": "u", "body": MARK}
    one |= {"user": {"login": login, "type": kind}, "performed_via_github_app": app and {"id": app}}
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/issues/1/comments", lambda asked: said([one]))
        gh = await forge.installation(InstallationId(7))
        assert ours == bool(await comments.find(gh, REPO, 1, MARK, Us(app_id=4242, slug="surefoot")))
        assert not await comments.find(gh, REPO, 1, "<!-- other -->", Us(app_id=4242, slug="surefoot"))


async def test_only_what_is_new_can_be_asked_for(shop):
    """Since a moment on, in UTC."""
    pull = await opened(shop)
    one = await comments.create(shop.gh, REPO, pull.number, "x")
    assert () == await comments.listed(shop.gh, REPO, pull.number, since=one.at + timedelta(hours=1))
    assert 1 == len(await comments.listed(shop.gh, REPO, pull.number, since=one.at - timedelta(hours=1)))


async def test_a_deleted_comment_is_missing(shop):
    """Whoever edits it is told, and can say it anew."""
    with pytest.raises(Missing):
        await comments.edit(shop.gh, REPO, 999_999, "x")


async def test_the_same_reaction_twice_is_one(shop):
    """A command that is heard again after a crash is not thumbed up twice."""
    pull = await opened(shop)
    one = await comments.create(shop.gh, REPO, pull.number, "x")
    for _ in range(2):
        await comments.react(shop.gh, REPO, one.id, "+1")
    assert 1 == len(await shop.gh.getitem(f"/repos/{REPO}/issues/comments/{one.id}/reactions"))


async def test_who_may_do_what_is_read_from_github(shop):
    """An owner, a writer, a reader, and nobody that GitHub knows."""
    got = [await comments.permission(shop.gh, REPO, login) for login in ("ann", "ben", "cyd", "nobody-at-all")]
    assert ["admin", "write", "read", None] == got


@pytest.mark.parametrize(
    ("answer", "status", "expected"),
    [
        ({"permission": "write", "role_name": "maintain"}, 200, "maintain"),
        ({"permission": "read", "role_name": "triage"}, 200, "triage"),
        ({"permission": "write", "role_name": "release-captain"}, 200, "write"),
        ({"permission": "none", "role_name": ""}, 200, "none"),
        ({"permission": "emperor"}, 200, None),
        ({"message": "Resource not accessible by integration"}, 403, None),
        ({"message": "Not Found"}, 404, None),
    ],
)
async def test_a_right_that_is_not_known_is_not_known(answer, status, expected):
    """A role of an organisation's own comes to what GitHub says it does; what we may not see is neither yes nor no."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/collaborators/x[bot]/permission", lambda asked: said(answer, status))
        gh = await forge.installation(InstallationId(7))
        assert expected == await comments.permission(gh, REPO, "x[bot]")


@pytest.mark.parametrize(("status", "kind"), [(500, Transient), (422, Refused)])
async def test_a_fault_is_not_taken_for_a_missing_right(status, kind):
    """Only what GitHub does not tell is unknown; a fault of the moment is asked about again."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/collaborators/ann/permission", lambda asked: said({}, status))
        with pytest.raises(kind):
            await comments.permission(await forge.installation(InstallationId(7)), REPO, "ann")
