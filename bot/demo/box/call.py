"""One request on its way through the box: who, what, where; and the answers that routes give back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from bot.demo.box.auth import Actor
from bot.demo.box.errors import Refusal, invalid, not_found, unprocessable
from bot.demo.box.rows import Account, Issue, Json, Pull, Repo
from bot.demo.box.world import World

T = TypeVar("T")
K = TypeVar("K", int, str)
MISSING: Any = object()


class Auth(StrEnum):
    """Who may come to a route."""

    ANY = "any"
    APP = "app"  # only with an App's JWT
    REPO = "repo"  # the table of permissions decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: JSON, or bytes with their type."""

    status: int = 200
    json: Any = MISSING
    data: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Call:
    """A request, parsed."""

    world: World
    actor: Actor
    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @cached_property
    def sent(self) -> Any:
        """The JSON that was sent, an empty object for nothing; 400 where it is not JSON."""
        if not self.raw.strip():
            return {}
        try:
            return json.loads(self.raw)
        except ValueError as error:
            raise Refusal(400, "Problems parsing JSON") from error

    @property
    def body(self) -> Json:
        """The JSON object that was sent; 400 where it is something else."""
        if not isinstance(self.sent, dict):
            raise Refusal(400, "Body should be a JSON object")
        return self.sent

    @cached_property
    def repo(self) -> Repo:
        """The repository in the path."""
        found = self.world.repo_of(self.params["owner"], self.params["repo"])
        if found is None:
            raise not_found()
        return found

    @property
    def me(self) -> Account:
        """The account that acts."""
        return self.actor.someone()

    @property
    def wants(self) -> str:
        """The Accept header."""
        return self.headers.get("Accept", "")

    def number(self, name: str) -> int:
        """A number in the path; 404 where it is none."""
        if not self.params[name].isdecimal():
            raise not_found()
        return int(self.params[name])

    def pull(self) -> Pull:
        """The pull request in the path."""
        return known(self.repo.pulls, self.number("pull_number"))

    def issue(self) -> Issue:
        """The issue (or pull request) in the path."""
        return known(self.repo.issues, self.number("issue_number"))

    def text(self, name: str, resource: str, *, default: str | None = None) -> str:
        """A string of the body; 422 where it is missing (without a default) or of another type.

        The older endpoints name the ``resource`` that lacks a field, the newer ones (empty) say it in a sentence.
        """
        value = self.body.get(name)
        if value is None:
            if default is None and not resource:
                raise unprocessable(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
            if default is None:
                raise invalid(resource, name, "missing_field")
            return default
        if not isinstance(value, str):
            raise wrong_type(name, value, "string")
        return value

    def one_of(self, name: str, choices: Sequence[str], *, default: str | None = None) -> str:
        """A string of the body out of a closed list; 422 otherwise."""
        value = self.body.get(name, default)
        if value not in choices:
            raise unprocessable(
                f"Invalid request.\n\n{json.dumps(value)} is not a possible value. "
                f"Must be one of the following: {', '.join(choices)}."
            )
        return str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean of the body."""
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            raise wrong_type(name, value, "boolean")
        return value

    def list(self, name: str) -> list[Any]:
        """A list of the body, empty where absent."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise wrong_type(name, value, "array")
        return value

    async def commit_sha(self, name: str) -> str:
        """A ref or hash as a commit hash; 422 in GitHub's words where it is none."""
        found = await self.repo.git.resolve(name)
        if found is None:
            raise unprocessable(f"No commit found for SHA: {name}")
        return found

    def page(self, items: Sequence[T], show: Callable[[T], Any], key: str = "") -> Reply:
        """One page of a list, with its Link header; under ``key`` with total_count where given."""
        size = bounded(self.query.get("per_page"), 30, 1, 100)
        at = bounded(self.query.get("page"), 1, 1, 1_000_000)
        shown = [show(item) for item in items[(at - 1) * size : at * size]]
        body: Any = {"total_count": len(items), key: shown} if key else shown
        return Reply(json=body, headers=self._links(at, -(-len(items) // size)))

    def _links(self, at: int, last: int) -> dict[str, str]:
        links = []
        if at > 1:
            links += [self.link("prev", page=at - 1), self.link("first", page=1)]
        if at < last:
            links += [self.link("next", page=at + 1), self.link("last", page=last)]
        return {"Link": ", ".join(links)} if links else {}

    def link(self, rel: str, **there: str | int) -> str:
        """One address of the Link header: this request with another page or cursor."""
        query = urlencode({**self.query, **there})
        return f'<{self.world.url}{self.path}?{query}>; rel="{rel}"'


def wrong_type(name: str, value: Any, wanted: str) -> Refusal:
    """422 in the words of GitHub's request validation."""
    return unprocessable(f"Invalid request.\n\nFor 'properties/{name}', {json.dumps(value)} is not a {wanted}.")


def known(rows: Mapping[K, T], key: K) -> T:
    """A row by its number; 404 where there is none."""
    if key not in rows:
        raise not_found()
    return rows[key]


def bounded(text: str | None, default: int, low: int, high: int) -> int:
    """A number of the query, pressed into its range; nonsense is the default, as on GitHub."""
    if not text or not text.lstrip("-").isdecimal():
        return default
    return min(max(int(text), low), high)


@dataclass(frozen=True, slots=True)
class Route:
    """A line of the table of endpoints; the path is GitHub's own template."""

    method: str
    path: str
    handle: Callable[[Call], Awaitable[Reply]]
    auth: Auth = Auth.REPO


def ok(data: Any) -> Reply:
    """200."""
    return Reply(json=data)


def created(data: Any) -> Reply:
    """201."""
    return Reply(status=201, json=data)


NOTHING = Reply(status=204)
