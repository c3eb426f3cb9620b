"""Health sources: what they count is what the services counted, and what is not known is said to be not known."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, health, open_one
from bot.adapters.health.prometheus import filled, grown
from bot.core.errors import ConfigProblem, Permanent, Transient
from bot.core.model import Counts, Sha
from bot.tools.http import Http, Reach
from tests.adapters.index_server import serving
from tests.builders import lent

OLD, NEW = Sha("a" * 40), Sha("b" * 40)


class Service:
    """Answers with what a test sets; keeps the requests."""

    def __init__(self) -> None:
        self.base = ""
        self.document: Any = {}
        self.status = 200
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        document = self.document(request) if callable(self.document) else self.document
        return web.Response(text=document if isinstance(document, str) else json.dumps(document), status=self.status)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    app = web.Application()
    app.router.add_get("/{rest:.*}", made.handle)
    async with serving(app) as made.base:
        yield made


@pytest.fixture
async def tools() -> AsyncIterator[Tools]:
    async with Http(Reach(trusted=["127.0.0.1"])) as http:
        yield Tools(http=http, secrets=lent(KEY="hunter22"))


async def test_counts_of_both_releases_are_read(service: Service, tools: Tools) -> None:
    """The documented document is all that a service has to offer."""
    old, new, other = (
        {"requests": 100, "errors": 1},
        {"requests": 5, "errors": 0, "more": 1},
        {"requests": 1, "errors": 0},
    )
    service.document = {"releases": {OLD: old, NEW: new, "x": other}, "uptime": 3}
    source = open_one(health, "http", {"url": f"{service.base}/health", "token": "KEY"}, tools)
    reading = await source.read(stable=OLD, canary=NEW, since=datetime(2026, 1, 1, tzinfo=UTC))
    assert reading.stable == Counts(requests=100, errors=1)
    assert reading.canary == Counts(requests=5, errors=0)
    assert abs(datetime.now(UTC) - reading.at) < timedelta(minutes=1)
    assert service.requests[0].headers["Authorization"] == "Bearer hunter22"


async def test_a_release_that_is_not_there_is_not_known(service: Service, tools: Tools) -> None:
    """Nothing is made of silence: neither good nor bad."""
    service.document = {"releases": {OLD: {"requests": 100, "errors": 1}}}
    source = open_one(health, "http", {"url": service.base}, tools)
    assert await source.read(stable=OLD, canary=NEW) is None


@pytest.mark.parametrize(
    "document",
    [
        "not json",
        {},
        {"releases": {OLD: {"requests": "many", "errors": 1}, NEW: {"requests": 1, "errors": 0}}},
        {"releases": {OLD: {"requests": 1, "errors": 2}, NEW: {"requests": 1, "errors": 0}}},
        {"releases": {OLD: {"requests": 1, "errors": 0}, NEW: {"requests": 1, "errors": -1}}},
    ],
)
async def test_a_document_that_cannot_be_true_is_refused(service: Service, tools: Tools, document: Any) -> None:
    """More errors than requests, or no counts at all, are told instead of judged by."""
    service.document = document
    source = open_one(health, "http", {"url": service.base}, tools)
    with pytest.raises(Permanent, match="health document"):
        await source.read(stable=OLD, canary=NEW)


async def test_a_service_that_is_away_is_asked_again_later(service: Service, tools: Tools) -> None:
    """An outage of the health endpoint is no verdict on the release."""
    service.status = 503
    for kind in ("http", "prometheus"):
        source = open_one(health, kind, {"url": service.base}, tools)
        with pytest.raises(Transient):
            await source.read(stable=OLD, canary=NEW)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("http", {}),
        ("http", {"url": "ftp://x"}),
        ("http", {"url": "https://x", "token": "NONE"}),
        ("http", {"url": "https://x", "colour": "red"}),
        ("prometheus", {"url": "x"}),
        ("prometheus", {"url": "https://x", "requests": "up"}),
        ("prometheus", {"url": "https://x", "errors": 'sum(e{release="{release}"})'}),
        ("prometheus", {"url": "https://x", "window": 3}),
    ],
)
async def test_wrong_options_are_refused_by_name(tools: Tools, kind: str, options: dict[str, object]) -> None:
    """A health source that could not work is refused when it is opened, not in the middle of a rollout."""
    with pytest.raises(ConfigProblem, match=kind):
        open_one(health, kind, options, tools)


class PrometheusServer:
    """Series as (labels, samples); answers range vectors of the selectors that the adapter sends."""

    def __init__(self) -> None:
        self.series: dict[tuple[str, str], list[list[tuple[float, float]]]] = {}
        self.queries: list[str] = []

    def __call__(self, request: web.Request) -> dict[str, Any]:
        query, at = request.query["query"], float(request.query["time"])
        self.queries.append(query)
        selector, _, span = query.rpartition("[")
        seconds = float(span.rstrip("s]"))
        what = "errors" if "5.." in selector else "requests"
        release = selector.split('release="')[1].split('"')[0]
        result = []
        for samples in self.series.get((what, release), []):
            inside = [[t, str(v)] for t, v in samples if at - seconds < t <= at]
            if inside:
                result.append({"metric": {"release": release}, "values": inside})
        return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def since_now(seconds: float) -> float:
    return datetime.now(UTC).timestamp() + seconds


async def test_prometheus_counts_only_what_came_after_the_beginning(service: Service, tools: Tools) -> None:
    """Errors of an earlier try of the same commit do not speak against this one; restarts lose nothing."""
    prometheus = service.document = PrometheusServer()
    began = datetime.now(UTC) - timedelta(seconds=60)
    prometheus.series = {
        # before the beginning 50 requests and 40 errors, of the try before
        ("requests", NEW): [[(since_now(-90), 50), (since_now(-50), 60), (since_now(-30), 70), (since_now(-10), 5)]],
        ("errors", NEW): [[(since_now(-90), 40), (since_now(-50), 41), (since_now(-30), 42), (since_now(-10), 1)]],
        # two replicas, the second of which began later
        ("requests", OLD): [
            [(since_now(-90), 1000), (since_now(-50), 1100), (since_now(-10), 1300)],
            [(since_now(-20), 7), (since_now(-12), 9)],
        ],
    }
    source = open_one(health, "prometheus", {"url": service.base}, tools)
    reading = await source.read(stable=OLD, canary=NEW, since=began)
    assert reading.canary == Counts(requests=15, errors=2)
    assert reading.stable == Counts(requests=209, errors=0)
    assert abs((datetime.now(UTC) - reading.at).total_seconds() - 10) < 3
    assert len(prometheus.queries) == 4
    assert all(query.startswith("http_requests_total{release=") for query in prometheus.queries)


async def test_prometheus_without_fresh_samples_knows_nothing(service: Service, tools: Tools) -> None:
    """A scrape from before the rollout is no news of it."""
    prometheus = service.document = PrometheusServer()
    prometheus.series = {
        ("requests", OLD): [[(since_now(-5), 10)]],
        ("requests", NEW): [[(since_now(-90), 50)]],
        ("errors", NEW): [[(since_now(-90), 40)]],
    }
    source = open_one(health, "prometheus", {"url": service.base}, tools)
    assert await source.read(stable=OLD, canary=NEW, since=datetime.now(UTC) - timedelta(seconds=60)) is None
    reading = await source.read(stable=OLD, canary=NEW)
    assert reading.canary == Counts(requests=50, errors=40)


async def test_prometheus_that_answers_otherwise_is_refused(service: Service, tools: Tools) -> None:
    """A selector that gives no samples, or a server that is none, is named."""
    source = open_one(health, "prometheus", {"url": service.base}, tools)
    for document in ("<html>", {"status": "success", "data": {"resultType": "vector", "result": []}}):
        service.document = document
        with pytest.raises(Permanent):
            await source.read(stable=OLD, canary=NEW)


def test_a_release_cannot_break_out_of_its_quotes() -> None:
    """Only a commit is put into a query."""
    assert filled('x{r="{release}"}', "abc123") == 'x{r="abc123"}'
    for bad in ('"} or up{x="', "a\nb", "", "a\\"):
        with pytest.raises(Permanent):
            filled('x{r="{release}"}', bad)


STEPS = st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=20)


@given(STEPS, st.booleans())
def test_a_counter_grows_by_what_was_added_whatever_restarts(steps: list[tuple[int, bool]], known: bool) -> None:
    """The sum of what was counted after the beginning, also when the process began anew in between."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    start = began.timestamp()
    value, added = 17 if known else 0, 0
    samples = [(start - 5, str(value)), (start + 1, str(value))] if known else []
    for at, (more, restart) in enumerate(steps):
        # A restart shows only when the new count is below the old one; Prometheus has the same blind spot.
        value = more if restart and more < value else value + more
        added += more
        samples.append((start + 2 + at, str(value)))
    assert grown(samples, began) == added
    assert grown(samples, None) == value
    assert grown([], began) == grown([], None) == 0
    assert grown([(start - 1, "5"), (start + 1, "NaN")], began) == 0
