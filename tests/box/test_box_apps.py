"""Who may come in: App tokens in both forms, narrowed and ended, permissions, what cannot be seen, the delivery log."""

import json
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from bot.demo.box import Box
from tests.box.stage import key, stage


async def test_the_app_reads_itself_and_its_installations():
    """The JWT side answers as GitHub does, in both API addresses."""
    async with stage() as it:
        assert (await it.app("GET", "/app")).json["installations_count"] == 1
        assert (await it.app("GET", "/api/v3/app")).json["slug"] == "surefoot"
        assert [one["id"] for one in (await it.app("GET", "/app/installations")).json] == [it.installation]
        assert (await it.app("GET", f"/app/installations/{it.installation}")).json["account"]["login"] == "acme"
        for path in (it.at("/installation"), "/orgs/acme/installation"):
            assert (await it.app("GET", path)).json["id"] == it.installation
        assert (await it.app("GET", "/app/installations/1")).status == 404
        listed = await it.ask("GET", "/installation/repositories")
        assert [one["full_name"] for one in listed.json["repositories"]] == ["acme/shop"]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": -1}, "future time"),
        ({"exp": 1200}, "too far in the future"),
        ({"iat": 300}, "'Issued at'"),
        ({"iss": "99"}, "Integration not found"),
        ({"iss": "surefoot"}, "could not be decoded"),
    ],
)
async def test_a_bad_jwt_is_401(claims, says):
    """Ended, too long, from the future, or of nobody: refused with GitHub's reason."""
    async with stage() as it:
        now = int(time.time())
        whole = {"iat": now - 10, "exp": now + 300, "iss": str(it.app_id)}
        whole |= {name: value if name == "iss" else now + value for name, value in claims.items()}
        got = await it.ask("GET", "/app", token=jwt.encode(whole, key(), algorithm="RS256"))
        assert got.status == 401 and says in got.json["message"]


async def test_a_jwt_of_another_key_is_401():
    """Only the App's own private key opens it; a token is no JWT, and nothing is not either."""
    async with stage() as it:
        now = int(time.time())
        forged = jwt.encode({"iat": now, "exp": now + 60, "iss": str(it.app_id)}, "x" * 40, algorithm="HS256")
        for token in (forged, it.token, "none"):
            assert (await it.ask("GET", "/app", token=token)).status == 401
        assert (await it.ask("GET", "/user", token="ghp_wrong")).json["message"] == "Bad credentials"


async def test_tokens_end_after_an_hour():
    """A token says when it ends, and ends then."""
    clock = [datetime.now(UTC)]
    async with Box.start(now=lambda: clock[0]) as box:
        box.add_user("ann")
        app_id, _, _ = box.add_app(private_key=key())
        repo = await box.add_repo("ann", "shop", {"a": "b"})
        box.install(app_id, repo)
        async with stage() as it:
            it.box, it.app_id, it.installation, it.repo = box, app_id, next(iter(box.world.installations)), repo
            token = await it.new_token()
            assert (await it.ask("GET", "/repos/ann/shop", token=token)).status == 200
            clock[0] += timedelta(minutes=61)
            assert (await it.ask("GET", "/repos/ann/shop", token=token)).status == 401


async def test_both_forms_of_token_work():
    """The old form has 40 characters, the new one carries a JWT and is far longer."""
    async with stage() as it:
        assert len(it.token) == 40
        it.box.world.apps[it.app_id].long_tokens = True
        token = await it.new_token()
        assert token.startswith(f"ghs_{it.app_id}_") and len(token) > 200
        assert (await it.ask("GET", it.at(), token=token)).status == 200
        assert (await it.ask("DELETE", "/installation/token", token=token)).status == 204
        assert (await it.ask("GET", it.at(), token=token)).status == 401


