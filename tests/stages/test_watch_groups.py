"""Watch, for groups: a group and the single updates of its members make room for one another, and none is lost."""

from __future__ import annotations

from dataclasses import replace

from bot.core.grouping import together
from bot.core.model import Component, Grade, Kind, State, Update
from bot.core.repo_config import UpdateRule, Updates
from bot.stages import watch
from tests.builders import HOUR, NOW, a_component, a_pin, a_pull, a_release, a_simulation, an_update
from tests.github.town import Town
from tests.stages.world import MANIFESTS, moved, pull_of, tried

HELPER = a_component(name="helper")
LATER = NOW + HOUR


def opened(update: Update, number: int, **more: object) -> Update:
    """The update with its pull request open and its trial passed, found later than the other one."""
    pull = a_pull(number=number)
    values: dict[str, object] = {"state": State.IN_REVIEW, "pull": pull, "simulation": a_simulation(), "created": LATER}
    return replace(update, **{**values, **more})  # type: ignore[arg-type]  # any field


def single(component: Component, target: str, number: int = 90, **more: object) -> Update:
    update = an_update(
        component=component, target=target, release=a_release(target), pins=(a_pin(component=component),)
    )
    return opened(update, number, **more)


def group(*targets: tuple[Component, str], number: int = 91, name: str = "web", **more: object) -> Update:
    """These components' group, open and good."""
    rules = Updates(rules=(UpdateRule(group=name),))
    found = [single(component, target, created=NOW) for component, target in targets]
    (made,) = together(found, rules.group_of, ())
    return opened(made, number, **more)


async def run(shop: Town, update: Update, *siblings: Update):
    return await watch.run(update, gh=shop.gh, us=shop.us, manifests=MANIFESTS, siblings=(update, *siblings), now=LATER)


async def test_a_single_update_gives_way_to_its_group(shop):
    """Of the same version, since the group was found later; its pull request is closed with a word on where to look."""
    update = await tried(shop, State.IN_REVIEW)
    after = moved(await run(shop, update, group((a_component(), "1.2.4"), (HELPER, "2.0"))), State.SUPERSEDED)

    assert after.note == "superseded by #91"
    assert "closed" == (await pull_of(shop, update)).state


async def test_it_stays_beside_a_group_that_holds_less_or_is_no_good(shop):
    """Another component's, an older version's, one that was found before, or one whose trial failed."""
    update = await tried(shop, State.IN_REVIEW)
    for other in (
        group((HELPER, "2.0")),
        group((a_component(), "1.2.3")),
        group((a_component(), "1.2.4"), created=update.created),
        group((a_component(), "1.2.4"), simulation=a_simulation(grade=Grade.FAILED)),
        group((a_component(), "1.2.5"), kind=Kind.PATCH, pull=None),
    ):
        assert await run(shop, update, other) is None


async def test_a_group_gives_way_when_each_member_has_found_a_place(shop):
    """Taken out of the configuration: its members come alone, and the last of them closes it."""
    update = await tried(shop, State.IN_REVIEW)
    both = replace(group((a_component(), "1.2.4"), (HELPER, "2.0")), pull=update.pull, created=NOW)
    first, second = single(a_component(), "1.2.5", 92), single(HELPER, "2.0", 93)

    assert await run(shop, both, first) is None
    assert moved(await run(shop, both, first, second), State.SUPERSEDED).note == "superseded by #92, #93"


async def test_a_group_gives_way_to_itself_made_anew(shop):
    """What is not in the newer set left it: held, ignored, or alone for a grave fix."""
    update = await tried(shop, State.IN_REVIEW)
    both = replace(group((a_component(), "1.2.4"), (HELPER, "2.0")), pull=update.pull, created=NOW)
    rest = group((HELPER, "2.0"))

    for other in (
        group((HELPER, "2.0"), name="other"),
        replace(rest, created=NOW - HOUR),
        replace(rest, simulation=None),
        replace(rest, kind=Kind.MAJOR),
        replace(rest, kind=Kind.SCHEME),
    ):
        assert await run(shop, both, other) is None
    assert moved(await run(shop, both, rest), State.SUPERSEDED).note == "superseded by #91"


async def test_the_newer_must_be_in_all_of_our_places(shop):
    """One folder may stay behind the others, and one file may ask for two versions: each goes its own way."""
    update = await tried(shop, State.IN_REVIEW)
    newer = single(a_component(), "1.2.5")
    (pin,) = newer.pins
    for pins in ((replace(pin, path="docs/requirements.txt"),), (replace(pin, version="1.2.4.1"),), ()):
        assert await run(shop, update, replace(newer, pins=pins)) is None
    both = replace(newer, pins=(replace(pin, path="docs/requirements.txt"), replace(pin, version="1.2.3.1")))
    assert moved(await run(shop, update, both), State.SUPERSEDED)


async def test_a_merged_single_closes_the_group_of_one(shop):
    """There is nothing left for it to do."""
    update = await tried(shop, State.IN_REVIEW)
    one = replace(group((a_component(), "1.2.4")), pull=update.pull, created=NOW)
    merged = single(a_component(), "1.2.4", state=State.DONE, created=LATER)

    assert State.SUPERSEDED is (await run(shop, one, merged)).to
