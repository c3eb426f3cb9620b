"""GitHub's answers: as bare as it describes them they are taken, and where they have another form that is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Missing, Refused, SurefootError, Transient
from bot.core.model import InstallationId, RepoName
from bot.github import apps, checks, comments, commits, deployments, hooks, pulls, shapes
from bot.github.answers import Answer, error_of, graphql_error, onward, words
from tests.github import barest
from tests.github.hub import hub_and_forge, said

REPO = RepoName("acme/shop")
SHA = "a" * 40
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
R = "/repos/{owner}/{repo}"

READS = {
    "us": (lambda gh: apps.us(gh), "/app"),
    "installations": (lambda gh: apps.installations(gh), "/app/installations"),
    "installation_of": (lambda gh: apps.installation_of(gh, REPO), f"{R}/installation"),
    "repositories": (lambda gh: apps.repositories(gh), "/installation/repositories"),
    "default_branch": (lambda gh: commits.default_branch(gh, REPO), R),
    "branch": (lambda gh: commits.branch(gh, REPO, "main"), f"{R}/git/ref/{{ref}}"),
    "commit_info": (lambda gh: commits.commit_info(gh, REPO, SHA), f"{R}/git/commits/{{commit_sha}}"),
    "compare": (lambda gh: commits.compare(gh, REPO, "main", SHA), f"{R}/compare/{{basehead}}"),
    "read": (lambda gh: commits.read(gh, REPO, "a/b.txt", "main"), f"{R}/contents/{{path}}"),
    "pull": (lambda gh: pulls.get(gh, REPO, 1), f"{R}/pulls/{{pull_number}}"),
    "pulls": (lambda gh: pulls.find(gh, REPO, "text"), f"{R}/pulls"),
    "reviews": (lambda gh: pulls.reviews(gh, REPO, 1), f"{R}/pulls/{{pull_number}}/reviews"),
    "comments": (lambda gh: comments.listed(gh, REPO, 1), f"{R}/issues/{{issue_number}}/comments"),
    "permission": (
        lambda gh: comments.permission(gh, REPO, "ann"),
        f"{R}/collaborators/{{username}}/permission",
    ),
    "runs": (lambda gh: checks.runs(gh, REPO, SHA), f"{R}/commits/{{ref}}/check-runs"),
    "statuses": (lambda gh: checks.statuses(gh, REPO, SHA), f"{R}/commits/{{ref}}/status"),
    "deployment": (
        lambda gh: deployments.find(gh, REPO, environment="e", sha=SHA, key="k"),
        f"{R}/deployments",
    ),
    "deliveries": (lambda gh: hooks.deliveries(gh, since=LONG_AGO), "/app/hook/deliveries"),
}


@pytest.mark.parametrize("name", sorted(READS))
async def test_the_barest_answer_that_github_describes_is_taken(name):
    """We need no field that GitHub does not promise, and take null wherever it may send it."""
    call, template = READS[name]
    async with hub_and_forge() as (hub, forge):
        gh = (
            forge.app()
            if template.startswith("/app") or name == "installation_of"
            else await forge.installation(InstallationId(7))
        )

        async def reply(request):
            return said(barest.answer("get", template))

        hub._answer = reply
        await call(gh)
        assert 1 == len([one for one in hub.asked if "access_tokens" not in one.path])


@pytest.mark.parametrize("name", sorted(set(READS) - {"read"}))
async def test_an_answer_of_another_form_is_tried_again_and_named(name):
    """A proxy's page, an empty object or a list where none should be is no fact about the world."""
    call, template = READS[name]
    async with hub_and_forge() as (hub, forge):
        for odd in ({}, [{}], "a page", 7, None):

            async def reply(request, odd=odd):
                return said(odd)

            await forge.installation(InstallationId(7))
            hub._answer = reply
            gh = forge.app() if template.startswith("/app") else await forge.installation(InstallationId(7))
            try:
                got = await call(gh)
            except Transient as error:
                assert "form" in str(error) or "no list" in str(error)
            else:
                assert got in ((), None) or not template.startswith("/app")


