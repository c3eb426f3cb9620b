"""One table for the whole fleet: which repository is on what, and how far behind; for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from aiohttp import web

from bot.core import inventory
from bot.core.inventory import Entry, Use
from bot.store.rows import RepoRow
from bot.store.store import Store
from bot.web.pages import Pages

MOST = 500  # components on one page


class _Answer(msgspec.Struct):
    """The part of `core.board.Answer` that counts here."""

    name: str
    current: str = ""
    verdict: str = ""
    ecosystem: str = "pypi"
    target: str | None = None
    why: tuple[str, ...] = ()


class Inventory:
    """`/inventory` and `/api/inventory`, both with `?name=` for a part of a component's name."""

    def __init__(self, store: Store) -> None:
        self._store, self._pages = store, Pages()

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be guarded by `web.guard`."""
        return [web.get("/inventory", self.page), web.get("/api/inventory", self.data)]

    async def page(self, request: web.Request) -> web.Response:
        """The table."""
        wanted = request.query.get("name", "")
        found = await self._entries(wanted)
        more = max(0, len(found) - MOST)
        return self._pages.page("inventory.html", entries=found[:MOST], more=more, wanted=wanted)

    async def data(self, request: web.Request) -> web.Response:
        """The same as JSON: every component with its versions, and who is on each."""
        found = await self._entries(request.query.get("name", ""))
        return web.Response(
            body=msgspec.json.encode({"components": [_plain(one) for one in found]}), content_type="application/json"
        )

    async def _entries(self, wanted: str) -> tuple[Entry, ...]:
        return inventory.entries(_uses(await self._store.repos()), wanted)


def _plain(entry: Entry) -> dict[str, object]:
    versions = [{"version": version, "repos": [use.repo for use in uses]} for version, uses in entry.uses]
    found = {"name": entry.name, "ecosystem": entry.ecosystem, "newest": entry.newest}
    return {**found, "repos": entry.repos, "behind": entry.behind, "not_known": entry.untold, "versions": versions}


def _uses(rows: Iterable[RepoRow]) -> Iterator[Use]:
    """What each repository that the App is on said last. What an older version of us wrote may not be read."""
    for row in rows:
        answers = row.notes.get("answers") if row.active else None
        for raw in answers if isinstance(answers, list) else []:
            try:
                said = msgspec.convert(raw, _Answer)
            except msgspec.ValidationError:
                continue
            yield Use(
                repo=row.name,
                name=said.name,
                ecosystem=said.ecosystem,
                current=said.current,
                verdict=said.verdict,
                target=said.target,
                why=said.why,
            )
