"""The client: what GitHub means, in the core's errors; nothing known asked again, nothing sent in vain."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from bot.core.errors import Missing, Permanent, Refused, SurefootError, Transient
from bot.core.model import InstallationId
from bot.github import client as clients
from bot.github.answers import Said
from bot.github.client import Pace
from bot.tools import metrics
from tests.github.hub import APP_ID, START, hub_and_forge, said, speaking, tagged

WE = InstallationId(7)


async def test_every_request_says_who_we_are_and_which_api_we_mean():
    """Reads and writes alike carry a bearer token, the pinned API version, GitHub's media type and our name."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said({}))
        hub.on("POST", "/thing", lambda asked: said({}, 201))
        gh = await forge.installation(WE)
        await gh.getitem("/thing")
        await gh.post("/thing", data={"a": 1})

        for asked in hub.to("/thing"):
            assert "Bearer ghs_" in asked.headers["authorization"]
            assert asked.headers["x-github-api-version"] == "2022-11-28"
            assert asked.headers["accept"] == "application/vnd.github+json"
            assert asked.headers["user-agent"] == "surefoot"
        assert str(APP_ID) == gh.app_id


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, Missing), (410, Missing), (403, Refused), (409, Refused), (422, Refused), (405, Refused), (451, Refused)],
)
async def test_a_no_is_told_in_githubs_own_words(status, kind):
    """A person reads what GitHub said, with each field that it found wrong, and which request it was about."""
    wrong = {"resource": "PullRequest", "field": "head", "code": "invalid"}
    answer = {"message": "Validation Failed", "errors": [wrong, {"message": "No commits between main and x"}, "third"]}
    async with hub_and_forge() as (hub, forge):
        hub.on("POST", "/repos/a/b/pulls", lambda asked: said(answer, status))
        gh = await forge.installation(WE)
        with pytest.raises(kind) as caught:
            await gh.post("/repos/a/b/pulls?page=2", data={})

    text = str(caught.value)
    assert f"POST /repos/a/b/pulls: {status} Validation Failed" in text
    assert "PullRequest.head: invalid" in text and "No commits between main and x" in text and "third" in text
    if not isinstance(caught.value, Missing):
        assert isinstance(caught.value, Said) and status == caught.value.status


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_fault_of_github_is_tried_again_later(status):
    """A 5xx is nobody's end: the loop comes back, and waits as long as GitHub asks."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said({"message": "oh"}, status, retry_after="17"))
        with pytest.raises(Transient) as caught:
            await (await forge.installation(WE)).getitem("/thing")

        assert timedelta(seconds=17) == caught.value.after
        assert len(hub.to("/thing")) == 1  # the client itself never tries twice


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(text="{not json", content_type="application/json"),
        lambda: web.Response(text="[" * 100_000, content_type="application/json"),
        lambda: web.Response(body=b'{"a": "\xff"}', content_type="application/json"),
    ],
)
async def test_a_garbled_answer_is_no_answer(answer):
    """JSON that cannot be read is a fault of the moment and not a crash."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/thing", lambda asked: answer())
        with pytest.raises(Transient, match="not the JSON"):
            await (await forge.installation(WE)).getitem("/thing")


async def test_a_network_that_breaks_or_stalls_is_tried_again_later():
    """A refused connection, one that breaks off, and one that never answers are all Transient, within our own time."""

    async def stall(asked):
        await asyncio.sleep(60)

    async with hub_and_forge(seconds=0.3) as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("GET", "/stalls", stall)
        with pytest.raises(Transient, match="TimeoutError"):
            await gh.getitem("/stalls")
        await hub.stop()
        for breath in (gh.getitem("/thing"), gh.post("/thing", data={})):
            with pytest.raises(Transient, match="/thing"):  # nobody listens there any more
                await breath
    with pytest.raises(Transient, match="this process is ending"):
        await gh.getitem("/thing")


async def test_a_bad_credential_is_replaced_once():
    """A token that was revoked before its hour costs one new token and is not noticed; a second 401 is believed."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said({"ok": True}))
        gh = await forge.installation(WE)
        hub.tokens.clear()

        assert await gh.getitem("/thing") == {"ok": True}
        assert len(hub.minted) == 2 and len(hub.to("/thing")) == 2

        hub.on("GET", "/thing", lambda asked: said({"message": "Bad credentials"}, 401))
        with pytest.raises(Transient, match="APP_ID, PRIVATE_KEY"):
            await gh.getitem("/thing")
        assert len(hub.minted) == 3 and len(hub.to("/thing")) == 4


async def test_what_is_known_is_not_paid_for_again():
    """The second look sends the tag of the first, and a 304 gives the same data with new limits and the next page."""
    link = '<{url}/next?page=2>; rel="next"'
    async with hub_and_forge() as (hub, forge):

        def reply(asked):
            left = str(100 - len(hub.to("/thing")))
            return tagged(
                asked,
                [{"deep": [1, 2]}],
                link=link.format(url=hub.url),
                x_ratelimit_remaining=left,
                x_ratelimit_limit="5000",
                x_ratelimit_reset=str(int(START) + 1000),
            )

        hub.on("GET", "/thing", reply)
        hub.on("GET", "/next", lambda asked: said([{"deep": "last"}]))
        gh = await forge.installation(WE)
        first = await gh.getitem("/thing")
        first[0]["deep"].append("poison")

        assert await gh.getitem("/thing") == [{"deep": [1, 2]}]
        assert "if-none-match" in hub.to("/thing")[1].headers
        assert gh.rate_limit.remaining == 98  # gidgethub alone would have counted on from the first answer
        assert [one["deep"] async for one in gh.getiter("/thing", iterable_key=None)] == [[1, 2], "last"]


async def test_one_token_never_gets_what_another_may_see():
    """Two installations ask the same address: the answer to one is no answer to the other."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/thing", lambda asked: tagged(asked, {"for": asked.headers["authorization"]}))
        one, other = await forge.installation(WE), await forge.installation(InstallationId(8))

        assert await one.getitem("/thing") != await other.getitem("/thing")
        assert all("if-none-match" not in asked.headers for asked in hub.to("/thing"))
        assert one is await forge.installation(WE)


