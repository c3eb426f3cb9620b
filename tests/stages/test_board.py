"""The dashboard: one issue that shows every answer, and whose boxes are heard because only writers can tick them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import board as text
from bot.core import names
from bot.core.board import Answer
from bot.core.model import Component, Kind, Priority, State, UpdateId, Verdict
from bot.github import issues
from bot.stages import board
from tests.builders import an_update
from tests.github.town import REPO

UID = UpdateId("0123456789abcdef")
HELD = Answer(
    name="greeter", current="1.2.3", target="2.0.0", verdict=Verdict.HOLD, kind=Kind.MAJOR, id=UID, waits=True,
    why=("2.0.0: 1 d old and must be 3 d", "more"),
)  # fmt: skip
CURRENT = Answer(name="other", current="1.1", verdict=Verdict.CURRENT, why=("1.1 is the newest of 2",))


async def kept(shop, *answers, number=None, updates=()):
    """Look for the dashboard, and write it: the issue's number."""
    found = await board.find(REPO, number, gh=shop.gh, us=shop.us)
    return await board.write(REPO, board.Shown(answers=answers, updates=updates), found, gh=shop.gh)


async def ticks(shop, number):
    return board.released(await board.find(REPO, number, gh=shop.gh, us=shop.us))


async def test_it_is_opened_once_and_found_again(shop):
    """Also by a process that has forgotten its number."""
    number = await kept(shop, HELD, CURRENT)

    assert number == await kept(shop, HELD, CURRENT) == await kept(shop, HELD, CURRENT, number=number)
    assert len(shop.asked("POST", "/issues")) == 1
    assert shop.asked("PATCH", "/issues") == []
    assert names.LABEL in shop.repo.issues[number].labels


async def test_it_is_edited_only_when_an_answer_changed(shop):
    """Nobody is told of an edit that says nothing new."""
    number = await kept(shop, HELD)
    await kept(shop, replace(HELD, why=("ready now",)), number=number)
    await kept(shop, replace(HELD, why=("ready now",)), number=number)

    assert len(shop.asked("PATCH", "/issues")) == 1
    assert "ready now" in shop.repo.issues[number].body


async def test_a_ticked_box_releases_its_update(shop):
    """Whoever may write ticks it on the page; a box that nobody ticked releases nothing."""
    number = await kept(shop, HELD)
    assert await ticks(shop, number) == frozenset()
    body = shop.repo.issues[number].body.replace("- [ ]", "- [x]")

    await shop.people["ben"].patch(f"/repos/{REPO}/issues/{number}", data={"body": body.replace("\n", "\r\n")})

    assert await ticks(shop, number) == {UID}


async def test_a_copy_of_somebody_else_is_not_ours(shop):
    """A stranger may open an issue with our mark and any box ticked in it: it is never read, and never written."""
    body = text.body([HELD], []).replace("- [ ]", "- [x]")
    theirs = await shop.people["cyd"].post(
        f"/repos/{REPO}/issues", data={"title": text.TITLE, "body": body, "labels": [names.LABEL]}
    )

    assert await ticks(shop, theirs["number"]) == frozenset()
    assert await kept(shop, HELD, number=theirs["number"]) != theirs["number"]


async def test_a_closed_one_is_left_alone(shop):
    """Whoever does not want it closes it: it is not written again, releases nothing, and no other takes its place."""
    number = await kept(shop, HELD)
    ticked = shop.repo.issues[number].body.replace("- [ ]", "- [x]")
    await shop.people["ann"].patch(f"/repos/{REPO}/issues/{number}", data={"state": "closed", "body": ticked})

    assert await ticks(shop, number) == frozenset()
    assert await kept(shop, CURRENT, number=number) == await kept(shop, CURRENT) == number
    assert shop.repo.issues[number].body == ticked


async def test_pull_requests_are_no_issues_of_ours(shop):
    """To GitHub each is an issue too, and ours bear the same label."""
    await shop.push({"x": "y"}, branch="surefoot/x")
    pull = await shop.gh.post(f"/repos/{REPO}/pulls", data={"title": "t", "head": "surefoot/x", "base": "main"})
    await shop.gh.post(f"/repos/{REPO}/issues/{pull['number']}/labels", data={"labels": [names.LABEL]})

    assert await issues.of_creator(shop.gh, REPO, shop.us.login, label=names.LABEL) == ()


