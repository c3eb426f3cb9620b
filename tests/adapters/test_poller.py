"""One list for the whole fleet: asked for once, shared by all, and never earlier again than its registry wants."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.poller import BACKOFF, FLOOR, STALE, Poller
from bot.core.errors import Missing, SurefootError, Transient
from bot.core.model import Component, Release
from bot.tools import metrics

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LEFT_PAD = Component(name="left-pad", ecosystem="npm")


@dataclass
class Registry:
    """A registry and the time of day; `fails` is what it answers instead of a list."""

    now: datetime = NOW
    listed: Sequence[Release] = (Release(version="1.0", partial=True),)
    fails: SurefootError | None = None
    asked: list[str] = field(default_factory=list)

    async def releases(self, component: Component) -> Sequence[Release]:
        self.asked.append(component.name)
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails
        return self.listed

    async def detail(self, component: Component, release: Release) -> Release:
        self.asked.append(f"{component.name} {release.version}")
        return Release(version=release.version, published=NOW)

    def polled(self, fresh: timedelta = HOUR) -> Poller:
        return Poller(self, "npm", fresh=fresh, now=lambda: self.now)


async def test_five_hundred_repositories_cost_one_request() -> None:
    """Those who ask while it is being asked wait for the same answer, and those who ask later get it as well."""
    registry = Registry()
    poller = registry.polled()

    answers = await asyncio.gather(*(poller.releases(LEFT_PAD) for _ in range(250)))
    answers += [await poller.releases(LEFT_PAD) for _ in range(250)]

    assert registry.asked == ["left-pad"]
    assert set(answers) == {tuple(registry.listed)}


async def test_a_list_is_asked_for_again_when_its_time_is_over() -> None:
    """News are there within the hour, and a hint brings them at once."""
    registry = Registry()
    poller = registry.polled()
    await poller.releases(LEFT_PAD)
    registry.listed = (Release(version="1.1"),)

    assert (await poller.releases(LEFT_PAD))[0].version == "1.0"
    poller.hint(LEFT_PAD)
    assert (await poller.releases(LEFT_PAD))[0].version == "1.1"
    registry.listed = (Release(version="1.2"),)
    registry.now += HOUR
    assert (await poller.releases(LEFT_PAD))[0].version == "1.2"
    assert len(registry.asked) == 3


async def test_a_hint_reaches_everything_of_that_name() -> None:
    """A webhook names a repository or a package; what it says of versions is not even looked at."""
    registry = Registry()
    poller = registry.polled()
    named = [Component(name=name, ecosystem="git") for name in ("Acme/Tool", "github.com/acme/tool", "acme/toolbox")]
    for component in named:
        await poller.releases(component)
    registry.asked.clear()

    poller.hint_named(["acme/tool"])
    for component in named:
        await poller.releases(component)

    assert registry.asked == ["Acme/Tool", "github.com/acme/tool"]


async def test_a_flood_of_hints_is_one_request_a_minute() -> None:
    """Ten a second for ten minutes, with a look after each: eleven requests, and the last one saw everything."""
    registry = Registry()
    poller = registry.polled()
    await poller.releases(LEFT_PAD)
    registry.asked.clear()

    for _ in range(600):
        for _ in range(10):
            poller.hint_named(["left-pad"])
        await poller.releases(LEFT_PAD)
        registry.now += timedelta(seconds=1)
    assert len(registry.asked) == 10
    registry.listed = (Release(version="9.9"),)
    registry.now += FLOOR

    assert [one.version for one in await poller.releases(LEFT_PAD)] == ["9.9"]
    assert len(registry.asked) == 11


async def test_a_hint_that_comes_too_early_is_kept() -> None:
    """The second version within a minute is not lost: it is said when a look will learn of it, and then it does."""
    registry = Registry()
    poller = registry.polled()
    await poller.releases(LEFT_PAD)
    assert poller.hint_named(["left-pad"]) == NOW
    await poller.releases(LEFT_PAD)
    registry.now += timedelta(seconds=20)
    registry.listed = (Release(version="1.1"),)

    at = poller.hint_named(["left-pad"])
    assert (await poller.releases(LEFT_PAD))[0].version == "1.0"
    assert at == poller.again_named({"left-pad"}) == NOW + FLOOR
    registry.now = NOW + FLOOR

    assert (await poller.releases(LEFT_PAD))[0].version == "1.1"
    assert poller.again_named({"left-pad"}) is None


@pytest.mark.parametrize("known", [False, True])
async def test_a_hint_during_a_request_asks_once_more(known: bool) -> None:
    """What is just being read may be older than the news."""
    registry = Registry()
    poller = registry.polled()
    if known:
        await poller.releases(LEFT_PAD)
        registry.now += HOUR
    began = registry.now
    reading = asyncio.create_task(poller.releases(LEFT_PAD))
    await asyncio.sleep(0)
    poller.hint_named(["left-pad"])
    await reading

    assert poller.again_named({"left-pad"}) == began + FLOOR
    registry.now, registry.listed = began + FLOOR, (Release(version="1.1"),)
    assert (await poller.releases(LEFT_PAD))[0].version == "1.1"


async def test_a_hint_does_not_hasten_a_registry_that_is_away() -> None:
    """Who asked for three hours of rest gets them, whatever is said meanwhile; who knew no such name is asked again."""
    registry = Registry(fails=Transient("slow down", after=timedelta(hours=3)))
    poller = registry.polled()
    with pytest.raises(Transient):
        await poller.releases(LEFT_PAD)
    registry.now += HOUR
    poller.hint(LEFT_PAD)
    with pytest.raises(Transient):
        await poller.releases(LEFT_PAD)
    assert (len(registry.asked), poller.again_named({"left-pad"})) == (1, NOW + timedelta(hours=3))

    registry.now, registry.fails = NOW + timedelta(hours=3), Missing("no such package")
    with pytest.raises(Missing):
        await poller.releases(LEFT_PAD)
    registry.fails = None
    registry.now += FLOOR
    poller.hint(LEFT_PAD)

    assert await poller.releases(LEFT_PAD) == tuple(registry.listed)


async def test_a_hint_never_puts_a_list_off() -> None:
    """What is due in a moment stays due then, although a hint has just been followed."""
    registry = Registry()
    poller = registry.polled(fresh=timedelta(seconds=5))
    await poller.releases(LEFT_PAD)
    poller.hint(LEFT_PAD)
    await poller.releases(LEFT_PAD)
    poller.hint(LEFT_PAD)
    registry.now += timedelta(seconds=5)
    await poller.releases(LEFT_PAD)

    assert len(registry.asked) == 3


def test_a_hint_at_what_nobody_uses_asks_nobody() -> None:
    """Registries tell of everything that they hold."""
    poller = Registry().polled()

    assert poller.hint(LEFT_PAD) == NOW
    assert (poller.hint_named(["left-pad"]), poller.again_named({"left-pad"})) == (None, None)


async def test_a_chart_in_a_registry_is_hinted_at_by_its_place() -> None:
    """The registry names the whole path; Chart.yaml names the chart and, apart from it, where it lies."""
    registry = Registry()
    poller = registry.polled()
    chart = Component(name="web", ecosystem="helm", registry="oci://registry.example.com/team/charts")
    await poller.releases(chart)

    assert poller.hint_named(["team/charts/web"]) == NOW
    assert poller.hint_named(["charts/other"]) is None


async def test_a_deleted_release_is_forgotten() -> None:
    """What counts is the list as it is now; no high-water mark holds on to what was withdrawn."""
    registry = Registry(listed=(Release(version="1.0"), Release(version="9.9")))
    poller = registry.polled()
    await poller.releases(LEFT_PAD)
    registry.listed, registry.now = registry.listed[:1], NOW + HOUR

    assert [one.version for one in await poller.releases(LEFT_PAD)] == ["1.0"]


async def test_while_a_registry_is_away_its_last_list_stays_in_use_for_a_day() -> None:
    """An hour's outage is no news to anybody; a day's is, and then nothing is guessed."""
    registry = Registry()
    poller = registry.polled()
    await poller.releases(LEFT_PAD)
    registry.fails = Transient("the registry cannot be reached")

    registry.now += timedelta(hours=5)
    assert (await poller.releases(LEFT_PAD))[0].version == "1.0"
    assert poller.stale() == []
    registry.now = NOW + STALE
    with pytest.raises(Transient, match="cannot be reached"):
        await poller.releases(LEFT_PAD)
    ((component, standing),) = poller.stale()
    assert (component, standing.succeeded) == (LEFT_PAD, NOW)
    assert 'surefoot_stale_sources{kind="npm"} 1.0' in metrics.exposition().decode()
    registry.fails = None
    registry.now += HOUR
    assert (await poller.releases(LEFT_PAD))[0].version == "1.0"
    assert 'surefoot_stale_sources{kind="npm"} 0.0' in metrics.exposition().decode()


async def test_a_registry_that_fails_is_left_alone_longer_and_longer() -> None:
    """Repositories that keep asking do not make it worse."""
    registry = Registry(fails=Transient("away"))
    poller = registry.polled()
    for _ in range(240):
        with pytest.raises(Transient):
            await poller.releases(LEFT_PAD)
        registry.now += MINUTE

    # After 1, 2, 4, … 32 minutes, and then once an hour.
    assert len(registry.asked) == 9


async def test_it_is_never_asked_earlier_than_it_wants() -> None:
    """Retry-After counts, however few the failures."""
    registry = Registry(fails=Transient("slow down", after=timedelta(hours=3)))
    poller = registry.polled()
    for _ in range(3):
        with pytest.raises(Transient, match="slow down"):
            await poller.releases(LEFT_PAD)
        registry.now += HOUR - MINUTE

    assert registry.asked == ["left-pad"]


async def test_a_name_that_is_in_no_registry_costs_one_request() -> None:
    """Its error is everybody's answer, and a list of an earlier time is not used for a name that is gone."""
    registry = Registry()
    poller = registry.polled()
    await poller.releases(LEFT_PAD)
    registry.fails, registry.now = Missing("no such package"), NOW + HOUR

    for _ in range(50):
        with pytest.raises(Missing, match="no such package"):
            await poller.releases(LEFT_PAD)

    assert len(registry.asked) == 2


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    """A look that is cancelled does not cancel the request of the others."""
    registry = Registry()
    poller = registry.polled()
    first, second = (asyncio.create_task(poller.releases(LEFT_PAD)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == registry.listed
    assert registry.asked == ["left-pad"]


async def test_details_are_asked_for_once() -> None:
    """What was learnt of a release is kept with the list for all who come later."""
    registry = Registry()
    poller = registry.polled()
    (release,) = await poller.releases(LEFT_PAD)
    await poller.detail(LEFT_PAD, release)

    (again,) = await poller.releases(LEFT_PAD)

    assert (again.partial, again.published) == (False, NOW)


async def test_what_was_learnt_outlives_a_registry_that_is_away() -> None:
    """The last list stays in use with all that is known of it; a release that nobody asked of stays as it was."""
    registry = Registry(listed=tuple(Release(version=f"1.{minor}", partial=True) for minor in range(3)))
    poller = registry.polled()
    listed = await poller.releases(LEFT_PAD)
    for release in listed[:2]:
        await poller.detail(LEFT_PAD, release)
    registry.now += 2 * HOUR
    registry.fails = Transient("away")

    again = await poller.releases(LEFT_PAD)

    assert [one.partial for one in again] == [False, False, True] and again[2] is listed[2]
    assert await poller.releases(LEFT_PAD) is again, "made once, for all who ask"


@given(st.lists(st.tuples(st.integers(0, 120), st.booleans()), min_size=1, max_size=30))
def test_requests_keep_their_distance(events: list[tuple[int, bool]]) -> None:
    """Whatever fails and however often is asked: between two requests lies the wait that belongs to the first."""

    async def walk() -> None:
        registry = Registry()
        poller = registry.polled()
        times: list[tuple[datetime, bool]] = []
        for minutes, fails in events:
            registry.now += timedelta(minutes=minutes)
            registry.fails = Transient("away") if fails else None
            before = len(registry.asked)
            with contextlib.suppress(Transient):
                await poller.releases(LEFT_PAD)
            if len(registry.asked) > before:
                times.append((registry.now, fails))
        for (one, failed), (other, _) in itertools.pairwise(times):
            assert other - one >= (BACKOFF.first if failed else HOUR * 0.9)

    asyncio.run(walk())
