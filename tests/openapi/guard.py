"""Watches the requests that the bot makes and keeps those that GitHub would refuse or misunderstand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from tests.openapi.validate import Schemas

# GraphQL has its own schema language; of its transport GitHub documents these keys only.
GRAPHQL_KEYS = frozenset({"query", "variables", "operationName"})


class Exchange(Protocol):
    """A line of a server's log: one request and its answer. status 0: the line broke before one."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int
    response: Any
    actor: str


@dataclass(slots=True, kw_only=True)
class Guard:
    """Tell it every request with `saw`, or let it `read` a log; at the end of a test `problems` must be empty.

    `base`: what stands before GitHub's own paths in the URLs (`/api/v3` on GitHub Enterprise Server).
    `beside`: beginnings of paths that are no API, such as where a redirect to a log or an archive leads.
    `seen`: each operation that was asked for, as (METHOD, path of the description).
    """

    schemas: Schemas = field(default_factory=Schemas.load)
    base: str = ""
    beside: tuple[str, ...] = ("/_box/",)
    problems: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def saw(
        self, method: str, url: str, body: object = None, status: int | None = None, response: object = None
    ) -> None:
        """Judge one request, and its answer where a status is given.

        `url` whole or from its path on; `body` and `response` parsed, or as the bytes or text that went over the wire.
        """
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._judge(method, parts.path.removeprefix(self.base), query, parsed(body))
        if status:
            self._judge_answer(method, parts.path.removeprefix(self.base), status, parsed(response))

    def read(self, log: Iterable[Exchange], actors: tuple[str, ...] = ("app:", "installation:")) -> None:
        """Judge the lines of a log whose actor begins with one of `actors`: as it is, an App and its installations."""
        for line in log:
            if not line.actor.startswith(actors):
                continue
            path = quote(line.path)  # a log has it decoded
            self._judge(line.method, path, line.query, line.body)
            # A log keeps no bytes: an answer without JSON may have been a file.
            body = line.response if line.response is not None or line.status in (204, 304) else b""
            if line.status:
                self._judge_answer(line.method, path, line.status, body)

    def _is_api(self, path: str) -> bool:
        """Clone and push speak git's own protocol: `/owner/repo.git/info/refs` and its two services."""
        is_git = path.endswith(("/info/refs", "/git-upload-pack", "/git-receive-pack"))
        return not is_git and not path.startswith(self.beside)

    def _judge(self, method: str, path: str, query: Mapping[str, str], body: object) -> None:
        if path == "/graphql":
            self.problems += _graphql(method, body)
        elif self._is_api(path):
            self.seen.add((method.upper(), self.schemas.template(method, path) or path))
            self.problems += self.schemas.request(method, path, query, body)

    def _judge_answer(self, method: str, path: str, status: int, body: object) -> None:
        if self.schemas.template(method, path) and self._is_api(path):
            self.problems += self.schemas.response(method, path, status, body)


def parsed(body: object) -> object:
    """JSON from the wire as a value; nothing as None; what is no JSON stays bytes."""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes | bytearray):
        return body
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return bytes(body)


def _graphql(method: str, body: object) -> Iterable[str]:
    if method.upper() != "POST" or not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return [f"{method.upper()} /graphql: it wants a POST with a query in text"]
    return [f"POST /graphql /{key}: GitHub knows no such field here" for key in sorted(body.keys() - GRAPHQL_KEYS)]
