"""Rate limits: told apart from a real no, obeyed to the second, and never run into twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Refused, Transient
from bot.core.model import InstallationId
from bot.github.answers import Answer
from bot.github.limits import MOST_WAIT, Gate, Hit, Limit, Pace, Pacer, graphql_limit_of, limit_of
from tests.github.hub import START, Clock, hub_and_forge, said

WE = InstallationId(7)
RESET = str(int(START) + 600)


def an_answer(status: int, message: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": "application/json"}
    return Answer(status=status, headers=named, body=b'{"message": "%s"}' % message.encode())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (an_answer(403, retry_after="30"), Hit(limit=Limit.SECONDARY, seconds=30)),
        (an_answer(429, retry_after="0"), Hit(limit=Limit.SECONDARY, seconds=1)),
        (an_answer(429), Hit(limit=Limit.SECONDARY, seconds=None)),
        (an_answer(429, retry_after="soon"), Hit(limit=Limit.SECONDARY, seconds=None)),
        (
            an_answer(403, "You have exceeded a secondary rate limit"),
            Hit(limit=Limit.SECONDARY, seconds=None),
        ),
        (an_answer(403, "You have triggered an abuse detection mechanism"), Hit(limit=Limit.SECONDARY, seconds=None)),
        (
            an_answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=RESET),
            Hit(limit=Limit.PRIMARY, seconds=600),
        ),
        (
            an_answer(429, x_ratelimit_remaining="0", x_ratelimit_reset=RESET),
            Hit(limit=Limit.PRIMARY, seconds=600),
        ),
        (
            an_answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="99999999999"),
            Hit(limit=Limit.PRIMARY, seconds=MOST_WAIT),
        ),
        (an_answer(403, "Resource not accessible by integration"), None),
        (an_answer(403, x_ratelimit_remaining="12", x_ratelimit_reset=RESET), None),
        (an_answer(404, retry_after="30"), None),
        (an_answer(503, retry_after="30"), None),
    ],
)
def test_a_limit_is_told_apart_from_a_refusal(answer, expected):
    """403 is GitHub's word for three things; only its headers and its words say which."""
    assert expected == limit_of(answer, START)


@given(st.integers(0, 999), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.binary(max_size=40))
def test_no_answer_confuses_the_limits(status, after, remaining, reset, body):
    """Whatever a server sends, a wait is either not known or between a second and an hour and a bit."""
    headers = {"retry-after": after, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset}
    for judge in (limit_of, graphql_limit_of):
        hit = judge(Answer(status=status, headers=headers, body=body), START)
        assert hit is None or hit.seconds is None or 1 <= hit.seconds <= MOST_WAIT


async def test_after_a_limit_nothing_is_sent_until_it_is_over():
    """Calls fail at once with the time that is left, and GitHub hears nothing; afterwards all is as before."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("GET", "/thing", lambda asked: said({}, 403, x_ratelimit_remaining="0", x_ratelimit_reset=RESET))
        with pytest.raises(Transient) as caught:
            await gh.getitem("/thing")
        assert timedelta(seconds=600) == caught.value.after

        hub.on("GET", "/thing", lambda asked: said({"ok": True}))
        hub.clock.now += 500
        with pytest.raises(Transient) as caught:
            await gh.getitem("/thing")
        assert timedelta(seconds=100) == caught.value.after
        assert len(hub.to("/thing")) == 1

        hub.clock.now += 101
        assert await gh.getitem("/thing") == {"ok": True}


async def test_the_last_request_of_the_hour_is_answered_and_the_next_not_sent():
    """An answer that says that nothing is left is used, and the next request waits for the reset unsent."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("GET", "/thing", lambda asked: said({"ok": 1}, x_ratelimit_remaining="0", x_ratelimit_reset=RESET))
        hub.on("POST", "/graphql", lambda asked: said({"data": {"ok": 2}}))

        assert await gh.getitem("/thing") == {"ok": 1}
        with pytest.raises(Transient, match="rate limit for core"):
            await gh.getitem("/thing")
        assert len(hub.to("/thing")) == 1
        assert await gh.graphql("query {}") == {"ok": 2}  # paid from another budget


async def test_one_installations_limit_is_not_anothers():
    """Each installation has its own hour; the App's own calls have theirs."""
    async with hub_and_forge() as (hub, forge):
        gh, other = await forge.installation(WE), await forge.installation(InstallationId(8))
        hub.on("GET", "/thing", lambda asked: said({}, 429, retry_after="60"))
        hub.on("GET", "/app", lambda asked: said({"id": 1}))
        with pytest.raises(Transient):
            await gh.getitem("/thing")
        hub.on("GET", "/thing", lambda asked: said({"ok": True}))

        assert await other.getitem("/thing") == {"ok": True}
        assert await forge.app().getitem("/app") == {"id": 1}


