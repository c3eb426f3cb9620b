"""The judge itself: it lets GitHub's shapes pass, and finds what GitHub would refuse, ignore or never send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.openapi.validate import Schemas
from tests.openapi.waivers import WAIVERS

REPO = "/repos/octo/lib"
COMMENT_AUTHOR = {
    "login": "mona",
    "id": 1,
    "node_id": "U_1",
    "avatar_url": "https://github.test/a.png",
    "gravatar_id": "",
    "url": "https://github.test/users/mona",
    "html_url": "https://github.test/mona",
    "followers_url": "https://github.test/followers",
    "following_url": "https://github.test/following",
    "gists_url": "https://github.test/gists",
    "starred_url": "https://github.test/starred",
    "subscriptions_url": "https://github.test/subscriptions",
    "organizations_url": "https://github.test/orgs",
    "repos_url": "https://github.test/repos",
    "events_url": "https://github.test/events",
    "received_events_url": "https://github.test/received",
    "type": "User",
    "site_admin": False,
}
A_REACTION = {
    "id": 1,
    "node_id": "R_1",
    "user": COMMENT_AUTHOR,
    "content": "+1",
    "created_at": "2026-01-02T03:04:05Z",
}
A_REF = {
    "ref": "refs/heads/main",
    "node_id": "R_1",
    "url": "https://github.test/ref",
    "object": {"type": "commit", "sha": "a" * 40, "url": "https://github.test/commit"},
}


@pytest.fixture(scope="module")
def github() -> Schemas:
    return Schemas.load()


class TestRequests:
    def test_what_github_takes_passes(self, github: Schemas) -> None:
        """A request as GitHub documents it has nothing wrong."""
        new = {"title": "Bump lib", "head": "surefoot/lib-2", "base": "main", "maintainer_can_modify": True}
        assert github.request("POST", f"{REPO}/pulls", {}, new) == []
        assert github.request("GET", f"{REPO}/pulls", {"state": "all", "per_page": "100", "page": "2"}, None) == []
        assert github.request("GET", "/repos/octo/lib/commits", {"since": "2026-01-02T03:04:05Z"}, None) == []

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({"title": "t", "head": "h"}, '"base" is a required property'),
            ({"title": 1, "head": "h", "base": "b"}, "/title: 1 is not of type"),
            ({"title": "t", "head": "h", "base": "b", "drfat": True}, "/drfat: GitHub knows no such field"),
            (None, "needs a body"),
            ([], "is not of type"),
        ],
    )
    def test_a_wrong_body_is_told_with_its_place(self, github: Schemas, body: object, problem: str) -> None:
        """A missing, mistyped or misspelled field is named, and so is the operation."""
        told = github.request("POST", f"{REPO}/pulls", {}, body)
        assert len(told) == 1
        assert problem in told[0]
        assert told[0].startswith("POST /repos/{owner}/{repo}/pulls ")

    def test_a_wrong_field_deep_inside_is_found(self, github: Schemas) -> None:
        """An annotation of a check run with a level that GitHub does not have, and a typo beside it."""
        note = {
            "path": "a.py",
            "start_line": 1,
            "end_line": 1,
            "annotation_level": "error",
            "message": "m",
            "tittle": "",
        }
        output = {"title": "t", "summary": "s", "annotations": [note]}
        body = {"name": "surefoot / simulation", "head_sha": "a" * 40, "output": output}
        told = github.request("POST", f"{REPO}/check-runs", {}, body)
        assert [each.split(" /")[-1].split(":")[0] for each in told] == [
            "output/annotations/0/annotation_level",
            "output/annotations/0/tittle",
        ]

    def test_limits_of_github_are_known(self, github: Schemas) -> None:
        """51 annotations, a page of 101, a status text of 141 letters: refused or clamped by GitHub, so told here."""
        note = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
        run = {"name": "n", "head_sha": "a" * 40, "output": {"title": "t", "summary": "s", "annotations": [note] * 51}}
        assert "/output/annotations" in github.request("POST", f"{REPO}/check-runs", {}, run)[0]
        assert "?per_page" in github.request("GET", f"{REPO}/pulls", {"per_page": "101"}, None)[0]
        status = {"state": "success", "description": "x" * 141}
        assert "/description" in github.request("POST", f"{REPO}/deployments/1/statuses", {}, status)[0]

    @pytest.mark.parametrize(
        ("query", "problem"),
        [
            ({"staet": "open"}, "?staet: GitHub knows no such query parameter"),
            ({"state": "merged"}, "?state: "),
            ({"page": "two"}, "?page: "),
        ],
    )
    def test_a_wrong_query_is_told(self, github: Schemas, query: dict[str, str], problem: str) -> None:
        """GitHub ignores an unknown query parameter in silence; we do not."""
        (told,) = github.request("GET", f"{REPO}/pulls", query, None)
        assert problem in told

    def test_an_unknown_operation_is_named(self, github: Schemas) -> None:
        """A path or a method that GitHub does not have."""
        assert "GET /repos/octo/lib/pullz" in github.request("GET", f"{REPO}/pullz", {}, None)[0]
        assert "DELETE /repos/octo/lib/pulls" in github.request("DELETE", f"{REPO}/pulls", {}, None)[0]

    def test_a_number_in_the_path_is_a_number(self, github: Schemas) -> None:
        """`/pulls/None` is what a forgotten value looks like."""
        assert "{pull_number}" in github.request("GET", f"{REPO}/pulls/None", {}, None)[0]

    def test_an_operation_without_a_body_takes_none(self, github: Schemas) -> None:
        """An empty object is how some clients say nothing; anything more would be ignored."""
        path = "/app/hook/deliveries/1/attempts"
        assert github.request("POST", path, {}, None) == github.request("POST", path, {}, {}) == []
        assert "takes no body" in github.request("POST", path, {}, {"force": True})[0]

    @given(name=st.text("abcdefghijklmnopqrstuvwxyz_/~0", min_size=1))
    def test_no_invented_field_passes(self, name: str) -> None:
        """Whatever field is added to a request, it is a listed one or it is told."""
        github = Schemas.load()
        body = {"title": "t", "head": "h", "base": "b", f"our_{name}": 1}
        (told,) = github.request("POST", f"{REPO}/pulls", {}, body)
        assert f"/our_{name}: " in told


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "template"),
        [
            ("/commits/main/status", "/commits/{ref}/status"),
            ("/commits/heads/a/b/check-runs", "/commits/{ref}/check-runs"),
            ("/commits/heads/a/b", "/commits/{ref}"),
            ("/contents", "/contents/{path}"),
            ("/contents/src/lib/a.py", "/contents/{path}"),
            ("/contents/src%2Fa.py", "/contents/{path}"),
            ("/git/ref/heads/surefoot/lib-2", "/git/ref/{ref}"),
            ("/branches/surefoot/lib-2/protection", "/branches/{branch}/protection"),
            ("/releases/latest", "/releases/latest"),
            ("/releases/7", "/releases/{release_id}"),
            ("/issues/comments/5/reactions", "/issues/comments/{comment_id}/reactions"),
            ("/compare/main...a/b", "/compare/{basehead}"),
        ],
    )
    def test_the_most_literal_template_wins(self, github: Schemas, path: str, template: str) -> None:
        """Refs and file paths hold slashes; still every path belongs to one operation."""
        assert github.template("GET", REPO + path) == "/repos/{owner}/{repo}" + template

    def test_a_slash_is_only_where_github_allows_one(self, github: Schemas) -> None:
        """A label with a slash must be escaped in a path."""
        assert github.template("GET", f"{REPO}/labels/a%2Fb") is not None
        assert github.template("GET", f"{REPO}/labels/a/b") is None


class TestAnswers:
    def test_an_answer_of_github_passes(self, github: Schemas) -> None:
        """Objects, lists, empty answers, and what is not JSON."""
        path = f"{REPO}/issues/comments/1/reactions"
        assert github.response("POST", path, 201, A_REACTION) == []
        assert github.response("GET", path, 200, [A_REACTION]) == []
        assert github.response("GET", f"{REPO}/git/ref/heads/main", 200, A_REF) == []
        assert github.response("DELETE", f"{REPO}/git/refs/heads/x", 204, None) == []
        assert github.response("GET", f"{REPO}/contents/a.bin", 200, b"\x00") == []

    def test_an_answer_with_a_mistake_is_told(self, github: Schemas) -> None:
        """A field missing, of the wrong type, of a value that GitHub does not use, or invented."""
        path = f"{REPO}/issues/comments/1/reactions"
        lacking = {key: value for key, value in A_REACTION.items() if key != "node_id"}
        assert "node_id" in github.response("POST", path, 201, lacking)[0]
        assert "/id: " in github.response("POST", path, 201, A_REACTION | {"id": "1"})[0]
        assert "/content: " in github.response("POST", path, 201, A_REACTION | {"content": "shrug"})[0]
        assert "/emoji: " in github.response("POST", path, 201, A_REACTION | {"emoji": "+1"})[0]
        assert (
            "/user/nick: " in github.response("POST", path, 201, A_REACTION | {"user": COMMENT_AUTHOR | {"nick": 1}})[0]
        )
        assert "/created_at: " in github.response("POST", path, 201, A_REACTION | {"created_at": "yesterday"})[0]

    def test_null_is_allowed_only_where_github_sends_it(self, github: Schemas) -> None:
        """The author of a reaction may be gone (null); its content never is."""
        path = f"{REPO}/issues/comments/1/reactions"
        assert github.response("POST", path, 201, A_REACTION | {"user": None}) == []
        assert github.response("POST", path, 201, A_REACTION | {"content": None}) != []

    def test_a_status_that_github_does_not_use_is_told(self, github: Schemas) -> None:
        """A 200 where GitHub answers 201 is a lie of the imitation."""
        assert "lists no such answer" in github.response("GET", f"{REPO}/git/ref/heads/main", 201, A_REF)[0]

    def test_a_renamed_repository_may_lead_on(self, github: Schemas) -> None:
        """Under its old name, whatever was asked; nothing else of GitHub's moves unlisted."""
        moved = {
            "message": "Moved Permanently",
            "url": "https://x.test/repos/a/b",
            "documentation_url": "https://x.test",
        }
        assert github.response("GET", f"{REPO}/branches", 301, moved) == []
        assert github.response("POST", f"{REPO}/labels", 307, moved) == []
        assert github.response("GET", f"{REPO}/branches", 301, {"moved": True}) != []
        assert "lists no such answer" in github.response("GET", "/user", 301, moved)[0]

    def test_errors_have_their_common_shape_everywhere(self, github: Schemas) -> None:
        """A 403 or a 502 may come from any operation, and 304 from any GET."""
        error = {"message": "Bad credentials", "documentation_url": "https://docs.github.test", "status": "401"}
        assert github.response("GET", f"{REPO}/pulls", 401, error) == []
        assert "/reason" in github.response("GET", f"{REPO}/pulls", 502, error | {"reason": "x"})[0]
        assert github.response("GET", f"{REPO}/commits/main/status", 304, None) == []
        assert github.response("POST", f"{REPO}/pulls", 304, None) != []

    def test_a_body_where_github_sends_none_is_told(self, github: Schemas) -> None:
        """204 means nothing follows."""
        assert "no JSON body" in github.response("DELETE", f"{REPO}/git/refs/heads/x", 204, {})[0]

    def test_an_unknown_operation_is_named(self, github: Schemas) -> None:
        """An answer to a path that GitHub does not have."""
        assert "/nowhere" in github.response("GET", "/nowhere", 200, {})[0]


