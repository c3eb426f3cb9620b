"""Promises about the demo's own HTTP: what it reads it reads rightly, and what it cannot read it refuses."""

from __future__ import annotations

import asyncio

import pytest

from bot.demo import wire
from tests.demo.worlds import get, server


async def fed(*parts: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=wire.MOST_HEAD)
    for part in parts:
        reader.feed_data(part)
    reader.feed_eof()
    return reader


async def test_messages_follow_each_other_on_one_connection():
    """However the bytes were cut on their way."""
    raw = wire.response("200 OK", b"one") + wire.response("404 Not Found", b"")
    reader = await fed(*(raw[at : at + 7] for at in range(0, len(raw), 7)))
    first, second = await wire.read(reader), await wire.read(reader)
    assert (first.status, first.body, second.status, second.body) == (200, b"one", 404, b"")
    assert await wire.read(reader) is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"GET / HTTP/1.1\r\nHo", "inside a message"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort", "inside a body"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "a body of more"),
        (b"GET / HTTP/1.1\r\n" + b"x" * 40_000, "a head of more"),
    ],
)
async def test_what_cannot_be_read_whole_is_refused(raw, why):
    """Nothing is guessed, and nothing is held without bound."""
    with pytest.raises(wire.Garbled, match=why):
        await wire.read(await fed(raw))


async def test_connections_are_kept():
    """A second question costs no second connection."""
    async with server(lambda request: wire.response("200 OK", request.path.encode())) as pool:
        assert (await pool.exchange(get("/a"))).body == b"/a"
        line = pool.idle[0]
        assert (await pool.exchange(get("/b"))).body == b"/b"
        assert pool.idle == [line]


async def test_a_server_that_says_it_closes_is_not_kept():
    """The next question goes on a new connection."""
    said = wire.response("200 OK", b"").replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    async with server(lambda request: said) as pool:
        await pool.exchange(get("/"))
        assert pool.idle == []


async def test_a_connection_closed_while_idle_costs_nobody_an_answer():
    """The question is asked once more on a new one."""
    seen: list[str] = []

    def answer(request: wire.Message) -> bytes | None:
        seen.append(request.path)
        return None if seen.count("/second") == 1 and request.path == "/second" else wire.response("200 OK", b"x")

    async with server(answer) as pool:
        await pool.exchange(get("/first"))
        assert (await pool.exchange(get("/second"))).status == 200
        assert seen == ["/first", "/second", "/second"]


async def test_a_server_that_never_answers_is_given_up():
    """With an error, not with a wait for ever."""
    async with server(lambda request: b"") as pool:
        pool.seconds = 0.05
        with pytest.raises(TimeoutError):
            await pool.exchange(get("/"))
    async with server(lambda request: None) as pool:
        with pytest.raises(ConnectionError, match="before it answered"):
            await pool.exchange(get("/"))
