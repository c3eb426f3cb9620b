"""A question carries the login of the place that it is for; what a place says of itself is believed for an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urljoin

from bot.adapters.sources._logins import Logins, host_of
from bot.adapters.sources._paging import web_url
from bot.tools.http import Answer, Http

JSON = "application/json"
MOST_BYTES = 32 << 20  # of one document


@dataclass(frozen=True, slots=True)
class Caller:
    """HTTP with the logins of a kind's options."""

    http: Http
    logins: Logins

    async def get(
        self, url: str, place: str, *, accept: str = JSON, most_bytes: int = MOST_BYTES, known: Collection[int] = ()
    ) -> Answer:  # fmt: skip
        """GET with the login for the host of `place`. Refused when that login is not for the URL. Errors as `Http.get`.

        place: the registry that gave us this URL, or whose URL it is.
        """
        login = self.logins.header(host_of(place), url)
        return await self.http.get(url, headers={"Accept": accept, **login}, most_bytes=most_bytes, known=known)

    async def head(self, url: str, place: str, *, known: Collection[int] = ()) -> Answer:
        """HEAD, otherwise as `get`."""
        return await self.http.head(url, headers=self.logins.header(host_of(place), url), known=known)


def hour() -> str:
    """Another text each hour, to remember for so long what hardly ever changes: where a registry has its services."""
    return str(int(asyncio.get_running_loop().time() // 3600))


def joined(base: str, text: object) -> str | None:
    """A URL that a document hands on, perhaps relative to its own; None for what is no http or https URL."""
    try:
        return web_url(urljoin(base, text)) if isinstance(text, str) else None
    except ValueError:
        return None
