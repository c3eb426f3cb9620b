"""The guard: it lets right requests pass in silence and keeps every wrong one until the test ends."""

from dataclasses import dataclass, field
from typing import Any

from tests.openapi.guard import Guard

REPO = "/repos/octo/lib"


def test_right_requests_leave_no_problem() -> None:
    """Whole URLs, bodies as bytes, and an answer with its status."""
    guard = Guard()
    guard.saw("GET", f"http://127.0.0.1:9{REPO}/pulls?state=open&per_page=100")
    guard.saw("POST", f"{REPO}/issues/1/comments", b'{"body": "hello"}')
    guard.saw("DELETE", f"{REPO}/git/refs/heads/x", None, 204, b"")
    assert guard.problems == []
    assert ("GET", "/repos/{owner}/{repo}/pulls") in guard.seen


def test_wrong_requests_are_kept() -> None:
    """A wrong path, query, body, and a wrong answer: each is one problem, told with its operation."""
    guard = Guard()
    guard.saw("GET", f"{REPO}/pullz")
    guard.saw("GET", f"{REPO}/pulls?stat=open")
    guard.saw("POST", f"{REPO}/issues/1/comments", {"text": "hello", "body": "x"})
    guard.saw("POST", f"{REPO}/issues/1/comments", "no json")
    guard.saw("DELETE", f"{REPO}/git/refs/heads/x", None, 200)
    assert len(guard.problems) == 5


def test_a_base_before_the_api_is_known() -> None:
    """GitHub Enterprise Server serves the same paths below /api/v3."""
    guard = Guard(base="/api/v3")
    guard.saw("GET", f"http://ghes.test/api/v3{REPO}")
    assert guard.problems == []


def test_what_is_no_api_is_let_through() -> None:
    """Clone and push, and the store that a redirect to a log leads to."""
    guard = Guard(beside=("/blobs/",))
    guard.saw("GET", "http://box.test/octo/lib.git/info/refs?service=git-upload-pack")
    guard.saw("POST", "http://box.test/octo/lib.git/git-receive-pack", b"0000")
    guard.saw("GET", "http://box.test/blobs/logs.zip?token=x")
    assert guard.problems == []
    assert guard.seen == set()


def test_graphql_is_checked_as_far_as_it_is_documented() -> None:
    """A query in text, variables, a name for the operation; nothing else."""
    guard = Guard()
    guard.saw("POST", "/graphql", {"query": "query { viewer { login } }", "variables": {}})
    assert guard.problems == []
    guard.saw("POST", "/graphql", {"query": "query { viewer { login } }", "vars": {}})
    guard.saw("POST", "/graphql", {"mutation": "…"})
    guard.saw("GET", "/graphql")
    assert len(guard.problems) == 3


@dataclass(kw_only=True)
class Line:
    """A line of a server's log."""

    method: str = "GET"
    path: str = f"{REPO}/git/ref/heads/main"
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 404
    response: Any = field(default_factory=lambda: {"message": "Not Found", "status": "404"})
    actor: str = "installation:7"


def test_a_log_is_read_for_what_our_app_did() -> None:
    """Requests and answers of the App and its installations; what a person did is their own affair."""
    guard = Guard()
    guard.read([Line(), Line(actor="user:ann", query={"x": "1"}), Line(path=f"{REPO}/contents/a b#c?", response=None)])
    guard.read([Line(status=0, response=None), Line(status=204, path=f"{REPO}/pulls/1/merge", response=None)])
    assert guard.problems == []
    guard.read([Line(query={"x": "1"}), Line(actor="app:1", path="/app", status=200, response={"id": 1})])
    assert any("?x: " in each for each in guard.problems)
    assert any(each.startswith("GET /app 200 ") for each in guard.problems)
    assert ("GET", "/repos/{owner}/{repo}/contents/{path}") in guard.seen
