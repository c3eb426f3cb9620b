"""Bad weather on demand, and the manners of a big server: limits, ETags, pages, versions."""

import asyncio

import aiohttp
import pytest

from tests.box.stage import stage


async def test_webhooks_are_dropped_lost_doubled_delayed_and_reordered():
    """Each fault meets the next event of its kind, once; the log tells of the dropped one, not of the lost one."""
    async with stage() as it:
        await it.settle()
        url = it.at("/issues")
        it.ear.heard.clear()
        faults = it.box.world.faults
        faults.hook("drop", "issues")
        faults.hook("lose", "issues")
        faults.hook("duplicate", "issues")
        faults.hook("delay", "issues", seconds=0.05)
        faults.hook("reorder", "issues")
        for title in ("dropped", "lost", "twice", "late", "after", "last"):
            await it.ask("POST", url, {"title": title})
        await it.settle()
        heard = [body["issue"]["title"] for event, body, _ in it.ear.heard if event == "issues"]
        assert sorted(heard) == ["after", "last", "late", "twice", "twice"]
        assert heard.index("last") < heard.index("after")
        guids = [headers["X-GitHub-Delivery"] for _, body, headers in it.ear.heard if body["issue"]["title"] == "twice"]
        assert guids[0] == guids[1]
        failed = (await it.app("GET", "/app/hook/deliveries?status=failure")).json
        assert [(row["event"], row["status_code"]) for row in failed] == [("issues", 502)]
        with pytest.raises(ValueError, match="no webhook fault"):
            faults.hook("hail")


async def test_nobody_at_home_is_a_failed_delivery():
    """A receiver that is not there, and one that is too slow, are failures in the log."""
    async with stage() as it:
        await it.settle()
        it.box.set_webhook(it.app_id, "http://127.0.0.1:1/")
        await it.ask("POST", it.at("/issues"), {"title": "x"})
        await it.settle()
        assert (await it.app("GET", "/app/hook/deliveries")).json[0]["status"] == "failed to connect to host"
        it.box.set_webhook(it.app_id, "")
        count = len(it.box.world.deliveries.log)
        await it.ask("POST", it.at("/issues"), {"title": "y"})
        await it.settle()
        assert len(it.box.world.deliveries.log) == count


async def test_requests_fail_before_and_after_their_effect():
    """5xx and a broken line: before, nothing happened; after, it did and the client does not know."""
    async with stage() as it:
        url, faults = it.at("/issues"), it.box.world.faults
        faults.request("answer", method="POST", path="/issues$", status=503)
        assert (await it.ask("POST", url, {"title": "no"})).status == 503
        faults.request("answer", when="after", method="POST", path="/issues$")
        assert (await it.ask("POST", url, {"title": "yes"})).status == 502
        for when in ("before", "after"):
            faults.request("reset", when=when, method="POST")
            with pytest.raises(aiohttp.ClientError):
                await it.ask("POST", url, {"title": when})
        faults.request("hang", method="GET")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(it.ask("GET", url), 0.1)
        titles = [one["title"] for one in (await it.ask("GET", url)).json]
        assert titles == ["after", "yes"]
        with pytest.raises(ValueError, match="no request fault"):
            faults.request("hail")


async def test_a_test_can_act_in_the_middle_of_a_request():
    """Between the effect and the answer, once."""
    async with stage() as it:
        seen = []

        async def look():
            seen.append(len(it.repo.issues))

        it.box.world.faults.call(look, when="before", method="POST")
        it.box.world.faults.call(look, when="after", method="POST")
        for title in ("one", "two"):
            assert (await it.ask("POST", it.at("/issues"), {"title": title})).status == 201
        assert seen == [0, 1]


async def test_what_is_new_is_not_found_at_once():
    """The replica that answers has not heard of it; a moment later it has."""
    async with stage() as it:
        it.box.world.faults.hide_new_ms = 100
        pull = await it.pull()
        url = it.at(f"/pulls/{pull['number']}")
        assert (await it.ask("GET", url)).status == 404
        assert (await it.ask("POST", it.at(f"/issues/{pull['number']}/comments"), {"body": "x"})).status == 404
        await asyncio.sleep(0.15)
        assert (await it.ask("GET", url)).status == 200


async def test_limits_are_told_apart():
    """The primary limit empties an hour, the secondary asks for patience; both are 403, and only headers differ."""
    async with stage() as it:
        seen = await it.ask("GET", it.at())
        assert seen.headers["X-RateLimit-Limit"] == "5000"
        before = int(seen.headers["X-RateLimit-Remaining"])
        assert int((await it.ask("GET", it.at())).headers["X-RateLimit-Remaining"]) == before - 1
        it.box.world.faults.secondary(30)
        slow = await it.ask("GET", it.at())
        assert slow.status == 403 and 1 <= int(slow.headers["Retry-After"]) <= 30
        assert "X-RateLimit-Remaining" not in slow.headers
        it.box.world.faults.clear()
        it.box.world.limits.exhaust(seconds=60)
        empty = await it.ask("GET", it.at())
        assert (empty.status, empty.headers["X-RateLimit-Remaining"]) == (403, "0")
        assert (await it.ask("GET", it.at(), token=it.reviewer)).status == 200
        assert (await it.ask("GET", "/rate_limit")).json["resources"]["core"]["remaining"] == 0
        got = (await it.ask("GET", "/rate_limit", token=it.reviewer)).json
        assert got["resources"]["core"]["limit"] == 5000