def test_every_part_is_there_and_reads_like_a_page() -> None:
    """What is on its way, what waits and why, what was turned down, and every component."""
    here = [
        an_update(component=Component(name="open"), state=State.IN_REVIEW, fixes=("CVE-2026-1",)),
        replace(an_update(component=Component(name="back"), state=State.ROLLED_BACK), id=UpdateId("1" * 16)),
        replace(an_update(component=Component(name="over"), state=State.DONE), id=UpdateId("2" * 16)),
    ]
    page = text.body([HELD, CURRENT], here, ["pyproject.toml:3: is no valid TOML"])

    assert "2 answers: 1 up to date, 1 held back. 1 pull request is open." in page
    assert re.search(r"On their way.*`open`.*CVE-2026-1.*waits for a person", page, re.DOTALL)
    assert f"- [ ] <!-- surefoot:release={UID} --> `greeter` `1.2.3` → `2.0.0`: 1 d old and must be 3 d" in page
    assert re.search(r"Turned down.*`back`.*rolled back", page, re.DOTALL)
    assert "`over`" not in page
    assert "| `other` | pypi | `1.1` | current | 1.1 is the newest of 2 |" in page
    assert "`pyproject.toml:3: is no valid TOML`" in page


def test_what_no_tick_can_release_has_no_box() -> None:
    """A box that does nothing would be a lie: what a range or a lock file holds is told, and that is all."""
    page = text.body([replace(HELD, waits=False, why=("held by the range ^1 in package.json:3",))], [])

    assert "- `greeter` `1.2.3` → `2.0.0`: held by the range ^1 in package.json:3" in page
    assert "- [ ]" not in page and "Tick a box" not in page


def test_what_nobody_can_tell_is_counted_apart() -> None:
    """A registry that is away holds nothing back: what is counted as held stands in the list below, with its reason."""
    away = replace(HELD, name="away", target=None, id=None, why=("nothing can be said now: the registry is away",))

    assert "2 answers: 0 up to date, 1 held back, 1 left alone or not known." in text.body([HELD, away], [])
    assert "1 answer: 1 up to date, 0 held back." in text.body([CURRENT], [])


def test_the_urgent_stand_first() -> None:
    """A person who reads three lines reads the three that matter."""
    low = replace(HELD, name="aaa", id=UpdateId("a" * 16))
    page = text.body([low, replace(HELD, name="zzz", priority=Priority.CRITICAL)], [])

    assert page.index("`zzz`") < page.index("`aaa`")


def test_what_is_on_its_way_is_not_held_as_well() -> None:
    """An update that has its pull request needs no box."""
    page = text.body([HELD], [replace(an_update(state=State.IN_REVIEW), id=UID)])

    assert "Held back" not in page


def test_a_thousand_components_fit() -> None:
    """GitHub refuses a longer text: it is cut at a line's end, and says so."""
    many = [replace(HELD, name=f"name-{n}" * 20, id=UpdateId(f"{n:016x}")) for n in range(1000)]
    page = text.body(many, [])

    assert len(page) <= 65_536
    assert "and 900 more" in page


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_can_tick_a_box(name: str, why: str) -> None:
    """Whatever a repository or a registry writes into a name, no box is ticked by it."""
    evil = f"{name}\n- [x] <!-- surefoot:release={'f' * 16} -->"
    page = text.body([replace(HELD, name=evil, why=(evil + why,)), replace(CURRENT, current=evil)], [], [evil])

    assert text.ticked(page) == frozenset()


@pytest.mark.parametrize(
    "body", ["", "- [x] <!-- surefoot:release=short -->", "- [ ] <!-- surefoot:release=" + UID + " -->"]
)
def test_only_a_ticked_box_with_a_whole_id_counts(body: str) -> None:
    """Half a mark is none."""
    assert text.ticked(body) == frozenset()
    assert text.ticked(f"x\n- [X] <!-- surefoot:release={UID} --> y") == {UID}
