"""Checks: what others say, what the branch asks for, and our own word, said once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.check_runs import Annotation, Button, WantedRun
from bot.core.errors import Refused, Transient
from bot.core.model import InstallationId
from bot.github import checks
from bot.github.checks import MOST_TEXT, Required, cut
from tests.github.hub import APP_ID, hub_and_forge, said
from tests.github.town import REPO, Town

NAME = "surefoot / simulation"


def wanted(shop: Town, **change) -> WantedRun:
    given = {
        "name": NAME,
        "head": shop.tip,
        "key": "u1:simulation",
        "status": "completed",
        "conclusion": "failure",
        "title": "2 tests newly fail",
        "summary": "| a | b |",
    }
    return WantedRun(**(given | change))


def notes(count: int, message: str = "fails") -> tuple[Annotation, ...]:
    return tuple(
        Annotation(path="tests/t.py", line=index + 1, level="failure", title=f"t{index}", message=message)
        for index in range(count)
    )


async def shown(shop: Town, run: int):
    return await shop.gh.getitem(f"/repos/{REPO}/check-runs/{run}")


async def test_the_same_word_is_said_once(shop):
    """However often a row is announced, there is one check run, and no request that would change nothing."""
    button = Button(label="Try again", description="once more", identifier="retry")
    run = await checks.publish(shop.gh, REPO, wanted(shop, actions=(button,), annotations=notes(2)))
    for _ in range(3):
        assert run == await checks.publish(shop.gh, REPO, wanted(shop, actions=(button,), annotations=notes(2)))

    assert (1, 0) == (len(shop.asked("POST", "/check-runs")), len(shop.asked("PATCH", "/check-runs")))
    assert 1 == len(await checks.runs(shop.gh, REPO, shop.tip))
    assert 2 == (await shown(shop, run))["output"]["annotations_count"]


async def test_a_run_goes_from_running_to_its_end_and_back(shop):
    """The same run tells that it runs, how it ended, and that it runs again."""
    first = await checks.publish(shop.gh, REPO, wanted(shop, status="in_progress", conclusion=None, title="running"))
    again = await checks.publish(shop.gh, REPO, wanted(shop, text="log"))
    assert first == again
    raw = await shown(shop, first)
    assert ("completed", "failure", "log") == (raw["status"], raw["conclusion"], raw["output"]["text"])

    await checks.publish(shop.gh, REPO, wanted(shop, status="in_progress", conclusion=None, title="again"))
    (run,) = await checks.runs(shop.gh, REPO, shop.tip)
    assert ("in_progress", None, APP_ID, "u1:simulation") == (run.status, run.conclusion, run.app, run.external_id)
    assert run.started is not None and run.html_url


async def test_two_updates_on_one_commit_do_not_share_a_run(shop):
    """Runs of one name are told apart by our key."""
    one = await checks.publish(shop.gh, REPO, wanted(shop))
    other = await checks.publish(shop.gh, REPO, wanted(shop, key="u2:simulation"))
    assert one != other


async def test_many_notes_come_in_parts_and_end_as_one(shop):
    """GitHub takes fifty at once: 120 are all there, in order, also when we were killed between two parts."""
    run = await checks.publish(shop.gh, REPO, wanted(shop, annotations=notes(70)))
    assert 70 == (await shown(shop, run))["output"]["annotations_count"]
    assert run == await checks.publish(shop.gh, REPO, wanted(shop, annotations=notes(120)))
    assert run == await checks.publish(shop.gh, REPO, wanted(shop, annotations=notes(120)))

    raw = [one async for one in shop.gh.getiter(f"/repos/{REPO}/check-runs/{run}/annotations", iterable_key=None)]
    assert [f"t{index}" for index in range(120)] == [one["title"] for one in raw]
    assert (1, 2) == (len(shop.asked("POST", "/check-runs")), len(shop.asked("PATCH", "/check-runs")))
    assert all(50 >= len(one.body["output"].get("annotations", [])) for one in shop.asked("PATCH", "/check-runs"))


async def test_notes_that_no_longer_hold_are_left_behind(shop):
    """GitHub can only add notes: when they change, a new run of the same name stands in the old one's place."""
    old = await checks.publish(shop.gh, REPO, wanted(shop, annotations=notes(3)))
    new = await checks.publish(shop.gh, REPO, wanted(shop, annotations=notes(3, "fails otherwise")))
    none = await checks.publish(shop.gh, REPO, wanted(shop, conclusion="success", title="all pass"))

    assert old < new < none
    assert [none] == [run.id for run in await checks.runs(shop.gh, REPO, shop.tip)]
    assert none == await checks.publish(shop.gh, REPO, wanted(shop, conclusion="success", title="all pass"))


async def test_what_is_too_long_is_cut_and_says_so(shop):
    """A summary beyond GitHub's bound is no error; letters of several bytes stay whole."""
    run = await checks.publish(shop.gh, REPO, wanted(shop, summary="ä" * 70_000, text="ß" * 70_000))
    output = (await shown(shop, run))["output"]
    for text in (output["summary"], output["text"]):
        assert MOST_TEXT - 3 <= len(text.encode()) <= MOST_TEXT
        assert "cut here" in text
    assert run == await checks.publish(shop.gh, REPO, wanted(shop, summary="ä" * 70_000, text="ß" * 70_000))


@given(st.text(max_size=60), st.integers(52, 80))
def test_a_cut_text_fits_and_is_a_beginning(text, most):
    """In bytes, with a note; what fits is not touched."""
    short = cut(text, most)
    assert len(short.encode()) <= most
    assert short == text or ("cut here" in short and text.startswith(short.split("\n\n… cut")[0]))


