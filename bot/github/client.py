"""A GitHubAPI that tries once and answers in the core's errors, so that no caller can forget to translate.

gidgethub funnels every call, GraphQL too, through `_request`; that one seam is where we speak as the right one, ask
with the tag of what we know, stand behind the gate of our limits, and judge the answer. Retrying is the loop's work;
only a refused token is minted again, once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from gidgethub import GraphQLException, sansio
from gidgethub.abc import GitHubAPI
from yarl import URL

from bot.core.errors import Permanent, Refused, SurefootError, Transient
from bot.github import answers
from bot.github.answers import Answer
from bot.github.etags import Asked, Etags
from bot.github.limits import Gate, Pace
from bot.tools import metrics
from bot.tools.secrets import Secret, redact

ACCEPT = "application/vnd.github+json"
VERSION = "2022-11-28"
REQUESTER = "surefoot"
MOST_REDIRECTS = 3
# Who speaks: the secret to send, or None. It is given the one just refused, so that it does not give it again.
Credential: TypeAlias = Callable[[str | None], Awaitable[str | None]]
MOST_BYTES = 64 * 1024 * 1024  # of one answer; GitHub's own largest, a tree, is about 7 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How we behave towards GitHub. seconds: of one request in all; connect: of reaching it.

    at_once: requests of one installation under way together; in_all: of everybody (GitHub allows 100 in all).
    cache_bytes: of all kept answers together. clock: seconds since 1970.
    """

    seconds: float = 30.0
    connect: float = 10.0
    at_once: int = 10
    in_all: int = 80
    pace: Pace = field(default_factory=Pace)
    cache_bytes: int = 64 * 1024 * 1024
    clock: Callable[[], float] = time.time

    def gate(self) -> Gate:
        """A new gate with these manners."""
        return Gate(at_once=self.at_once, pace=self.pace, clock=self.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The way to one GitHub: shared by all who speak to it."""

    session: aiohttp.ClientSession
    api_url: str
    manners: Manners
    etags: Etags
    places: asyncio.Semaphore

    @property
    def graphql_url(self) -> str:
        """GitHub.com has /graphql beside the API's root; a GHES has /api/graphql beside /api/v3."""
        return f"{self.api_url.rstrip('/').removesuffix('/v3')}/graphql"

    @property
    def web_url(self) -> str:
        """Where people and git go."""
        return web_url(self.api_url)


def web_url(api_url: str) -> str:
    """Where people and git go, of the GitHub whose API is there."""
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def line(session: aiohttp.ClientSession, api_url: str, manners: Manners | None = None) -> Line:
    """A way to the GitHub whose API is at api_url."""
    manners = manners or Manners()
    return Line(
        session=session,
        api_url=api_url.rstrip("/"),
        manners=manners,
        etags=Etags(most_bytes=manners.cache_bytes),
        places=asyncio.Semaphore(manners.in_all),
    )


class Client(GitHubAPI):
    """One voice at GitHub, with its own credential, limits and memory.

    Every method of GitHubAPI raises only core errors: Transient (limits, 5xx, network, what cannot be read), Missing
    (404, 410), Refused (any other no, with GitHub's words; `answers.Said` carries the status).
    """

    def __init__(self, line: Line, who: str, credential: Credential, *, app_id: str | None = None) -> None:
        """who: a name for this credential that no other has; what was answered to it is kept under it.

        app_id: the App that speaks, so that whoever holds the client can tell what is our own.
        """
        super().__init__(REQUESTER, base_url=line.api_url)
        self.app_id = app_id
        self._line = line
        self._who = who
        self._credential = credential
        self._gate = line.manners.gate()
        self._timeout = aiohttp.ClientTimeout(total=line.manners.seconds, sock_connect=line.manners.connect)

    async def sleep(self, seconds: float) -> None:
        """gidgethub only sleeps to retry, and we never do."""
        raise Permanent(f"nothing in the client may wait {seconds} s on its own: the loop does that")

    async def graphql(self, query: str, *, endpoint: str = "", **variables: Any) -> Any:
        """The `data` of a GraphQL answer. endpoint: leave it empty; it follows from the API's own address."""
        try:
            return await super().graphql(query, endpoint=endpoint or self._line.graphql_url, **variables)
        except GraphQLException as error:
            trouble = answers.graphql_error(error.response, "POST /graphql")
        # Raised outside of the block, as GitHub's whole answer would be logged with a chained one.
        raise _redacted(trouble, await self._credential(None))

    async def place_of(self, url: str) -> str:
        """Where GitHub sends who asks for this file: an address that carries its own proof and needs no token.

        url: below the API's root. Errors as anywhere; Transient for an answer that sends nobody anywhere.
        """
        whole = sansio.format_url(url, {}, base_url=self.base_url)
        async with self._gate.place("GET", whole):
            token = await self._credential(None)
            answer = await self._sent("GET", whole, _dressed({}, token), b"")
        if answer.status in (302, 307) and answer.headers.get("location"):
            return answer.headers["location"]
        self._judged(answer, "GET", whole, token)
        raise Transient(f"{answers.spoken('GET', whole)}: GitHub names no place for this file")

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """The seam: what leaves here is a success that can be read, and everything else is a core error."""
        if answers.origin(url) != answers.origin(self._line.api_url):
            # A link in an answer or a webhook must not carry our token to another host.
            raise Refused(f"{answers.spoken(method, url)}: this is not on the GitHub that we speak to")
        async with self._gate.place(method, url):
            answer = await self._spoken_as_us(method, url, dict(headers), body)
        return answer.status, answer.headers, answer.body

    async def _spoken_as_us(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        token = await self._credential(None)
        answer = await self._asked(method, url, _dressed(headers, token), body)
        if answer.status == 401 and token is not None:
            # A token may be revoked before its hour is over, by a change of the installation's permissions for one.
            fresh = await self._credential(token)
            if fresh != token:
                token = fresh
                answer = await self._asked(method, url, _dressed(headers, token), body)
        return self._judged(answer, method, url, token)

    def _judged(self, answer: Answer, method: str, url: str, token: str | None) -> Answer:
        what = answers.spoken(method, url)
        wait = self._gate.note(answer, url)
        metrics.GITHUB.labels(_outcome(answer, limited=wait is not None)).inc()
        if wait is not None:
            raise _redacted(Transient(f"{what}: {answer.status} {answers.words(answer)}", after=wait), token)
        error = answers.error_of(answer, what)
        if error is not None:
            raise _redacted(error, token)
        return answer

    async def _asked(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Ask with the tag of what we know, and give the whole answer even where GitHub only says: as before."""
        if method != "GET":
            return await self._followed(method, url, headers, body)
        asked = Asked(who=self._who, url=url, accept=headers["accept"])
        kept = self._line.etags.recall(asked)
        if kept is not None:
            headers = {**headers, "if-none-match": kept.headers["etag"]}
        answer = await self._followed(method, url, headers, body)
        return self._line.etags.settle(asked, kept, answer)

    async def _followed(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        for _ in range(MOST_REDIRECTS):
            answer = await self._sent(method, url, headers, body)
            target = answers.onward(answer, method, url)
            if target is None:
                return answer
            url = target
        raise Transient(f"{answers.spoken(method, url)}: sent from one place to the next without end")

    async def _sent(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        if self._line.session.closed:
            raise Transient(f"{answers.spoken(method, url)}: not sent, for this process is ending")
        try:
            # The innermost place: whoever waits for it holds nothing that a request for a token would need.
            async with (
                self._line.places,
                self._line.session.request(
                    method,
                    URL(url, encoded=True),  # it is encoded once already; a second pass would change names of branches
                    headers=headers,
                    data=body or None,
                    timeout=self._timeout,
                    allow_redirects=False,
                ) as response,
            ):
                return await _read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            trouble = f"{type(error).__name__}: {error}".rstrip(": ")
        metrics.GITHUB.labels("unreached").inc()
        # Raised outside of the block: aiohttp's errors carry our request's headers, and a chained one would be logged.
        raise Transient(redact(f"{answers.spoken(method, url)}: {trouble}"))


def _outcome(answer: Answer, *, limited: bool) -> str:
    """A closed set of words, for the figures."""
    if limited:
        return "limited"
    if answer.status < 300:
        return "ok"
    return "refused" if answer.status < 500 else "fault"


def _redacted(error: SurefootError, token: str | None) -> SurefootError:
    """The error without the secret that we sent, should anybody have echoed it."""
    error.args = tuple(redact(str(arg), [Secret(token or "")]) for arg in error.args)
    return error


async def _read(response: aiohttp.ClientResponse) -> Answer:
    """The answer, bounded; header names in lower case, as gidgethub reads them."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MOST_BYTES:
            raise Refused(f"{response.url.path}: an answer of more than {MOST_BYTES >> 20} MiB is not read")
    headers = answers.calm({name.lower(): value for name, value in response.headers.items()})
    return Answer(status=response.status, headers=headers, body=bytes(body))


def _dressed(headers: Mapping[str, str], token: str | None) -> dict[str, str]:
    """The headers of every request of ours. The token is ours whatever the caller gave."""
    dressed = {name.lower(): value for name, value in headers.items() if name.lower() != "authorization"}
    dressed.pop("content-length", None)  # aiohttp counts better, and refuses a second opinion
    if dressed.get("accept") in (None, sansio.accept_format()):
        dressed["accept"] = ACCEPT
    dressed["x-github-api-version"] = VERSION
    if token is not None:
        dressed["authorization"] = f"Bearer {token}"
    return dressed