async def test_a_narrowed_token_opens_less():
    """Permissions and repositories can be narrowed, never widened."""
    async with stage(private=True) as it:
        other = await it.box.add_repo("acme", "till", {"a": "b"}, private=True)
        it.box.world.installations[it.installation].repo_ids.add(other.id)
        token = await it.new_token({"repositories": ["till"], "permissions": {"contents": "read"}})
        assert (await it.ask("GET", "/repos/acme/till/contents/a", token=token)).status == 200
        assert (await it.ask("GET", it.at("/contents/README.md"), token=token)).status == 404
        refused = await it.ask("GET", "/repos/acme/till/pulls", token=token)
        assert (refused.status, refused.json["message"]) == (403, "Resource not accessible by integration")
        path = f"/app/installations/{it.installation}/access_tokens"
        assert (await it.app("POST", path, {"repositories": ["nope"]})).status == 422
        assert (await it.app("POST", path, {"permissions": {"administration": "write"}})).status == 422


async def test_an_app_does_only_what_it_may():
    """Each endpoint asks for its own permission; the rules of a branch are not an App's to change."""
    async with stage(app={"permissions": {"contents": "read", "checks": "read"}}) as it:
        head = it.repo.git.refs["refs/heads/main"]
        assert (await it.ask("GET", it.at("/contents/README.md"))).status == 200
        for method, path, body in (
            ("POST", "/git/refs", {"ref": "refs/heads/x", "sha": head}),
            ("POST", "/check-runs", {"name": "x", "head_sha": head}),
            ("PUT", "/branches/main/protection", {}),
            ("GET", "/deployments", None),
            ("POST", "/issues", {"title": "x"}),
        ):
            assert (await it.ask(method, it.at(path), body)).status == 403, path


async def test_what_a_token_cannot_see_is_404():
    """A private repository does not exist for strangers; a public one may be read, not written, from outside."""
    async with stage(private=True) as it:
        eve = it.box.add_user("eve")
        assert (await it.ask("GET", it.at(), token=eve)).status == 404
        assert (await it.ask("GET", it.at(), token="none")).status == 404
        await it.box.add_repo("acme", "open", {"a": "b"})
        assert (await it.ask("GET", "/repos/acme/open/contents/a")).status == 200
        assert (await it.ask("PUT", "/repos/acme/open/contents/c", {"message": "m", "content": "YQ=="})).status == 403
        assert (await it.ask("GET", "/repos/acme/none")).status == 404
        assert (await it.ask("GET", "/nothing/at/all/here")).status == 404
        assert (await it.ask("GET", "/repos/acme/open/hooks")).status == 404


async def test_people_and_their_standing():
    """Who a token is, and what a login may do."""
    async with stage() as it:
        it.box.add_user("eve")
        assert (await it.ask("GET", "/user", token=it.reviewer)).json["login"] == "rob"
        assert (await it.ask("GET", "/user")).status == 403
        assert (await it.ask("GET", "/users/ann")).json["type"] == "User"
        found = {}
        for login in ("ann", "rob", "eve"):
            got = await it.ask("GET", it.at(f"/collaborators/{login}/permission"))
            found[login] = got.json["permission"]
        assert found == {"ann": "admin", "rob": "write", "eve": "read"}
        assert (await it.ask("GET", "/users/nobody")).status == 404
        assert (await it.ask("GET", "/zen")).data and (await it.ask("GET", "/meta")).status == 200


async def test_a_lost_delivery_is_found_and_sent_again():
    """What the receiver refused is in the log as a failure, whole, and comes again under the same GUID."""
    async with stage() as it:
        await it.settle()
        it.ear.status = 500
        await it.branch()
        await it.settle()
        failed = await it.app("GET", "/app/hook/deliveries?status=failure&per_page=1")
        row = failed.json[0]
        assert row["status_code"] == 500 and not row["redelivery"]
        it.ear.status = 200
        whole = await it.app("GET", f"/app/hook/deliveries/{row['id']}")
        assert whole.json["request"]["payload"]["repository"]["full_name"] == "acme/shop"
        assert whole.json["response"]["payload"] == "heard"
        assert (await it.app("POST", f"/app/hook/deliveries/{row['id']}/attempts")).status == 202
        await it.settle()
        again = (await it.app("GET", "/app/hook/deliveries")).json[0]
        assert (again["guid"], again["redelivery"], again["status_code"]) == (row["guid"], True, 200)
        assert (await it.app("GET", "/app/hook/deliveries/1")).status == 404