async def test_anothers_run_with_our_name_is_not_ours():
    """Neither an App that takes our name and key, nor a run without an App, is updated or believed to be ours."""
    base = {"name": NAME, "status": "completed", "conclusion": "success", "external_id": "u1:simulation"}
    theirs = [base | {"id": 5, "app": {"id": 1}}, base | {"id": 6, "app": None}]
    async with hub_and_forge() as (hub, forge):
        sha = "a" * 40
        hub.on("GET", f"/repos/acme/shop/commits/{sha}/check-runs", lambda asked: said({"check_runs": theirs}))
        hub.on("POST", "/repos/acme/shop/check-runs", lambda asked: said(base | {"id": 7}, 201))
        run = WantedRun(
            name=NAME, head=sha, key="u1:simulation", status="completed", conclusion="success", title="t", summary="s"
        )
        assert 7 == await checks.publish(await forge.installation(InstallationId(7)), REPO, run)


async def test_what_others_report_is_read_whole(shop):
    """Check runs of every App, over all pages, and the newest status of each context."""
    for index in range(130):
        await checks.publish(shop.gh, REPO, wanted(shop, name=f"check {index}", key=str(index)))
    url = f"/repos/{REPO}/statuses/{shop.tip}"
    for context, state in (("ci", "pending"), ("ci", "success"), ("lint", "failure")):
        await shop.people["ben"].post(url, data={"state": state, "context": context})

    assert 130 == len(await checks.runs(shop.gh, REPO, shop.tip))
    told = {(one.context, one.state) for one in await checks.statuses(shop.gh, REPO, shop.tip)}
    assert {("ci", "success"), ("lint", "failure")} == told


async def test_what_a_branch_asks_for_is_gathered_from_both_places(shop):
    """Branch protection and rulesets together, each check with the App whose word counts."""
    assert () == await checks.required(shop.gh, REPO, "main")
    shop.box.add_ruleset(
        shop.repo,
        ["~DEFAULT_BRANCH"],
        [
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": False,
                    "required_status_checks": [{"context": "ruled", "integration_id": APP_ID}, {"context": "any"}],
                },
            },
            {"type": "deletion"},
        ],
    )
    await shop.people["ann"].put(
        f"/repos/{REPO}/branches/main/protection",
        data={
            "required_status_checks": {"strict": False, "checks": [{"context": "ci", "app_id": -1}, {"context": "x"}]},
            "enforce_admins": None,
            "required_pull_request_reviews": None,
            "restrictions": None,
        },
    )
    found = await checks.required(shop.gh, REPO, "main")
    assert {("any", None), ("ci", None), ("ruled", APP_ID), ("x", None)} == {(one.context, one.app) for one in found}


PROTECTED = {"protected": True, "protection": {"enabled": True, "required_status_checks": None}}


@pytest.mark.parametrize(
    ("branch", "rules", "expected"),
    [
        ((PROTECTED, 200), ([], 200), ()),
        (({"protected": False}, 200), ([], 200), ()),
        (({"protected": True}, 200), ([], 200), None),  # guarded, and how is not told
        (({}, 404), ([], 200), None),
        (({}, 403), ([], 200), None),
        ((PROTECTED, 200), ({"message": "Resource not accessible by integration"}, 403), None),
        ((PROTECTED, 200), ({"message": "Not Found"}, 404), None),
        ((PROTECTED, 200), ({"message": "Upgrade to GitHub Pro or make this repository public"}, 403), ()),
        (
            (
                {
                    "protected": True,
                    "protection": {
                        "required_status_checks": {
                            "enforcement_level": "non_admins",
                            "contexts": ["old", "ci"],
                            "checks": [{"context": "ci", "app_id": 7}],
                        }
                    },
                },
                200,
            ),
            ([], 200),
            (Required(context="ci", app=7), Required(context="old", app=None)),
        ),
        (
            (
                {
                    "protected": True,
                    "protection": {"required_status_checks": {"enforcement_level": "off", "contexts": ["x"]}},
                },
                200,
            ),
            ([], 200),
            (),
        ),
    ],
)
async def test_what_a_branch_asks_for_is_known_or_it_is_not(branch, rules, expected):
    """Nothing required and not known are two answers; a plan without rulesets has none."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/branches/feat/x", lambda asked: said(*branch))
        hub.on("GET", "/repos/acme/shop/rules/branches/feat/x", lambda asked: said(*rules))
        gh = await forge.installation(InstallationId(7))
        assert expected == await checks.required(gh, REPO, "feat/x")


@pytest.mark.parametrize("place", ["branches/main", "rules/branches/main"])
async def test_a_fault_is_not_taken_for_not_known(place):
    """Trouble of the moment is asked about again, and another no is told."""
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/branches/main", lambda asked: said(PROTECTED))
        hub.on("GET", "/repos/acme/shop/rules/branches/main", lambda asked: said([]))
        gh = await forge.installation(InstallationId(7))
        for status, kind in ((502, Transient), (422, Refused)):
            hub.on("GET", f"/repos/acme/shop/{place}", lambda asked, status=status: said({}, status))
            with pytest.raises(kind):
                await checks.required(gh, REPO, "main")


async def test_rules_of_an_odd_form_are_no_rules_to_rely_on():
    """A required check that cannot be read is not passed over."""
    odd = [{"type": "required_status_checks", "parameters": {"required_status_checks": [{"name": "x"}]}}]
    async with hub_and_forge() as (hub, forge):
        hub.on("GET", "/repos/acme/shop/branches/main", lambda asked: said(PROTECTED))
        hub.on("GET", "/repos/acme/shop/rules/branches/main", lambda asked: said(odd))
        with pytest.raises(Transient, match="form"):
            await checks.required(await forge.installation(InstallationId(7)), REPO, "main")
