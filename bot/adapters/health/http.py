"""Health from any service that can count: one JSON document with the counts of each release since it began.

    GET <url>  ->  {"releases": {"<commit sha>": {"requests": 1200, "errors": 3}, ...}}

requests: all that the release answered; errors: those of them that failed. Both only ever grow while the release
lives, summed over its replicas. A release that the document does not name is not known, which is neither good nor bad.
Other keys are ignored.

Options: `url`; `token`, the name of a secret that is sent as a bearer token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Counts, Reading, Sha
from bot.tools.http import Http
from bot.tools.secrets import Secret

KIND = "http"
MOST_BYTES = 1 << 20


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    token: str = ""


class _Counts(msgspec.Struct):
    requests: int
    errors: int


class _Document(msgspec.Struct):
    releases: dict[str, _Counts]


def open(options: Options, tools: Tools) -> HttpHealth:
    """Uses the HTTP that is lent. ConfigProblem without a URL, or for a secret that is not lent for it."""
    chosen = decode(options, _Options, KIND)
    if not chosen.url.startswith(("http://", "https://")):
        raise ConfigProblem(f"{KIND}: {chosen.url!r} is no http or https URL")
    token = secret_of(tools, chosen.token, KIND, chosen.url)
    return HttpHealth(tools.http, chosen.url, token, lambda: datetime.now(UTC))


class HttpHealth:
    """A `core.ports.HealthSource`."""

    def __init__(self, http: Http, url: str, token: Secret | None, clock: Callable[[], datetime]) -> None:
        self._http, self._url, self._token, self._clock = http, url, token, clock

    async def read(self, *, stable: Sha, canary: Sha, since: datetime | None = None) -> Reading | None:
        """Counts of both now; None when one is not in the document. Permanent when the document is not as agreed.

        since: taken for the other health sources' sake; what counts here is counted from a release's own beginning.
        """
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        answer = await self._http.get(self._url, headers=headers, keep=False, most_bytes=MOST_BYTES)
        try:
            document = msgspec.json.decode(answer.body, type=_Document)
        except msgspec.DecodeError as error:
            raise Permanent(f"the health document at {self._url} is not as agreed: {error}") from error
        ours, theirs = document.releases.get(stable), document.releases.get(canary)
        if ours is None or theirs is None:
            return None
        return Reading(at=self._clock(), stable=_counts(ours, self._url), canary=_counts(theirs, self._url))


def _counts(given: _Counts, url: str) -> Counts:
    if not 0 <= given.errors <= given.requests:
        raise Permanent(f"the health document at {url} counts {given.errors} errors in {given.requests} requests")
    return Counts(requests=given.requests, errors=given.errors)
