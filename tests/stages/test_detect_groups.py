"""Detect, for groups and for projects: who comes with whom, who is left behind, and what each of them is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.adapters.listing import Shelf
from bot.adapters.sources.pypi import PyPI
from bot.core.model import GROUP, Kind, State, Update, UpdateId, Verdict, id_of
from bot.core.repo_config import Limits, RepoConfig, UpdateRule, Updates
from bot.github import pins
from bot.stages import detect
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from bot.tools.sightings import FolderSightings
from tests.adapters.index_server import Index, wheel
from tests.builders import a_component
from tests.github.town import REPO, Town
from tests.stages.world import MANIFESTS

NOW = datetime(2026, 2, 1, tzinfo=UTC)  # a month after what the index lists
ALL = UpdateRule(group="all")
PINNED = "greeter==1.2.3\nother==1.0\n"


@dataclass(kw_only=True)
class Look:
    """A town that pins two components, and an index that has newer ones of both."""

    shop: Town
    index: Index
    source: PyPI
    seen: Path
    kept: pins.Kept = field(default_factory=pins.readings)

    async def __call__(
        self, *known: Update, released: frozenset[UpdateId] = frozenset(), **updates: Any
    ) -> detect.Detected:
        """updates: of the configuration; everything is in one group where it says nothing of that."""
        place = detect.Place(repo=REPO, installation=self.shop.installation, known=known, released=released)
        config = RepoConfig(updates=Updates(**({"rules": (ALL,)} | updates)))
        shelf = Shelf(sources={"pypi": self.source}, sightings=FolderSightings(self.seen))
        reader = pins.Reader(manifests=MANIFESTS, kept=self.kept)
        return await detect.run(place, gh=self.shop.gh, config=config, reader=reader, shelf=shelf, now=NOW)


@pytest.fixture
async def look(shop: Town, tmp_path: Path) -> AsyncIterator[Look]:
    await shop.push({"requirements.txt": PINNED})
    index = Index(
        projects={
            "greeter": [wheel("greeter", version) for version in ("1.2.3", "1.2.4", "2.0.0")],
            "other": [wheel("other", version) for version in ("1.0", "1.1")],
        }
    )
    async with index.running(), Http(Reach(trusted=["127.0.0.1"])) as http:
        yield Look(shop=shop, index=index, source=PyPI(http, lambda: IndexSettings(index_url=index.url)), seen=tmp_path)


def sets(found: detect.Detected) -> list[dict[str, str]]:
    """What each pull request would move, and where to."""
    return [{part.component.name: part.target for part in update.parts} for update in found.found]


def of_group(found: detect.Detected) -> Update:
    (update,) = [one for one in found.found if one.component.ecosystem == GROUP]
    return update


async def test_a_group_is_found_as_one(look):
    """The small steps together, the major alone; each component keeps its own answer, with the group's name."""
    found = await look()

    assert sets(found) == [{"greeter": "1.2.4", "other": "1.1"}, {"greeter": "2.0.0"}]
    assert {(one.name, one.target, one.group) for one in found.answers} == {
        ("greeter", "1.2.4", "all"), ("greeter", "2.0.0", ""), ("other", "1.1", "all"),
    }  # fmt: skip


async def test_a_member_that_is_held_does_not_hold_the_others(look):
    """The group comes without it, and its answer says what holds it."""
    young = wheel("other", "1.1", **{"upload-time": "2026-01-31T00:00:00Z"})
    look.index.projects["other"] = [wheel("other", "1.0"), young]
    found = await look()

    assert sets(found)[0] == {"greeter": "1.2.4"}
    (held,) = [one for one in found.answers if one.name == "other"]
    assert (held.verdict, held.group) == (Verdict.HOLD, "") and "must be 3 d" in held.why[0]