async def test_graphql_has_an_hour_of_its_own():
    """REST spends nothing of it; when it is spent the status is 200 all the same, and the secondary limit is 403."""
    query = {"query": "{ viewer { login } }"}
    async with stage() as it:
        first = await it.ask("POST", "/graphql", query)
        left = int(first.headers["X-RateLimit-Remaining"])
        await it.ask("GET", it.at())
        again = await it.ask("POST", "/graphql", query)
        assert (again.headers["X-RateLimit-Resource"], again.headers["X-RateLimit-Remaining"]) == (
            "graphql",
            str(left - 1),
        )
        assert (await it.ask("GET", "/rate_limit")).json["resources"]["graphql"]["remaining"] == left - 1

        asked = {"kind": "primary", "seconds": 60, "resource": "graphql"}
        assert (await it.ask("POST", "/_box/faults", asked)).status == 204
        spent = await it.ask("POST", "/graphql", query)
        assert (spent.status, spent.json["errors"][0]["type"]) == (200, "RATE_LIMITED")
        assert spent.headers["X-RateLimit-Remaining"] == "0"
        assert (await it.ask("GET", it.at())).status == 200

        it.box.world.limits.bucket(f"installation:{it.installation}", "graphql").used = 0
        it.box.world.faults.secondary(30)
        assert (await it.ask("POST", "/graphql", query)).status == 403


async def test_what_has_not_changed_is_304_and_free():
    """A weak ETag comes back as 304 without a body, and the hour is not shorter for it."""
    async with stage() as it:
        first = await it.ask("GET", it.at("/branches"))
        tag, left = first.headers["ETag"], first.headers["X-RateLimit-Remaining"]
        assert tag.startswith('W/"')
        same = await it.ask("GET", it.at("/branches"), **{"If-None-Match": tag})
        assert (same.status, same.data, same.headers["X-RateLimit-Remaining"]) == (304, b"", left)
        await it.branch()
        assert (await it.ask("GET", it.at("/branches"), **{"If-None-Match": tag})).status == 200


async def test_lists_come_in_pages():
    """per_page up to 100, links to next, last, prev and first, nothing twice."""
    async with stage() as it:
        for number in range(5):
            await it.ask("POST", it.at("/issues"), {"title": str(number)})
        path, titles = it.at("/issues?per_page=2"), []
        while path:
            got = await it.ask("GET", path)
            titles += [one["title"] for one in got.json]
            links = dict(reversed(part.strip().split("; ")) for part in got.headers["Link"].split(","))
            path = links.get('rel="next"', "").strip("<>").removeprefix(it.box.url)
        assert titles == ["4", "3", "2", "1", "0"]
        assert {'rel="prev"', 'rel="first"'} <= set(links)
        assert len((await it.ask("GET", it.at("/issues?per_page=1000&page=x"))).json) == 5


async def test_versions_and_bodies_are_checked():
    """An unknown API version and a body that is no JSON object are 400."""
    async with stage() as it:
        assert (await it.ask("GET", it.at(), **{"X-GitHub-Api-Version": "2026-03-10"})).status == 200
        assert (await it.ask("GET", it.at(), **{"X-GitHub-Api-Version": "1999-01-01"})).status == 400
        assert (await it.ask("POST", it.at("/issues"), [1])).status == 400
        headers = {"Authorization": f"Bearer {it.token}"}
        async with it.session.post(it.box.url + it.at("/issues"), data=b"{", headers=headers) as got:
            assert got.status == 400
        assert (await it.ask("POST", it.at("/issues"), {"title": 5})).status == 422
        assert it.box.log[-1].status == 422 and it.box.log[-1].template == "/repos/{owner}/{repo}/issues"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "event": "push", "count": 2},
        {"kind": "answer", "status": 500, "path": "/none"},
        {"kind": "hide_new", "milliseconds": 5},
        {"kind": "secondary", "seconds": 0},
        {"kind": "primary", "seconds": 0},
    ],
)
async def test_faults_are_set_over_http(fault):
    """A demo in another process makes its weather by the same names, and clears it."""
    async with stage() as it:
        assert (await it.ask("POST", "/_box/faults", fault)).status == 204
        assert (await it.ask("POST", "/_box/faults", {"kind": "hail"})).status == 422
        assert (await it.ask("DELETE", "/_box/faults")).status == 204
        assert (await it.ask("GET", it.at())).status == 200


async def test_an_event_that_nobody_asked_for_is_not_sent():
    """Neither without the subscription nor without the permission."""
    app = {
        "events": ["push", "issues"],
        "permissions": {"contents": "write", "issues": "write", "pull_requests": "write"},
    }
    async with stage(app=app) as it:
        await it.pull()
        await it.ask("POST", it.at("/issues"), {"title": "x"})
        it.box.world.installations[it.installation].permissions.pop("issues")
        await it.box.commit(it.repo, {"a": "b"})
        await it.settle()
        assert set(it.ear.names()) == {"ping", "installation.created", "push", "issues.opened"}
