"""The second look asks about what is open, out of lists that were just read, and never ends a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.adapters import again
from bot.adapters.listing import Shelf
from bot.core.advisories import Advisory
from bot.core.errors import SurefootError, Transient
from bot.core.model import Component, Priority, Release, State, Trust, Update
from bot.core.second_look import Seen
from bot.tools.sightings import FolderSightings
from tests.builders import DAY, NOW, a_pull, a_release, an_artifact, an_update

OLD = a_release("1.2.3", published=NOW - 90 * DAY)


@dataclass
class Registry:
    """Lists what is laid out, in part where it is partial; knows the rest."""

    listed: Sequence[Release]
    whole: dict[str, Release] = field(default_factory=dict)
    error: SurefootError | None = None
    asked: list[str] = field(default_factory=list)

    async def releases(self, component: Component) -> Sequence[Release]:
        if self.error:
            raise self.error
        return self.listed

    async def detail(self, component: Component, release: Release) -> Release:
        self.asked.append(release.version)
        return self.whole[release.version]


@dataclass
class Known:
    """What is known, or that nobody can be asked."""

    bad: dict[str, Sequence[Advisory]] = field(default_factory=dict)
    error: SurefootError | None = None

    async def of(self, component: Component, versions: Sequence[str]) -> dict[str, Sequence[Advisory]]:
        if self.error:
            raise self.error
        return self.bad


def an_open(**more: object) -> Update:
    return an_update(**{"state": State.IN_REVIEW, "pull": a_pull(), **more})


async def look(registry: Registry, folder: Path, *updates: Update, advisories: Known | None = None) -> list[Seen]:
    shelf = Shelf(sources={"pypi": registry}, sightings=FolderSightings(folder), advisories=advisories)
    return list((await again.looks(updates or (an_open(),), shelf, NOW)).values())


async def test_only_what_is_open_is_asked_about(tmp_path: Path) -> None:
    """What is merged, ended or only found has other ways; what no source lists has none."""
    registry = Registry([OLD, a_release("1.2.4", yanked=True)])
    states = (State.DETECTED, State.ROLLING_BACK, State.DONE, State.CLOSED)
    others = [an_open(state=state) for state in states]

    assert await look(registry, tmp_path, *others) == []
    assert await look(registry, tmp_path, an_open(component=Component(name="x", ecosystem="npm"))) == []
    [seen] = await look(registry, tmp_path)
    assert seen.blocked.startswith("1.2.4 was yanked")


async def test_what_is_gone_from_the_list_is_told(tmp_path: Path) -> None:
    """Its maker took it back: nothing is asked of it any more."""
    [seen] = await look(Registry([OLD]), tmp_path)

    assert "no longer listed" in seen.blocked


async def test_a_list_that_cannot_be_had_says_nothing(tmp_path: Path) -> None:
    """A registry that is away is no reason to stop anything, or to let it go on."""
    assert await look(Registry([], error=Transient("away")), tmp_path) == []


async def test_advisories_that_cannot_be_had_leave_the_urgency(tmp_path: Path) -> None:
    """What the list says of its release is seen all the same."""
    registry = Registry([OLD, a_release("1.2.4", yanked=True)])
    [seen] = await look(registry, tmp_path, advisories=Known(error=Transient("away")))

    assert seen.blocked and seen.priority is None


async def test_flaws_and_malice_are_seen(tmp_path: Path) -> None:
    """Of the version in use, which makes it urgent; of the target, which stops it."""
    flaws = {"1.2.3": [Advisory(id="CVE-1", score=9.8)], "1.2.4": [Advisory(id="MAL-1", malicious=True)]}
    [seen] = await look(Registry([OLD, a_release()]), tmp_path, advisories=Known(flaws))

    assert (seen.priority, seen.fixes) == (Priority.CRITICAL, ("CVE-1",))
    assert "malicious" in seen.blocked


async def test_what_is_partly_listed_is_read_with_its_forerunners(tmp_path: Path) -> None:
    """A lost provenance is seen on a later look as on the first."""
    good = replace(OLD, trust=Trust(provenance="https://git.example/o/r", publisher="ann"))
    bad = a_release("1.2.4", trust=Trust(provenance="", publisher="eve"))
    registry = Registry(
        [replace(OLD, partial=True), Release(version="1.2.4", partial=True)], {"1.2.3": good, "1.2.4": bad}
    )
    [seen] = await look(registry, tmp_path)

    assert "attacks look like this" in seen.blocked
    assert registry.asked == ["1.2.4", "1.2.3"]


async def test_a_file_that_is_swapped_while_the_pull_request_is_open_stops_it(tmp_path: Path) -> None:
    """What a person looked at is no longer what would be installed."""
    assert await look(Registry([OLD, a_release()]), tmp_path) == []  # nothing is new
    other = a_release(artifacts=(an_artifact("1.2.4", sha256="f" * 64),))
    [after] = await look(Registry([OLD, other]), tmp_path)

    assert "was swapped" in after.blocked


async def test_nobody_is_asked_what_is_known_against_a_range(tmp_path: Path) -> None:
    """A database would refuse the question, and nothing would be known against the target either."""

    class Strict(Known):
        async def of(self, component: Component, versions: Sequence[str]) -> dict[str, Sequence[Advisory]]:
            assert list(versions) == ["1.2.4"]
            return {"1.2.4": [Advisory(id="MAL-1", malicious=True)]}

    [seen] = await look(Registry([OLD, a_release()]), tmp_path, an_open(current=">=1,<2"), advisories=Strict())

    assert "malicious" in seen.blocked and seen.priority is None
