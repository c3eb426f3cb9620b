"""Promises about the proxy: the split is exact, no request is lost while it moves, and every answer is counted."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo import wire
from bot.demo.proxy import Arm, Proxy
from tests.demo.worlds import get, pool_of, server


def saying(status: str, body: bytes = b"{}"):
    return lambda request: wire.response(status, body)


@pytest.fixture
async def world():
    """A proxy, and a function that puts a release behind it which always gives the same answer."""
    async with AsyncExitStack() as stack:
        proxy = Proxy()
        await proxy.start()
        stack.push_async_callback(proxy.close)

        async def put(release: str, *answers) -> None:
            proxy.attach(release, [await stack.enter_async_context(server(answer)) for answer in answers])

        yield proxy, put


@given(st.integers(0, 100))
def test_of_every_hundred_requests_each_release_has_its_share(weight):
    """To the last one, not on average: a canary's sample is as large as it was promised."""
    proxy = Proxy(arms={"old": Arm(), "new": Arm()}, weights={"old": 100 - weight, "new": weight})
    picked = [proxy.pick() for _ in range(300)]
    for start in (0, 100, 200):
        assert sum(arm is proxy.arms["new"] for arm in picked[start : start + 100]) == weight


async def test_nothing_is_dropped_while_the_weights_move(world):
    """Visitors do not notice a rollout."""
    proxy, put = world
    await put("old", saying("200 OK"), saying("200 OK"))
    await put("new", saying("200 OK"))
    proxy.shift({"old": 100})
    pool, answers = pool_of(proxy.url), []

    async def visit(many: int) -> None:
        for _ in range(many):
            answers.append((await pool.exchange(get("/"))).status)

    visits = [asyncio.create_task(visit(100)) for _ in range(5)]
    for weight in (5, 25, 50, 100, 0, 100):
        await asyncio.sleep(0.01)
        proxy.shift({"old": 100 - weight, "new": weight})
    proxy.shift({"new": 100})
    await asyncio.gather(*visits)
    pool.close()
    assert answers == [200] * 500
    assert sum(count["requests"] for count in proxy.counts().values()) == 500


async def test_errors_are_counted_for_the_release_that_made_them(world):
    """And served in the shape that a health source reads."""
    proxy, put = world
    await put("old", saying("404 Not Found"))
    await put("new", saying("500 Internal Server Error"))
    proxy.shift({"old": 75, "new": 25})
    pool = pool_of(proxy.url)
    for _ in range(100):
        await pool.exchange(get("/"))
    health = json.loads((await pool.exchange(get("/healthz/releases"))).body)
    assert health == {"releases": {"old": {"requests": 75, "errors": 0}, "new": {"requests": 25, "errors": 25}}}
    metrics = (await pool.exchange(get("/metrics"))).body.decode()
    assert 'demo_requests_total{release="new",outcome="error"} 25' in metrics
    assert 'demo_weight{release="old"} 75' in metrics
    pool.close()


async def test_a_dead_replica_is_stepped_over(world):
    """A visitor with a question that may be repeated gets the answer of its sister."""
    proxy, put = world
    await put("old", saying("200 OK"), lambda request: None)
    proxy.shift({"old": 100})
    pool = pool_of(proxy.url)
    assert [(await pool.exchange(get("/"))).status for _ in range(4)] == [200] * 4
    assert proxy.counts()["old"]["errors"] == 0
    pool.close()


async def test_when_no_replica_answers_the_visitor_is_told(world):
    """It counts as that release's error; a POST is never sent twice."""
    proxy, put = world
    asked: list[str] = []
    await put("old", lambda request: asked.append(request.path), lambda request: asked.append(request.path))
    proxy.shift({"old": 100})
    pool = pool_of(proxy.url)
    assert (await pool.exchange(get("/get"))).status == 502
    post = b"POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    assert (await pool.exchange(post)).status == 502
    assert asked == ["/get", "/get", "/post"]
    assert proxy.counts()["old"] == {"requests": 2, "errors": 2}
    pool.close()


async def test_traffic_goes_only_where_somebody_answers(world):
    """A wrong order changes nothing."""
    proxy, put = world
    await put("old", saying("200 OK"))
    proxy.shift({"old": 100})
    with pytest.raises(ValueError, match="no replicas"):
        proxy.shift({"old": 50, "new": 50})
    with pytest.raises(ValueError, match="make 100"):
        proxy.shift({"old": 50})
    assert proxy.weights == {"old": 100}


async def test_before_the_first_release_it_says_so(world):
    """503 until somebody deployed something, 400 for what is no request."""
    proxy, _ = world
    pool = pool_of(proxy.url)
    assert (await pool.exchange(get("/"))).status == 503
    assert (await pool.exchange(b"nonsense\r\n\r\n")).status == 400
    pool.close()


async def test_a_release_is_drained_once_its_last_answer_is_out(world):
    """Taking it down then interrupts nobody."""
    proxy, put = world
    await put("old", saying("200 OK"))
    proxy.arms["old"].in_flight = 1
    proxy.arms["old"].quiet.clear()
    waiting = asyncio.create_task(proxy.drained("old"))
    await asyncio.sleep(0)
    assert not waiting.done()
    proxy.arms["old"].in_flight = 0
    proxy.arms["old"].quiet.set()
    await waiting
