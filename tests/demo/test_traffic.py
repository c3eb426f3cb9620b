"""Promises about the visitors: they keep coming whatever happens to them, and none is left out of the count."""

from __future__ import annotations

import asyncio
import random

from bot.demo import wire
from bot.demo.traffic import Traffic, a_name
from tests.demo.worlds import server


def url_of(pool: wire.Pool) -> str:
    return f"http://{pool.host}:{pool.port}"


async def came(traffic: Traffic, many: int) -> None:
    while traffic.sent < many:  # noqa: ASYNC110  # visitors are counted, and announce nothing
        await asyncio.sleep(0.01)


def test_about_one_in_twenty_has_an_unusual_name():
    """The rest have a given name and a family name."""
    draw = random.Random(7)
    unusual = sum(len(a_name(draw).split()) != 2 for _ in range(4000))
    assert 150 < unusual < 250


async def test_every_visitor_is_counted_by_how_it_went():
    """Answers by status; a failed answer is a failed visit."""
    turns = iter(range(10**9))
    async with server(lambda request: wire.response("500 Oops" if next(turns) % 4 == 0 else "200 OK", b"{}")) as pool:
        traffic = Traffic(site=url_of(pool), rate=300, seed=1)
        traffic.start()
        await came(traffic, 200)
        await traffic.stop()
    assert traffic.sent == next(turns)
    assert traffic.failed == traffic.answers[500] > 0
    assert traffic.dropped == 0
    assert 0 < traffic.wait_at(0.5) <= traffic.wait_at(0.99)


async def test_visitors_keep_coming_to_a_service_that_does_not_answer():
    """An outage shows as dropped visits, not as fewer."""
    async with server(lambda request: None) as pool:
        traffic = Traffic(site=url_of(pool), rate=2000, seed=1)
        traffic.start()
        await came(traffic, 50)
        await traffic.stop()
    assert traffic.dropped == traffic.failed == traffic.sent
    assert "ConnectionResetError" in traffic.last_drop


async def test_names_arrive_as_people_write_them():
    """Accents, spaces and all."""
    asked: list[str] = []

    def answer(request: wire.Message) -> bytes:
        asked.append(request.path)
        return wire.response("200 OK", b"{}")

    async with server(answer) as pool:
        traffic = Traffic(site=url_of(pool), rate=3000, seed=3)
        traffic.start()
        await came(traffic, 300)
        await traffic.stop()
    assert any("%C3%A9" in path or "%C3%B6" in path or "%C3%AD" in path for path in asked)
    assert all(path.startswith("/hello?name=") for path in asked)
    assert Traffic(site="http://x").wait_at(0.5) == 0
