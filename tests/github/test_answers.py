"""GitHub's answers: as bare as it describes them they are taken, and where they have another form that is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp import web
from gidgethub import sansio
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Missing, Refused, SurefootError, Transient
from bot.core.model import InstallationId, RepoName
from bot.github import apps, checks, comments, commits, deployments, hands, hooks, pulls, shapes
from bot.github.answers import Answer, calm, error_of, graphql_error, onward, origin, words
from tests.builders import a_pull
from tests.github import barest
from tests.github.hub import hub_and_forge, said

REPO = RepoName("acme/shop")
SHA = "a" * 40
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
R = "/repos/{owner}/{repo}"

READS = {
    "us": (lambda gh: apps.us(gh), "/app"),
    "installations": (lambda gh: apps.installations(gh), "/app/installations"),
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
    "activity": (lambda gh: hands.moves(gh, REPO, "main"), f"{R}/activity"),
    "named": (lambda gh: hands.named(gh, REPO, a_pull()), f"{R}/pulls/{{pull_number}}/commits"),
    "deliveries": (lambda gh: hooks.deliveries(gh, since=LONG_AGO), "/app/hook/deliveries"),
}


@pytest.mark.parametrize("name", sorted(READS))
async def test_the_barest_answer_that_github_describes_is_taken(name):
    """We need no field that GitHub does not promise, and take null wherever it may send it."""
    call, template = READS[name]
    async with hub_and_forge() as (hub, forge):
        gh = forge.app() if template.startswith("/app") else await forge.installation(InstallationId(7))

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
                assert got in ((), None, {}) or not template.startswith("/app")


async def test_a_list_of_many_pages_is_read_to_its_end_and_no_further():
    """Every page is asked for, a hundred at a time; beyond the bound nothing partial is given out."""
    async with hub_and_forge() as (hub, forge):

        def page(asked):
            number = int(asked.query.get("page", "1"))
            link = f'<{hub.url}/installation/repositories?per_page=100&page={number + 1}>; rel="next"'
            names = [{"id": 100 * number + index, "full_name": f"acme/r{number}-{index}"} for index in range(100)]
            return said({"repositories": names}, **({"link": link} if number < 5 else {}))

        hub.on("GET", "/installation/repositories", page)
        gh = await forge.installation(InstallationId(7))
        got = await apps.repositories(gh)
        assert (500, 100, 599) == (len(got), got["acme/r1-0"], got["acme/r5-99"])
        assert ["100"] * 5 == [asked.query["per_page"] for asked in hub.to("/installation/repositories")]

        with pytest.raises(Refused, match="more than 450"):
            await shapes.every(gh, "/installation/repositories", dict, key="repositories", most=450)


async def test_an_archived_repository_is_left_alone():
    """It cannot be written to."""
    async with hub_and_forge() as (hub, forge):
        names = [{"id": 1, "full_name": "acme/old", "archived": True}, {"id": 2, "full_name": "acme/shop"}]
        hub.on("GET", "/installation/repositories", lambda asked: said({"repositories": names}))
        assert {"acme/shop": 2} == await apps.repositories(await forge.installation(InstallationId(7)))


async def test_a_suspended_installation_is_known_as_such():
    """Nothing is asked in its name."""
    async with hub_and_forge() as (hub, forge):
        hub.on(
            "GET",
            "/app/installations",
            lambda asked: said([{"id": 1}, {"id": 2, "suspended_at": "2026-01-01T00:00:00Z"}]),
        )
        assert [(1, True), (2, False)] == [(one.id, one.active) for one in await apps.installations(forge.app())]


@given(st.integers(100, 599), st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.binary(max_size=80))
def test_every_answer_means_something(status, headers, body):
    """Whatever comes, it is fine or one of the three kinds of error, in bounded words."""
    answer = Answer(status=status, headers={"content-type": "application/json"} | headers, body=body)
    error = error_of(answer, "GET /x")
    assert error is None or isinstance(error, SurefootError)
    assert len(str(error)) < 1000 and len(words(answer)) <= 600


TYPES = st.sampled_from(
    [
        "",
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/json; charset=bogus",
        "application/json; charset*=utf-8'en'x",
        "application/json; charset=utf-16",
        "text/html; charset=bogus",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ]
)
BODIES = st.sampled_from(
    [b"", b"{}", b'{"a": "\xff"}', b"\xff\xfe", b"[", b"payload=1", b"NaN", b"9" * 5000, b"[1e999]"]
)
LINKS = st.sampled_from(
    ["", '<https://x/y?page=2>; rel="next"', '<http://[x>; rel="next"', '<http://x/{y>; rel="next"']
)


@given(
    st.integers(200, 299),
    TYPES | st.text(st.characters(codec="latin-1"), max_size=20) | st.just("application/json; charset=\udcff"),
    BODIES | st.binary(max_size=40),
    LINKS | st.text(max_size=20),
    st.text(max_size=12) | st.just("-" * 3) | st.just("9" * 30),
)
def test_what_is_called_fine_can_be_read(status, kind, body, link, figure):
    """What no error is made of gidgethub reads to its end, next page included: nothing of its own can come out."""
    figures = {f"x-ratelimit-{name}": figure for name in ("limit", "remaining", "reset")}
    headers = calm({"content-type": kind, "link": link} | figures)
    if error_of(Answer(status=status, headers=headers, body=body), "GET /x") is None:
        _, _, following = sansio.decipher_response(status, headers, body)
        sansio.format_url(following or "", None, base_url="https://api.github.com")
        origin(following or "")


@pytest.mark.parametrize("status", [203, 205, 206, 299])
async def test_a_success_that_github_does_not_speak_of_is_tried_again(status):
    """A part of an answer, or a proxy's version of one, is not taken for the answer, and is no crash."""
    async with hub_and_forge() as (hub, forge):
        body = b"" if status == 205 else b'{"a": 1}'
        hub.on("GET", "/x", lambda asked: web.Response(status=status, body=body, content_type="application/json"))
        with pytest.raises(Transient, match=f"GET /x: {status}"):
            await (await forge.installation(InstallationId(7))).getitem("/x")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=bogus"},
        {"Content-Type": "text/html; charset=bogus"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Link": '<http://[x>; rel="next"'},
    ],
)
async def test_an_answer_in_no_known_writing_is_tried_again(headers):
    """A charset that nobody knows, a form, or a next page without an address is a fault of the moment."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/x", lambda asked: web.Response(body=b'{"a": 1}', headers=headers))
        with pytest.raises(Transient, match="GET /x: 200"):
            await (await forge.installation(InstallationId(7))).getitem("/x")


async def test_figures_that_are_none_hinder_nobody():
    """A proxy's odd words about the rate limit are left aside, and the answer is read."""
    odd = {"x_ratelimit_limit": "none", "x_ratelimit_remaining": "-", "x_ratelimit_reset": "9" * 30}
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/x", lambda asked: said({"a": 1}, **odd))

        assert {"a": 1} == await (await forge.installation(InstallationId(7))).getitem("/x")


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
        ("http://[x", False),
    ):
        answer = Answer(status=301, headers={"location": place}, body=b"")
        assert followed == (onward(answer, "GET", url) is not None)
        assert onward(answer, "POST", url) is None
    assert onward(Answer(status=301, headers={}, body=b""), "GET", url) is None


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {},
        {"errors": None},
        {"errors": "x"},
        {"errors": [1, None]},
        {"errors": [{}]},
        {"errors": [{"extensions": "x"}]},
    ],
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


def test_a_place_that_is_named_shows_no_key() -> None:
    """Where an artifact lies is an address that opens it for whoever has it: what people read is without that part."""
    place = "https://store.example/a/1.zip?sig=c2VjcmV0"
    error = error_of(Answer(status=302, headers={"location": place}, body=b""), "GET /x")

    assert "https://store.example/a/1.zip" in str(error) and "sig" not in str(error)
