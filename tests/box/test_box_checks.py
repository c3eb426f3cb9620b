"""Check runs keep GitHub's rules of status and conclusion; suites and statuses sum them up."""

import pytest

from bot.demo.box.rows import Token
from tests.box.stage import stage


async def new(it, sha, **given):
    """A check run."""
    return await it.ask("POST", it.at("/check-runs"), {"name": "sim", "head_sha": sha, **given})


async def test_a_conclusion_completes_a_run():
    """Either way of saying it; completing without one is refused, and a new start takes it back."""
    async with stage() as it:
        sha = it.repo.git.refs["refs/heads/main"]
        queued = (await new(it, sha)).json
        assert (queued["status"], queued["conclusion"], queued["completed_at"]) == ("queued", None, None)
        url = it.at(f"/check-runs/{queued['id']}")
        assert (await it.ask("PATCH", url, {"status": "completed"})).status == 422
        done = (await it.ask("PATCH", url, {"conclusion": "neutral", "completed_at": "2026-01-02T03:04:05Z"})).json
        assert (done["status"], done["completed_at"]) == ("completed", "2026-01-02T03:04:05Z")
        back = (await it.ask("PATCH", url, {"status": "in_progress", "name": "sim 2", "external_id": "e"})).json
        assert (back["conclusion"], back["completed_at"], back["name"]) == (None, None, "sim 2")
        assert (await it.ask("GET", url)).json["external_id"] == "e"


@pytest.mark.parametrize(
    "bad",
    [
        {"conclusion": "great"},
        {"status": "waiting"},
        {"started_at": "yesterday"},
        {"output": "text"},
        {"output": {"title": "t"}},
        {"output": {"title": "t", "summary": "x" * 65536}},
        {"output": {"title": "t", "summary": "s", "annotations": [{"path": "a"}]}},
        {"output": {"title": "t", "summary": "s", "annotations": [{}] * 51}},
        {"actions": [{"label": "l", "description": "d", "identifier": "i"}] * 4},
        {"actions": [{"label": "l" * 21, "description": "d", "identifier": "i"}]},
        {"head_sha": "1" * 40},
        {"name": None},
    ],
)
async def test_what_github_refuses_is_refused(bad):
    """422 beyond every bound."""
    async with stage() as it:
        sha = it.repo.git.refs["refs/heads/main"]
        assert (await it.ask("POST", it.at("/check-runs"), {"name": "x", "head_sha": sha} | bad)).status == 422


async def test_annotations_add_up():
    """Fifty at a time, each request adds; they are read in pages."""
    async with stage() as it:
        note = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
        output = {"title": "t", "summary": "s", "annotations": [note] * 50}
        made = (await new(it, it.repo.git.refs["refs/heads/main"], output=output)).json
        url = it.at(f"/check-runs/{made['id']}")
        again = (await it.ask("PATCH", url, {"output": output})).json
        assert again["output"]["annotations_count"] == 100
        page = await it.ask("GET", f"{url}/annotations?per_page=100")
        assert len(page.json) == 100 and page.json[0]["annotation_level"] == "failure"
        one = dict(note, end_line=2, start_column=1)
        bad = {"output": {"title": "t", "summary": "s", "annotations": [one]}}
        assert (await it.ask("PATCH", url, bad)).status == 422
        level = {"output": {"title": "t", "summary": "s", "annotations": [note | {"annotation_level": "bad"}]}}
        assert (await it.ask("PATCH", url, level)).status == 422


async def test_the_newest_run_of_a_name_counts():
    """Latest by default, all on request; filters by name, status and App."""
    async with stage() as it:
        sha = it.repo.git.refs["refs/heads/main"]
        await new(it, sha, conclusion="failure")
        await new(it, sha, conclusion="success")
        await new(it, sha, name="other")
        url = it.at("/commits/main/check-runs")
        assert [one["conclusion"] for one in (await it.ask("GET", url)).json["check_runs"]] == [None, "success"]
        for query, count in (
            ("filter=all", 3),
            ("check_name=sim", 1),
            ("status=completed", 1),
            (f"app_id={it.app_id}", 2),
            ("app_id=1", 0),
        ):
            assert (await it.ask("GET", f"{url}?{query}")).json["total_count"] == count, query