async def test_the_delivery_log_is_read_by_cursor():
    """Page by page to the end, each delivery once, the newest first."""
    async with stage() as it:
        for name in ("one", "two", "three"):
            await it.branch(name)
        await it.settle()
        path, seen = "/app/hook/deliveries?per_page=3", []
        while path:
            got = await it.app("GET", path)
            seen += [row["id"] for row in got.json]
            link = got.headers.get("Link", "")
            path = link.partition(">")[0].removeprefix(f"<{it.box.url}") if "next" in link else ""
        assert seen == sorted(it.box.world.deliveries.log, reverse=True)


async def test_installing_and_leaving_are_told():
    """Repositories come and go, and an App that is gone opens nothing."""
    async with stage() as it:
        other = await it.box.add_repo("acme", "till", {"a": "b"})
        path = f"/_box/installations/{it.installation}"
        assert (await it.ask("PATCH", path, {"add": [other.full_name]})).status == 204
        assert (await it.ask("PATCH", path, {"remove": [other.full_name]})).status == 204
        assert (await it.ask("DELETE", path)).status == 204
        await it.settle()
        for name in ("installation_repositories.added", "installation_repositories.removed", "installation.deleted"):
            assert name in it.ear.names()
        assert (await it.ask("GET", it.at())).status == 401


async def test_a_suspended_installation_is_refused():
    """403, in words."""
    async with stage() as it:
        it.box.world.installations[it.installation].suspended_at = it.box.now()
        assert (await it.ask("GET", it.at())).status == 403
        assert (await it.app("POST", f"/app/installations/{it.installation}/access_tokens")).status == 403


async def test_a_whole_world_can_be_set_up_over_http():
    """The demo's own process builds everything through /_box, and reads it back."""
    async with stage() as it:
        user = (await it.ask("POST", "/_box/users", {"login": "zoe"}, token="none")).json
        await it.ask("POST", "/_box/orgs", {"login": "lab", "members": {"zoe": "admin"}})
        app = (await it.ask("POST", "/_box/apps", {"slug": "helper", "permissions": {"contents": "read"}})).json
        assert "PRIVATE KEY" in app["private_key"]
        made = await it.ask("POST", "/_box/repos", {"owner": "lab", "name": "kit", "files": {"run.sh": "#!/bin/sh\n"}})
        assert made.json["head"]
        body = {"app_id": app["app_id"], "account": "lab", "repos": ["lab/kit"]}
        assert (await it.ask("POST", "/_box/installations", body)).status == 201
        assert (await it.ask("POST", "/_box/installations", body | {"repos": None})).status == 201
        rules = {"include": ["~DEFAULT_BRANCH"], "rules": [{"type": "non_fast_forward"}]}
        assert (await it.ask("POST", "/_box/repos/lab/kit/rulesets", rules)).status == 201
        got = await it.ask("GET", "/repos/lab/kit/rules/branches/main", token=user["token"])
        assert [rule["type"] for rule in got.json] == ["non_fast_forward"]
        assert (await it.ask("POST", "/_box/repos", {"owner": "lab", "name": "kit"})).status == 422
        assert (await it.ask("POST", "/_box/apps", {"slug": "x", "app_id": it.app_id})).status == 422
        assert (await it.ask("POST", "/_box/settle")).status == 204
        state = (await it.ask("GET", "/_box/state")).json
        assert state["repos"]["lab/kit"]["branches"]["main"] == made.json["head"]
        assert json.dumps((await it.ask("GET", "/_box/log")).json)
        assert b"<svg" in (await it.ask("GET", "/_box/avatar/7")).data


async def test_webhooks_are_signed():
    """Both signatures are right, and the headers name App, hook and event."""
    async with stage() as it:
        await it.settle()
        assert it.ear.names()[:2] == ["ping", "installation.created"]
        headers = it.ear.heard[1][2]
        assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(it.app_id)
        assert headers["X-Hub-Signature-256"].startswith("sha256=") and headers["X-Hub-Signature"].startswith("sha1=")
        assert headers["User-Agent"].startswith("GitHub-Hookshot/")
