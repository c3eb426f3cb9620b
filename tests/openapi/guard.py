"""Watches the requests that the bot makes and keeps those that GitHub would refuse or misunderstand."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.openapi.validate import Schemas

# GraphQL has its own schema language; of its transport GitHub documents these keys only.
GRAPHQL_KEYS = frozenset({"query", "variables", "operationName"})


@dataclass(slots=True, kw_only=True)
class Guard:
    """Tell it every request with `saw`; at the end of a test `problems` must be empty.

    `base`: what stands before GitHub's own paths in the URLs (`/api/v3` on GitHub Enterprise Server).
    `beside`: beginnings of paths that are no API, such as where a redirect to a log or an archive leads.
    """

    schemas: Schemas = field(default_factory=Schemas.load)
    base: str = ""
    beside: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def saw(
        self, method: str, url: str, body: object = None, status: int | None = None, response: object = None
    ) -> None:
        """Judge one request, and its answer where a status is given.

        `url` whole or from its path on; `body` and `response` parsed, or as the bytes or text that went over the wire.
        """
        parts = urlsplit(url)
        path = parts.path.removeprefix(self.base)
        if _is_git(path) or path.startswith(self.beside):
            return
        sent = parsed(body)
        if path == "/graphql":
            self.problems += _graphql(method, sent)
            return
        self.seen.add((method.upper(), self.schemas.template(method, path) or path))
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.problems += self.schemas.request(method, path, query, sent)
        if status is not None and self.schemas.template(method, path):
            self.problems += self.schemas.response(method, path, status, parsed(response))


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


def _is_git(path: str) -> bool:
    """Clone and push speak git's own protocol: `/owner/repo.git/info/refs` and its two services."""
    return path.endswith(("/info/refs", "/git-upload-pack", "/git-receive-pack"))


def _graphql(method: str, body: object) -> Iterable[str]:
    if method.upper() != "POST" or not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return [f"{method.upper()} /graphql: it wants a POST with a query in text"]
    return [f"POST /graphql /{key}: GitHub knows no such field here" for key in sorted(body.keys() - GRAPHQL_KEYS)]
