"""Endpoints of a repository: its own alone, however another one calls its own; and what no file pins has its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from bot.adapters import Tools, endpoints, open_one, registered, sources
from bot.adapters.endpoints import Desk
from bot.adapters.poller import Poller
from bot.core.choice import Choice
from bot.core.errors import ConfigProblem, Missing, Permanent, Refused, Transient
from bot.core.model import Component, Release, Verdict
from bot.core.ports import Source
from bot.core.repo_config import Adapted, Registered, Updates
from bot.tools.http import Http, Reach
from tests.adapters.sources.shelf import Shelf
from tests.builders import NOW

TOOL, COMMON = Component(name="tool", ecosystem="http"), Component(name="common", ecosystem="http")


@dataclass
class Office:
    """A desk over what an operator describes for all: the component `common`."""

    shelf: Shelf
    desk: Desk[Poller]
    common: Mapping[str, Source]

    def source(self, repo: str, **described: Mapping[str, str]) -> Source:
        """The source of endpoints as one repository sees it, which describes these."""
        made = {name: Adapted(kind="http", options=how, where=f"file:{name}") for name, how in described.items()}
        return self.desk.over(self.common, Updates(endpoints=made), repo)["http"]

    async def told(self, source: Source, component: Component = TOOL) -> list[str]:
        """The versions of a component, complete."""
        return [(await source.detail(component, one)).version for one in await source.releases(component)]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    async with Shelf().running() as shelf, Http(Reach(trusted=["127.0.0.1"])) as http:
        shelf.pages |= {"/a": {"v": "1.0"}, "/b": {"v": "2.0"}, "/c": {"v": "3.0"}}

        def opened(options: Mapping[str, Any]) -> Source:
            source: Source = open_one(sources, "http", options, Tools(http=http))
            return source

        def polled(source: Source) -> Poller:
            return Poller(source, "http", fresh=timedelta(hours=1), now=lambda: NOW)

        common = opened({"components": {"common": {"url": f"{shelf.url}/c", "json": "v"}}})
        yield Office(shelf, Desk(opened, polled), {"http": common})


async def test_a_name_means_what_its_own_repository_says(office: Office) -> None:
    """Two repositories describe `tool` in two ways, at one address or two, and neither reads the other's."""
    a = office.source("acme/a", tool={"url": f"{office.shelf.url}/a", "json": "v"})
    b = office.source("acme/b", tool={"url": f"{office.shelf.url}/b", "json": "v"})
    again = office.source("acme/c", tool={"url": f"{office.shelf.url}/a", "regex": r"(1)\.0"})

    assert [["1.0"], ["2.0"], ["1"]] == [await office.told(one) for one in (a, b, again)]


async def test_a_changed_description_counts_at_once(office: Office) -> None:
    """What was read by the old one is not used; the same one again costs no request."""
    assert ["1.0"] == await office.told(office.source("acme/a", tool={"url": f"{office.shelf.url}/a", "json": "v"}))
    assert ["1.0"] == await office.told(office.source("Acme/A", tool={"url": f"{office.shelf.url}/a", "json": "v"}))
    assert office.shelf.paths == ["/a"]
    assert ["2.0"] == await office.told(office.source("acme/a", tool={"url": f"{office.shelf.url}/b", "json": "v"}))
    assert len(office.desk.every()) == 2


async def test_what_the_operator_describes_is_there_for_all(office: Office) -> None:
    """Beside a repository's own and where it has none; what nobody describes is unknown."""
    own = office.source("acme/a", tool={"url": f"{office.shelf.url}/a", "json": "v"})

    assert ["3.0"] == await office.told(own, COMMON)
    assert office.source("acme/b") is office.common["http"]
    with pytest.raises(Missing, match=r"nothing says how 'other' is read; describe it under updates\.endpoints"):
        await own.releases(Component(name="other", ecosystem="http"))


async def test_a_wrong_expression_has_its_line(office: Office) -> None:
    """That of the endpoint that is wrong, among those that are not."""
    fine = {"url": "https://fine.example", "json": "v"}

    with pytest.raises(ConfigProblem, match=r"^file:wrong: http: components\.wrong\.json cannot be used"):
        office.source("acme/a", fine=fine, wrong={"url": "https://a.example", "json": "["}, more=fine)


async def test_no_endpoint_leads_into_the_operators_network() -> None:
    """A private address is refused as for every other URL of a repository."""
    async with Shelf().running() as shelf, Http() as http:
        desk: Desk[Source] = Desk(
            lambda options: open_one(sources, "http", options, Tools(http=http)), lambda source: source
        )
        described = {"tool": Adapted(kind="http", options={"url": f"{shelf.url}/a", "json": "v"})}
        common = {"http": open_one(sources, "http", {}, Tools(http=http))}
        source = desk.over(common, Updates(endpoints=described), "acme/a")["http"]
        with pytest.raises(Refused, match="is not a public address"):
            await source.releases(TOOL)
        assert shelf.seen == []


async def test_the_number_of_those_kept_is_bounded(office: Office) -> None:
    """A thousand configurations do not fill the memory; the oldest only asks anew."""
    for number in range(endpoints.MOST + 5):
        office.source(f"acme/{number}", tool={"url": f"{office.shelf.url}/a", "json": "v"})

    assert len(office.desk.every()) == endpoints.MOST


def described(url: str, **how: str) -> Registered:
    """The component `db`, whose endpoint is read in this way."""
    current = Adapted(kind="http", options={"url": url, **(how or {"json": "v"})}, where="file:7")
    return Registered(component=Component(name="db", ecosystem="docker"), current=current, line=7)


async def test_an_endpoint_tells_what_runs(office: Office) -> None:
    """One version; several, or none that can be asked for, are no answer."""
    one, many = described(f"{office.shelf.url}/a"), described(f"{office.shelf.url}/many", json="@")
    away = described(f"{office.shelf.url}/nowhere")
    office.shelf.pages["/many"] = ["1.0", "1.1"]

    async def runs(what: Registered) -> str:
        return await registered.running(what, office.desk.over(office.common, Updates(components=(what,)), "acme/a"))

    assert await runs(one) == "1.0"
    with pytest.raises(Permanent, match=r"tells 2 versions \(1\.0, 1\.1, …\)"):
        await runs(many)
    with pytest.raises(Missing):
        await runs(away)
    office.shelf.fail = 503
    with pytest.raises(Transient):
        await runs(described(f"{office.shelf.url}/b"))


def test_what_no_file_pins_is_never_proposed() -> None:
    """The answer says what is there and who has to act; every other answer stays as it is."""
    found = Choice(verdict=Verdict.APPROVE, current="1.0", target=Release(version="2.0"), why=("newest",))
    current = Choice(verdict=Verdict.CURRENT, current="1.0", why=("nothing newer",))

    held = registered.unpinned(found)
    assert (held.verdict, held.target) == (Verdict.HOLD, found.target)
    assert held.why == ("2.0 is there, and no file pins it: whoever deploys it has to move it", "newest")
    assert registered.unpinned(current) is current