async def test_a_secondary_limit_silences_everything_of_the_token():
    """A secondary limit is for writes, reads and GraphQL together."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("POST", "/thing", lambda asked: said({"message": "You have exceeded a secondary rate limit"}, 403))
        for call in (gh.post("/thing", data={}), gh.getitem("/thing"), gh.graphql("query {}")):
            with pytest.raises(Transient) as caught:
                await call
            assert timedelta(seconds=60) == caught.value.after
        assert len(hub.to("/graphql")) == 0


def graphql_said(kind: str, message: str = "said so", **headers: str):
    """As GitHub says no to GraphQL: with 200, and errors in the answer."""
    return lambda asked: said({"data": None, "errors": [{"type": kind, "message": message}]}, **headers)


@pytest.mark.parametrize(
    ("reply", "seconds", "silent"),
    [
        (graphql_said("RATE_LIMITED", x_ratelimit_remaining="0", x_ratelimit_reset=RESET), 600, False),
        (graphql_said("RATE_LIMITED"), 60, False),
        (graphql_said("RATE_LIMITED", x_ratelimit_remaining="7", x_ratelimit_reset=RESET), 60, False),
        (graphql_said("RATE_LIMITED", retry_after="30"), 30, True),
        (graphql_said("FORBIDDEN", retry_after="30"), 30, True),
        (graphql_said("", "You have exceeded a secondary rate limit"), 60, True),
    ],
)
async def test_graphql_says_it_with_a_200(reply, seconds, silent):
    """Its limits stand in the errors of a good answer: we wait as long as its headers say, and send nothing more."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("POST", "/graphql", reply)
        hub.on("GET", "/thing", lambda asked: said({"ok": True}))
        for _ in range(2):
            with pytest.raises(Transient, match=r"said so|rate limit") as caught:
                await gh.graphql("query {}")
            assert timedelta(seconds=seconds) == caught.value.after
        assert 1 == len(hub.to("/graphql"))

        if silent:
            with pytest.raises(Transient):
                await gh.getitem("/thing")
        else:
            assert {"ok": True} == await gh.getitem("/thing")
        hub.on("POST", "/graphql", lambda asked: said({"data": {"ok": 1}}, retry_after="30"))
        hub.clock.now += seconds + 1
        assert {"ok": 1} == await gh.graphql("query {}")


async def test_the_last_question_of_the_hour_is_refused_for_its_own_sake():
    """An answer that uses up the budget and says no for another reason is that no, and no limit."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("POST", "/graphql", graphql_said("FORBIDDEN", x_ratelimit_remaining="0", x_ratelimit_reset=RESET))
        with pytest.raises(Refused, match="said so"):
            await gh.graphql("query {}")


async def test_a_refusal_stays_a_refusal():
    """A missing permission is told to a person at once and silences nothing."""
    async with hub_and_forge() as (hub, forge):
        gh = await forge.installation(WE)
        hub.on("GET", "/thing", lambda asked: said({"message": "Resource not accessible by integration"}, 403))
        for _ in range(2):
            with pytest.raises(Refused, match="not accessible"):
                await gh.getitem("/thing")


def test_who_does_not_listen_waits_longer_each_time():
    """Where GitHub names no time the wait doubles from a minute, up to a quarter of an hour, and a success forgives."""
    clock = Clock()
    gate = Gate(at_once=1, pace=Pace(), clock=clock)
    url = "https://api.github.com/x"
    waits = [gate.note(an_answer(429), url) for _ in range(6)]
    assert [wait.total_seconds() for wait in waits if wait] == [60, 120, 240, 480, 960, 960]

    assert gate.note(an_answer(200), url) is None
    assert timedelta(seconds=60) == gate.note(an_answer(429), url)


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 8))
def test_writes_never_come_faster_than_the_pace(gaps, burst):
    """In any span of n seconds no more than burst and n writes go out, however they come in."""
    pacer, now, sent = Pacer(Pace(seconds=1.0, burst=burst)), 0.0, []
    for gap in gaps:
        now += gap
        sent.append(now + pacer.book(now))
    for start in range(len(sent)):
        for end in range(start, len(sent)):
            assert end - start + 1 <= burst + (sent[end] - sent[start]) + 1e-6


async def test_a_write_waits_for_its_place_and_a_read_does_not():
    """Pacing holds writes back, one after the other, while reads go by."""
    async with hub_and_forge(pace=Pace(seconds=0.05, burst=1)) as (hub, forge):
        hub.on("GET", "/thing", lambda asked: said({}))
        hub.on("POST", "/thing", lambda asked: said({}, 201))
        gh = await forge.installation(WE)
        await gh.post("/thing", data=1)
        write = asyncio.create_task(gh.post("/thing", data=2))
        await gh.getitem("/thing")
        assert not write.done()
        await write
        assert [asked.method for asked in hub.to("/thing")] == ["POST", "GET", "POST"]