class TestWebhooks:
    def test_a_webhook_is_known_by_event_and_action(self, github: Schemas) -> None:
        """`ping` has no action; `check_run` has; each is checked against its own shape."""
        assert github.webhook("ping", {"hook_id": 1, "zen": "Keep it logically awesome."}) == []
        assert github.webhook("ping", {"hook_id": "1"})[0].startswith("HOOK ping /hook_id")
        assert github.webhook("check_run", {"action": "completed"})[0].startswith("HOOK check_run.completed /")

    def test_an_unknown_webhook_is_named(self, github: Schemas) -> None:
        """An event or an action that GitHub does not send."""
        assert "pull_request.exploded" in github.webhook("pull_request", {"action": "exploded"})[0]
        assert "None" in github.webhook("check_run", ["no", "object"])[0]

    def test_a_mistake_in_a_payload_is_told(self, github: Schemas) -> None:
        """A suspended installation without the account it stands in."""
        told = github.webhook("installation", {"action": "suspend", "installation": {"id": "7"}})
        assert any("/installation/id" in each or '"account"' in each for each in told)


def test_every_waiver_has_a_reason_and_is_narrow() -> None:
    """A waiver names a field and a rule; one for everything would blind us."""
    for waiver in WAIVERS:
        assert len(waiver.why) > 20
        assert waiver.pointer not in ("", "*", "/*")
        assert waiver.rule != "*"
        assert waiver.where not in ("*", "HOOK *") or waiver.says != "*"


def test_the_waiver_holds_for_its_field_only(github: Schemas) -> None:
    """A 422 carries `status`, as on GitHub; another stranger in it is told."""
    refused = {"message": "Validation Failed", "documentation_url": "https://docs.github.test", "status": "422"}
    assert github.response("POST", f"{REPO}/pulls", 422, refused) == []
    assert github.response("POST", f"{REPO}/pulls", 422, refused | {"why": "so"}) != []


def test_the_address_of_a_bot_is_waived_and_no_other(github: Schemas) -> None:
    """`7+surefoot[bot]@users.noreply.github.com` stands in real pushes; another address does not."""

    def told(email: str) -> list[str]:
        push = {"commits": [{"author": {"name": "surefoot", "email": email}}]}
        return [each for each in github.webhook("push", push) if "/email" in each]

    assert told("7+surefoot[bot]@users.noreply.github.com") == told("surefoot[bot]@users.noreply.github.com") == []
    assert len(told("7+surefoot[bot]@elsewhere.test")) == 1
