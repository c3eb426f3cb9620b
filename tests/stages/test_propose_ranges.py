"""Propose: ranges that an update widens are read anew on the base, and the step is never taken for a smaller one."""

from __future__ import annotations

import pytest

from bot.core.model import Kind, State
from bot.stages import propose
from tests.builders import NOW, a_pin
from tests.github.town import Town
from tests.stages.world import KEEPER, MANIFESTS, found, moved, text_at

RANGED = a_pin(requirement=">=1,<2", version=None, widens=True, path="base/requirements.txt")


async def run(shop: Town, update):
    return await propose.run(update, gh=shop.gh, us=shop.us, manifests=MANIFESTS, keeper=KEEPER, now=NOW)


@pytest.mark.parametrize(
    ("now", "then", "current", "kind"),
    [
        ("greeter>=1,<2  # ours\n", "greeter>=1,<3  # ours\n", ">=1,<2", Kind.MINOR),
        ("greeter>=1,<1.5\n", "greeter>=1,<2.2\n", ">=1,<1.5", Kind.MAJOR),
    ],
)
async def test_a_range_is_widened_in_one_commit_that_is_ours(shop, now, then, current, kind):
    """Run twice it is one commit; where the base asks for another range by now, nobody measured the step."""
    await shop.push({"base/requirements.txt": now})
    update = found(shop, target="2.1.0", kind=Kind.MINOR, current=">=1,<2", pins=(RANGED,))

    first = moved(await run(shop, update), State.PROPOSED)
    again = moved(await run(shop, update), State.PROPOSED)

    assert await text_at(shop, "base/requirements.txt", first.pull.head) == then
    assert (first.current, first.kind) == (current, kind)
    assert first.pull == again.pull and again.pull.ours
    assert await text_at(shop, "requirements.txt", first.pull.head) == "greeter==1.2.3\n"


async def test_an_exact_pin_and_a_range_move_together(shop):
    """Both, in one commit, and the step is measured from the exact one."""
    await shop.push({"base/requirements.txt": "greeter>=1,<2\n"})
    update = found(shop, target="2.1.0", kind=Kind.MAJOR, pins=(a_pin(), RANGED))

    done = moved(await run(shop, update), State.PROPOSED)

    assert await text_at(shop, "base/requirements.txt", done.pull.head) == "greeter>=1,<3\n"
    assert await text_at(shop, "requirements.txt", done.pull.head) == "greeter==2.1.0\n"
    assert (done.current, done.kind) == ("1.2.3", Kind.MAJOR)


async def test_a_range_that_came_later_is_not_widened_unasked(shop):
    """An update that was made to move exact pins moves no range that it meets."""
    await shop.push({"requirements.txt": "greeter==1.2.3\ngreeter<1.2.4 ; python_version < '3'\n"})

    done = moved(await run(shop, found(shop)), State.PROPOSED)

    wanted = "greeter==1.2.4\ngreeter<1.2.4 ; python_version < '3'\n"
    assert await text_at(shop, "requirements.txt", done.pull.head) == wanted