async def test_a_group_waits_for_its_turn_as_one(look):
    """All of its members say so, and the box of any of them brings it."""
    full = [
        replace(of_group(await look()), id=UpdateId(f"{n:016x}"), target=f"t{n}", state=State.IN_REVIEW, members=(),
                component=a_component(name=f"n{n}"), pins=())
        for n in range(2)
    ]  # fmt: skip
    found = await look(*full, limits=Limits(open=2))
    released = id_of(REPO, a_component(name="other"), "1.1")
    freed = await look(*full, limits=Limits(open=2), released=frozenset({released}))

    assert found.found == ()
    told = {one.name: one for one in found.answers if one.group}
    assert set(told) == {"greeter", "other"} and all("that is the limit" in one.why[0] for one in told.values())
    assert told["other"].id == released and told["other"].waits
    assert {"greeter": "1.2.4", "other": "1.1"} in sets(freed)


async def test_the_same_set_is_found_again_as_the_same(look):
    """A look at what is open already makes no other pull request."""
    first = of_group(await look())
    again = of_group(await look(replace(first, state=State.IN_REVIEW)))

    assert first.id == again.id


async def test_an_open_group_stays_while_an_index_is_away(look):
    """Half of it is not proposed as another set because a server is down for a minute."""
    await look.shop.push({"requirements.txt": PINNED})
    opened = replace(of_group(await look()), state=State.IN_REVIEW)
    true = look.index._answer

    def broken(request: Any) -> Any:
        return web.Response(status=503) if request.match_info["name"] == "other" else true(request)

    look.index._answer = broken
    assert sets(await look(opened)) == [{"greeter": "2.0.0"}]
    assert {"greeter": "1.2.4"} in sets(await look())


@pytest.mark.parametrize("state", [State.CLOSED, State.ROLLED_BACK])
async def test_what_ended_badly_together_is_not_found_alone(look, state):
    """Also when it is grouped no longer; a newer version of one is."""
    ended = replace(of_group(await look()), state=state)
    assert sets(await look(ended, rules=())) == [{"greeter": "2.0.0"}]

    look.index.projects["other"].append(wheel("other", "1.2"))
    assert {"other": "1.2"} in sets(await look(ended, rules=()))


async def test_each_project_goes_as_far_as_it_can(look):
    """One update for each target, with all the places that take it; the answers say which folder they are about."""
    await look.shop.push(
        {
            "requirements.txt": "greeter==1.2.3\n",
            "a/requirements.txt": "greeter==1.2.2\n",
            "b/requirements.txt": "greeter==1.2.3\ngreeter<1.2.4\n",
            "c/requirements.txt": "greeter==1.1\ngreeter<1.2.3\n",
        }
    )
    look.index.projects["greeter"] = [
        wheel("greeter", version) for version in ("1.1", "1.2.2", "1.2.3", "1.2.4", "2.0.0")
    ]
    found = await look(rules=())
    places = {one.target: sorted(pin.path for pin in one.pins) for one in found.found}
    small = next(one for one in found.found if one.target == "1.2.4")

    assert places == {
        "1.2.4": ["a/requirements.txt", "requirements.txt"],
        "1.2.2": ["c/requirements.txt"],
        "2.0.0": ["a/requirements.txt", "requirements.txt"],
    }
    assert (small.current, small.kind) == ("1.2.2", Kind.PATCH)
    told = {(one.folder, one.current, one.target, one.verdict.value) for one in found.answers}
    assert {
        (".", "1.2.3", "1.2.4", "approve"),
        ("a", "1.2.2", "1.2.4", "approve"),
        ("b", "1.2.3", "1.2.4", "hold"),
        ("c", "1.1", "1.2.2", "approve"),
    } <= told


async def test_what_is_done_elsewhere_is_found_for_the_rest(look):
    """Another id and another branch, since the first one's are taken; and once that is done, too, nothing is left."""
    first = next(one for one in (await look(rules=())).found if one.target == "1.2.4")
    done = replace(first, state=State.DONE, changed=NOW - timedelta(days=1))
    assert "1.2.4" not in [one.target for one in (await look(done, rules=())).found]

    await look.shop.push({"requirements.txt": "greeter==1.2.4\n", "b/requirements.txt": "greeter==1.2.3\n"})
    (again,) = [one for one in (await look(done, rules=())).found if one.target == "1.2.4"]

    assert again.id != first.id and again.again == 1
    assert [pin.path for pin in again.pins] == ["b/requirements.txt"]
    over = replace(again, state=State.DONE)
    assert "1.2.4" not in [one.target for one in (await look(done, over, rules=())).found]
