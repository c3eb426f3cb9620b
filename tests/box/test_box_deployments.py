"""Deployments and releases: made where they may be, told, listed, and put to rest by newer ones."""

from tests.box.stage import stage

PLAIN = {"ref": "main", "auto_merge": False, "required_contexts": [], "environment": "staging"}


async def test_a_deployment_goes_through_its_states():
    """Found again by sha, ref and environment; a newer success retires the older one, except in production."""
    async with stage() as it:
        url = it.at("/deployments")
        first = (await it.ask("POST", url, PLAIN | {"payload": {"key": "k1"}, "description": "d"})).json
        assert first["payload"] == {"key": "k1"}
        statuses = it.at(f"/deployments/{first['id']}/statuses")
        for state in ("queued", "in_progress", "success"):
            made = await it.ask("POST", statuses, {"state": state, "log_url": "https://log.example/1"})
            assert made.status == 201
        assert (await it.ask("GET", f"{statuses}/{made.json['id']}")).json["log_url"] == "https://log.example/1"
        assert (await it.ask("POST", statuses, {"state": "fine"})).status == 422
        second = (await it.ask("POST", url, PLAIN)).json
        await it.ask("POST", it.at(f"/deployments/{second['id']}/statuses"), {"state": "success"})
        assert (await it.ask("GET", statuses)).json[0]["state"] == "inactive"
        for query, count in ((f"sha={first['sha']}", 2), ("ref=main&task=deploy", 2), ("environment=none", 0)):
            assert len((await it.ask("GET", f"{url}?{query}")).json) == count, query
        assert (await it.ask("DELETE", it.at(f"/deployments/{second['id']}"))).status == 422
        assert (await it.ask("DELETE", it.at(f"/deployments/{first['id']}"))).status == 204
        assert (await it.ask("GET", it.at(f"/deployments/{first['id']}"))).status == 404
        assert [one["name"] for one in (await it.ask("GET", it.at("/environments"))).json["environments"]] == [
            "staging"
        ]
        assert (await it.ask("GET", it.at("/environments/staging"))).json["protection_rules"] == []
        assert (await it.ask("GET", it.at("/environments/none"))).status == 404
        for number in range(2):
            made = (await it.ask("POST", url, PLAIN | {"environment": "production", "task": str(number)})).json
            assert made["production_environment"] is True
            await it.ask("POST", it.at(f"/deployments/{made['id']}/statuses"), {"state": "success"})
        states = [one.statuses[-1].state for one in it.repo.deployments.values() if one.environment == "production"]
        assert states == ["success", "success"]
        await it.settle()
        assert {"deployment.created", "deployment_status.created"} <= set(it.ear.names())


async def test_a_deployment_is_refused_where_checks_are_not_green():
    """409 names the contexts; without a list all that there are must be green."""
    async with stage() as it:
        url = it.at("/deployments")
        assert (await it.ask("POST", url, PLAIN | {"ref": "none"})).status == 422
        assert (await it.ask("POST", url, {})).status == 422
        missing = await it.ask("POST", url, PLAIN | {"required_contexts": ["ci"]})
        assert missing.status == 409 and missing.json["errors"][0]["contexts"][0]["context"] == "ci"
        sha = it.repo.git.refs["refs/heads/main"]
        await it.ask("POST", it.at(f"/statuses/{sha}"), {"state": "failure", "context": "ci"})
        open_list = {key: value for key, value in PLAIN.items() if key != "required_contexts"}
        assert (await it.ask("POST", url, open_list)).status == 409
        await it.ask("POST", it.at(f"/statuses/{sha}"), {"state": "success", "context": "ci"})
        assert (await it.ask("POST", url, open_list)).status == 201


async def test_auto_merge_brings_a_branch_up_first():
    """202 and no deployment when it merged; 409 when it cannot."""
    async with stage() as it:
        await it.branch("topic")
        await it.box.commit(it.repo, {"other.txt": "x\n"}, "On main")
        body = {"ref": "topic", "required_contexts": []}
        merged = await it.ask("POST", it.at("/deployments"), body)
        assert merged.status == 202 and "Auto-merged main into topic" in merged.json["message"]
        assert (await it.ask("POST", it.at("/deployments"), body)).status == 201
        await it.box.commit(it.repo, {"README.md": "mine\n"}, "Mine")
        await it.box.commit(it.repo, {"README.md": "theirs\n"}, "Theirs", "topic")
        assert (await it.ask("POST", it.at("/deployments"), body)).status == 409


async def test_releases_make_their_tags():
    """Published at once or from a draft; the latest is no draft and no prerelease; a tag is released once."""
    async with stage() as it:
        url = it.at("/releases")
        assert (await it.ask("GET", f"{url}/latest")).status == 404
        made = await it.ask("POST", url, {"tag_name": "v1", "name": "One", "body": "b"})
        assert made.status == 201 and "refs/tags/v1" in it.repo.git.refs
        assert (await it.ask("POST", url, {"tag_name": "v1"})).status == 422
        assert (await it.ask("POST", url, {"tag_name": "v9", "target_commitish": "none"})).status == 422
        draft = (await it.ask("POST", url, {"tag_name": "v2", "draft": True})).json
        await it.ask("POST", url, {"tag_name": "v3", "prerelease": True})
        assert (await it.ask("GET", f"{url}/latest")).json["tag_name"] == "v1"
        assert (await it.ask("GET", f"{url}/tags/v2")).status == 404
        assert len((await it.ask("GET", url)).json) == 3 and len((await it.ask("GET", url, token="none")).json) == 2
        one = f"{url}/{draft['id']}"
        edited = await it.ask("PATCH", one, {"draft": False, "name": "Two"})
        assert (edited.json["draft"], edited.json["name"]) == (False, "Two")
        assert (await it.ask("GET", f"{url}/latest")).json["tag_name"] == "v2"
        assert (await it.ask("GET", one)).json["published_at"]
        assert [tag["name"] for tag in (await it.ask("GET", it.at("/tags"))).json] == ["v3", "v2", "v1"]
        await it.ask("PATCH", one, {"body": "changed"})
        assert (await it.ask("DELETE", one)).status == 204
        assert (await it.ask("GET", one)).status == 404
        await it.settle()
        wanted = {"release.created", "release.published", "release.released", "release.prereleased", "release.edited"}
        assert wanted | {"release.deleted"} <= set(it.ear.names())