async def test_the_memory_of_answers_is_bounded():
    """However much is read, no more than the set number of bytes is kept, and one huge answer displaces nothing."""
    async with hub_and_forge(cache_bytes=64 * 1024) as (hub, forge):
        for number in range(40):
            hub.on("GET", f"/t{number}", lambda asked: tagged(asked, "x" * 3000))
        hub.on("GET", "/huge", lambda asked: tagged(asked, "x" * 60_000))
        gh = await forge.installation(WE)
        for number in range(40):
            await gh.getitem(f"/t{number}")
        await gh.getitem("/huge")
        await gh.getitem("/huge")
        await gh.getitem("/t39")

        assert len(forge.line.etags) <= 16
        assert "if-none-match" not in hub.to("/huge")[1].headers
        assert "if-none-match" in hub.to("/t39")[1].headers


async def test_a_renamed_repository_is_followed_and_nobody_else():
    """A redirect on the same host is followed, a write only where its method is kept; no token goes elsewhere."""
    async with hub_and_forge() as (hub, forge), hub_and_forge() as (stranger, _):
        hub.on("GET", "/old", lambda asked: said({}, 301, location="/new"))
        hub.on("POST", "/old", lambda asked: said({"message": "Moved Permanently"}, 301, location="/new"))
        hub.on("PATCH", "/old", lambda asked: said({}, 307, location=f"{hub.url}/new"))
        hub.on("GET", "/new", lambda asked: said({"name": "new"}))
        hub.on("PATCH", "/new", lambda asked: said(asked.body))
        hub.on("GET", "/lure", lambda asked: said({}, 302, location=f"{stranger.url}/trap"))
        hub.on("GET", "/round", lambda asked: said({}, 302, location="/round"))
        gh = await forge.installation(WE)

        assert await gh.getitem("/old") == {"name": "new"}
        assert await gh.patch("/old", data={"a": 1}) == {"a": 1}
        for broken in (gh.post("/old", data={}), gh.getitem("/lure"), gh.getitem(f"{stranger.url}/trap")):
            with pytest.raises(Refused):
                await broken
        with pytest.raises(Transient, match="without end"):
            await gh.getitem("/round")
        assert stranger.asked == []


async def test_a_next_page_on_another_host_is_not_asked_for():
    """A link in an answer cannot lure the token away."""
    async with hub_and_forge() as (hub, forge), hub_and_forge() as (stranger, _):
        hub.on("GET", "/list", lambda asked: said([1], link=f'<{stranger.url}/list?page=2>; rel="next"'))
        gh = await forge.installation(WE)
        with pytest.raises(Refused, match="not on the GitHub"):
            [one async for one in gh.getiter("/list", iterable_key=None)]
        assert stranger.asked == []


async def test_a_branch_with_odd_signs_keeps_its_name():
    """What was quoted once is not quoted, or unquoted, again on its way."""
    async with hub_and_forge() as (hub, forge):
        raw: list[str] = []

        async def handle(request):
            raw.append(request.raw_path)
            return said({})

        hub.handle = handle  # not routed: the raw path is what matters
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = "http://{}:{}".format(*runner.addresses[0][:2])
        gh = speaking(clients.line(forge.line.session, url))
        await gh.getitem("/repos/a/b/branches/feat%2F%23x%25%20%7By%7D")
        await runner.cleanup()

        assert raw == ["/repos/a/b/branches/feat%2F%23x%25%20%7By%7D"]


async def test_a_flood_is_not_read_to_its_end(monkeypatch):
    """An answer larger than any of GitHub's is given up, and says so."""
    monkeypatch.setattr(clients, "MOST_BYTES", 1024)
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said("x" * 4096))
        with pytest.raises(Refused, match="is not read"):
            await (await forge.installation(WE)).getitem("/thing")


async def test_only_so_many_speak_at_once():
    """However many wait, no more than the set number of requests of one installation are under way."""

    async def slow(asked):
        await asyncio.sleep(0.01)
        return said({})

    async with hub_and_forge(at_once=3) as (hub, forge):
        hub.on("GET", "/thing", slow)
        gh = await forge.installation(WE)
        await asyncio.gather(*(gh.getitem("/thing") for _ in range(20)))

        assert hub.most_together == 3


