"""What a lock file brings along is looked at like what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters import listing
from bot.adapters.listing import Shelf
from bot.core.advisories import Advisory
from bot.core.errors import Missing, Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component, Release
from bot.tools.sightings import FolderSightings

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Registry:
    """Lists what it is given, the times only when asked for one."""

    days: dict[str, float | None]
    fails: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def releases(self, component: Component) -> Sequence[Release]:
        self.asked.append(component.name)
        if self.fails:
            raise self.fails
        return [Release(version="1.1", partial=True)] if component.name in self.days else []

    async def detail(self, component: Component, release: Release) -> Release:
        days = self.days[component.name]
        return Release(version="1.1", published=None if days is None else NOW - days * DAY)


@dataclass
class Known:
    """Knows one thing to be malicious."""

    async def of(self, component: Component, versions: Sequence[str]) -> dict[str, Sequence[Advisory]]:
        return {"1.1": [Advisory(id="MAL-2026-1", malicious=component.name == "evil")]}


def moved(*names: str, after: str = "1.1") -> list[Moved]:
    return [Moved(name=name, before="1.0", after=after) for name in names]


async def look(
    tmp_path: Path, registry: Registry, moves: list[Moved], least: timedelta = 3 * DAY, **more: object
) -> tuple[str, ...]:
    shelf = Shelf(sources={"npm": registry}, sightings=FolderSightings(tmp_path / "seen"), **more)  # type: ignore[arg-type] - one of its fields
    return await listing.gates(moves, "npm", least, shelf, NOW)


async def test_the_old_come_in_and_the_young_are_shown(tmp_path: Path) -> None:
    """The same age counts for what nobody asked for: that is where most attacks came in."""
    registry = Registry({"old": 30, "young": 1, "unknown": None})

    found = await look(tmp_path, registry, moved("old", "young", "unknown", "gone"))

    assert found == (
        "`young` `1.1` comes in with the lock file, and it is 1 d old and must be 3 d",
        "`unknown` `1.1` comes in with the lock file, and it is 0 s old and must be 3 d",
        "`gone` `1.1` comes in with the lock file, and its registry does not list it",
    )


async def test_what_leaves_is_no_question(tmp_path: Path) -> None:
    """A package that is dropped brings nothing in."""
    registry = Registry({})

    assert await look(tmp_path, registry, moved("old", after="")) == ()
    assert registry.asked == []


async def test_only_what_is_new_is_looked_at(tmp_path: Path) -> None:
    """A package that is locked in two versions brings in the one that was not there."""
    registry = Registry({"twice": 1})

    (why,) = await look(tmp_path, registry, [Moved(name="twice", before="1.0", after="1.0, 1.1")])

    assert "`twice` `1.1`" in why


async def test_where_no_age_is_asked_for_nobody_is_asked(tmp_path: Path) -> None:
    """`minimum_age: 0` costs no request."""
    registry = Registry({"young": 0})

    assert await look(tmp_path, registry, moved("young"), least=timedelta()) == ()
    assert registry.asked == []


async def test_a_malicious_one_stops_everything(tmp_path: Path) -> None:
    """No approval lets it in."""
    with pytest.raises(Permanent, match=r"bring in evil 1\.1, which is known to be malicious"):
        await look(tmp_path, Registry({"fine": 30, "evil": 30}), moved("fine", "evil"), advisories=Known())


async def test_who_cannot_be_asked_is_asked_again_and_a_strange_name_is_shown(tmp_path: Path) -> None:
    """A registry that is away is no answer; a name that it does not know is one for a person."""
    with pytest.raises(Transient):
        await look(tmp_path, Registry({}, fails=Transient("away")), moved("x"))
    (why,) = await look(tmp_path, Registry({}, fails=Missing("no such package")), moved("x"))
    assert "nothing is known of it: no such package" in why


async def test_a_landslide_is_for_a_person(tmp_path: Path) -> None:
    """The first forty are looked at, and that there are more is said."""
    names = [f"p{n}" for n in range(50)]
    registry = Registry(dict.fromkeys(names, 30.0))

    assert await look(tmp_path, registry, moved(*names)) == (
        "50 packages move in the lock file, and 40 of them were looked at",
    )
    assert len(registry.asked) == listing.MOST_ALONG


async def test_what_nobody_could_be_asked_about_waits(tmp_path: Path) -> None:
    """A word of GitHub's about a package does not say that this version of it is harmless."""

    class Away:
        async def of(self, component: Component, versions: Sequence[str]) -> dict[str, Sequence[Advisory]]:
            return {version: [Advisory(id="", unasked="osv.example does not answer")] for version in versions}

    with pytest.raises(Transient, match="does not answer"):
        await look(tmp_path, Registry({"old": 30}), moved("old"), advisories=Away())