async def test_a_suite_sums_up_its_runs():
    """One suite an App and commit; queued, then completed with the worst; asked for again, its App is told."""
    async with stage() as it:
        sha = await it.branch()
        suites = (await it.ask("GET", it.at("/commits/topic/check-suites"))).json["check_suites"]
        assert [one["app"]["slug"] for one in suites] == ["surefoot"]
        url = it.at(f"/check-suites/{suites[0]['id']}")
        assert (await it.ask("GET", url)).json["status"] == "queued"
        first = (await new(it, sha, conclusion="success")).json
        await new(it, sha, name="b", status="in_progress")
        assert (await it.ask("GET", url)).json["status"] == "in_progress"
        await new(it, sha, name="b", conclusion="failure")
        assert (await it.ask("GET", url)).json["conclusion"] == "failure"
        assert (await it.ask("GET", f"{url}/check-runs")).json["total_count"] == 2
        assert (await it.ask("GET", f"{url}/check-runs?filter=all")).json["total_count"] == 3
        assert (await it.ask("GET", it.at("/commits/topic/check-suites?app_id=1"))).json["total_count"] == 0
        assert (await it.ask("POST", it.at("/check-suites"), {"head_sha": sha})).status == 200
        assert (await it.ask("POST", f"{url}/rerequest")).status == 201
        assert (await it.ask("POST", it.at(f"/check-runs/{first['id']}/rerequest"))).status == 201
        await it.settle()
        assert {"check_suite.rerequested", "check_run.rerequested", "check_suite.completed"} <= set(it.ear.names())


async def test_a_button_is_pressed():
    """Who presses a button of a check run is told to its App, with what they pressed."""
    async with stage() as it:
        button = {"label": "Retry", "description": "Try it again", "identifier": "retry"}
        made = (await new(it, it.repo.git.refs["refs/heads/main"], conclusion="failure", actions=[button])).json
        await it.ask("PATCH", it.at(f"/check-runs/{made['id']}"), {"actions": [button]})
        path = f"/_box/repos/{it.repo.full_name}/check-runs/{made['id']}/click"
        assert (await it.ask("POST", path, {"identifier": "retry", "login": "rob"})).status == 204
        assert (await it.ask("POST", path, {"identifier": "none", "login": "rob"})).status == 404
        it.box.click(it.repo, made["id"], "retry", "ann")
        await it.settle()
        told = it.ear.last("check_run.requested_action")
        assert (told["requested_action"], told["sender"]["login"]) == ({"identifier": "retry"}, "ann")


async def test_only_apps_write_checks():
    """A person cannot, and an App cannot touch another's."""
    async with stage() as it:
        sha = it.repo.git.refs["refs/heads/main"]
        body = {"name": "x", "head_sha": sha}
        assert (await it.ask("POST", it.at("/check-runs"), body, token=it.owner)).status == 403
        mine = (await new(it, sha)).json
        app_id, _, _ = it.box.add_app("other", private_key=None)
        theirs = it.box.world.installations[it.box.install(app_id, it.repo)]
        rights = {"installation": theirs, "permissions": theirs.permissions, "account": theirs.app.bot}
        text = it.box.world.installation_token(Token(expires_at=it.box.now().replace(year=2999), **rights))
        url = it.at(f"/check-runs/{mine['id']}")
        assert (await it.ask("PATCH", url, {"conclusion": "success"}, token=text)).status == 403
        assert (await it.ask("POST", f"{url}/rerequest", token=text)).status == 403
        suite = it.at(f"/check-suites/{mine['check_suite']['id']}/rerequest")
        assert (await it.ask("POST", suite, token=text)).status == 403


async def test_statuses_combine():
    """The newest of each context; one failure fails, one pending holds."""
    async with stage() as it:
        sha = it.repo.git.refs["refs/heads/main"]
        url, combined = it.at(f"/statuses/{sha}"), it.at("/commits/main/status")
        assert (await it.ask("GET", combined)).json["state"] == "pending"
        made = await it.ask("POST", url, {"state": "pending", "description": "d", "target_url": "https://ci.example"})
        assert made.json["context"] == "default"
        for state, expected in (("success", "success"), ("error", "failure")):
            await it.ask("POST", url, {"state": state})
            assert (await it.ask("GET", combined)).json["state"] == expected
        assert len((await it.ask("GET", it.at("/commits/main/statuses"))).json) == 3
        assert (await it.ask("POST", url, {"state": "fine"})).status == 422
        assert (await it.ask("POST", it.at("/statuses/none"), {"state": "success"})).status == 422
        await it.settle()
        assert it.ear.last("status")["branches"][0]["name"] == "main"