async def test_a_list_of_many_pages_is_read_to_its_end_and_no_further():
    """Every page is asked for, a hundred at a time; beyond the bound nothing partial is given out."""
    async with hub_and_forge() as (hub, forge):

        def page(asked):
            number = int(asked.query.get("page", "1"))
            link = f'<{hub.url}/installation/repositories?per_page=100&page={number + 1}>; rel="next"'
            names = [{"full_name": f"acme/r{number}-{index}"} for index in range(100)]
            return said({"repositories": names}, **({"link": link} if number < 5 else {}))

        hub.on("GET", "/installation/repositories", page)
        gh = await forge.installation(InstallationId(7))
        got = await apps.repositories(gh)
        assert (500, "acme/r1-0", "acme/r5-99") == (len(got), got[0], got[-1])
        assert ["100"] * 5 == [asked.query["per_page"] for asked in hub.to("/installation/repositories")]

        with pytest.raises(Refused, match="more than 450"):
            await shapes.every(gh, "/installation/repositories", dict, key="repositories", most=450)


async def test_an_archived_repository_is_left_alone():
    """It cannot be written to."""
    async with hub_and_forge() as (hub, forge):
        names = [{"full_name": "acme/old", "archived": True}, {"full_name": "acme/shop", "archived": False}]
        hub.on("GET", "/installation/repositories", lambda asked: said({"repositories": names}))
        assert ("acme/shop",) == await apps.repositories(await forge.installation(InstallationId(7)))


async def test_where_the_app_is_not_installed_is_no_error():
    """A repository without the App has no installation; a suspended installation is known as such."""
    async with hub_and_forge() as (hub, forge):
        hub.on(
            "GET",
            "/app/installations",
            lambda asked: said([{"id": 1}, {"id": 2, "suspended_at": "2026-01-01T00:00:00Z"}]),
        )
        assert await apps.installation_of(forge.app(), REPO) is None
        assert [(1, True), (2, False)] == [(one.id, one.active) for one in await apps.installations(forge.app())]


@given(st.integers(100, 599), st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.binary(max_size=80))
def test_every_answer_means_something(status, headers, body):
    """Whatever comes, it is fine or one of the three kinds of error, in bounded words."""
    answer = Answer(status=status, headers={"content-type": "application/json"} | headers, body=body)
    error = error_of(answer, "GET /x")
    assert error is None or isinstance(error, SurefootError)
    assert len(str(error)) < 1000 and len(words(answer)) <= 600


def test_words_are_bounded_and_never_break():
    """A page of a proxy and a wall of errors are both short in the end."""
    assert "" == words(Answer(status=502, headers={}, body=b"<html>"))
    wall = b'{"message": "m", "errors": ["' + b"x" * 10_000 + b'"]}'
    assert 600 == len(words(Answer(status=422, headers={}, body=wall)))
    assert "m; all wrong" == words(Answer(status=422, headers={}, body=b'{"message": "m", "errors": "all wrong"}'))


def test_a_redirect_elsewhere_is_not_followed():
    """Not to another host, not to another port, not from https to http, and not without a place."""
    url = "https://api.github.com/a"
    for place, followed in (
        ("https://api.github.com/b", True),
        ("/b", True),
        ("https://evil.example/b", False),
        ("https://api.github.com:8443/b", False),
        ("http://api.github.com/b", False),
        ("//evil.example/b", False),
    ):
        answer = Answer(status=301, headers={"location": place}, body=b"")
        assert followed == (onward(answer, "GET", url) is not None)
        assert onward(answer, "POST", url) is None
    assert onward(Answer(status=301, headers={}, body=b""), "GET", url) is None


@pytest.mark.parametrize(
    "odd", [None, [], {}, {"errors": None}, {"errors": "x"}, {"errors": [1, None]}, {"errors": [{}]}]
)
def test_odd_graphql_errors_are_tried_again(odd):
    """What GraphQL says in no known form is a fault of the moment."""
    assert isinstance(graphql_error(odd, "POST /graphql"), Transient)


def test_paths_quote_what_they_are_given():
    """A slash in a branch, a question mark in a file and a login with brackets stay one name each."""
    assert "/repos/acme/shop/branches/a%2Fb%3Fc" == shapes.at(REPO, "branches", "a/b?c")
    assert "/repos/acme/shop/git/ref/heads/a/b%23c" == shapes.below(shapes.at(REPO, "git", "ref", "heads"), "a/b#c")
    assert "/repos/acme/shop/pulls?head=a%3Ab&state=all" == shapes.at(REPO, "pulls", head="a:b", state="all", x=None)


def test_who_is_gone_is_nobody_we_trust():
    """A deleted account is shown as ghost and does not count as a person."""
    assert ("ghost", True) == (shapes.login(None), shapes.is_bot(None))
    assert shapes.is_bot(shapes.Actor(login="x[bot]", type="Bot")) and not shapes.is_bot(shapes.Actor(login="ann"))
    assert issubclass(Missing, SurefootError)