async def test_everybody_together_is_bounded_too():
    """Many installations do not add up to more than GitHub takes at once, and their tokens still come."""

    async def slow(asked):
        await asyncio.sleep(0.01)
        return said({})

    async with hub_and_forge(in_all=4, at_once=3) as (hub, forge):
        hub.on("GET", "/thing", slow)

        async def call(number):
            return await (await forge.installation(InstallationId(number))).getitem("/thing")

        await asyncio.gather(*(call(number % 10) for number in range(40)))
        assert 4 == hub.most_together


async def test_the_figures_tell_how_it_went():
    """Whoever runs the bot sees how many requests were fine, refused, limited, at fault, and never got there."""

    async def stall(asked):
        await asyncio.sleep(60)

    def count(outcome):
        return metrics.GITHUB.labels(outcome)._value.get()

    before = {outcome: count(outcome) for outcome in ("ok", "refused", "limited", "fault", "unreached")}
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("GET", "/ok", lambda asked: said({}))
        hub.on("GET", "/fault", lambda asked: said({}, 500))
        hub.on("GET", "/limited", lambda asked: said({}, 429, retry_after="1"))
        await gh.getitem("/ok")
        for path in ("/refused", "/fault", "/limited", "/not-sent"):
            with pytest.raises(SurefootError):
                await gh.getitem(path)
    async with hub_and_forge(seconds=0.1) as (hub, forge):
        hub.on("GET", "/ok", stall)
        with pytest.raises(Transient):
            await speaking(forge.line).getitem("/ok")
    grown = {outcome: count(outcome) - was for outcome, was in before.items()}
    assert {"ok": 2, "refused": 1, "limited": 1, "fault": 1, "unreached": 1} == grown  # a token was asked for, too


async def test_graphql_is_spoken_with_the_same_manners():
    """GraphQL goes to our own GitHub with our token, and its errors mean what they say."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("POST", "/graphql", lambda asked: said({"data": {"echo": asked.body["variables"]}}))
        assert await gh.graphql("query($id: ID!) {}", id="X") == {"echo": {"id": "X"}}
        assert hub.to("/graphql")[0].headers["authorization"].startswith("Bearer ghs_")

        for kind, expected in (
            ("NOT_FOUND", Missing),
            ("FORBIDDEN", Refused),
            ("SERVICE_UNAVAILABLE", Transient),
        ):
            answer = {"data": None, "errors": [{"type": kind, "message": "said so"}]}
            hub.on("POST", "/graphql", lambda asked, answer=answer: said(answer))
            with pytest.raises(expected, match="said so"):
                await gh.graphql("query {}")
        hub.on("POST", "/graphql", lambda asked: said({"strange": 1}))
        with pytest.raises(Transient):
            await gh.graphql("query {}")
        hub.on("POST", "/graphql", lambda asked: web.Response(text="<html>", content_type="text/html"))
        with pytest.raises(Transient):
            await gh.graphql("query {}")
        hub.on("POST", "/graphql", lambda asked: said({"message": "bad"}, 502))
        with pytest.raises(Transient):
            await gh.graphql("query {}")


@pytest.mark.parametrize(
    ("api", "graphql", "web_url"),
    [
        ("https://api.github.com", "https://api.github.com/graphql", "https://github.com"),
        ("https://git.example/api/v3/", "https://git.example/api/graphql", "https://git.example"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql", "https://acme.ghe.com"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80/graphql", "http://127.0.0.1:80"),
    ],
)
async def test_the_other_addresses_follow_from_the_api(api, graphql, web_url):
    """One address is configured; those of GraphQL and git follow, on github.com and on servers alike."""
    async with hub_and_forge() as (_, forge):
        line = clients.line(forge.line.session, api)
    assert (graphql, web_url) == (line.graphql_url, line.web_url)


async def test_each_speaks_as_who_they_are():
    """A stranger without a login, a person with a token of their own; where nothing may be kept nothing is."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/user", lambda asked: tagged(asked, {"as": asked.headers.get("authorization")}))
        hub.tokens.add("gho_theirs")
        person = speaking(forge.line, "gho_theirs")

        assert await speaking(forge.line).getitem("/user") == {"as": None}
        assert await person.getitem("/user") == {"as": "Bearer gho_theirs"}
        await person.getitem("/user")
        assert "if-none-match" not in hub.to("/user")[-1].headers
        assert person.app_id is None


async def test_the_client_never_sleeps_to_retry():
    """Whoever makes gidgethub wait inside a call finds out at once."""
    async with hub_and_forge() as (_, forge):
        with pytest.raises(Permanent, match="the loop"):
            await forge.app().sleep(1)


def test_the_usual_pace_is_within_githubs_bounds():
    """In no minute do our writes, five points each, come to more than the 900 points that GitHub allows."""
    usual = Pace()
    assert 5 * (usual.burst + 60 / usual.seconds) <= 900
