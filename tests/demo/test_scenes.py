"""Promises about the scenes: each notices when the bot does not do what it should, and says what it did instead."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from bot.core import names, render
from bot.demo import releases, scenes
from bot.demo.board import Board, Row
from bot.demo.hub import CheckView, PullView
from bot.demo.index import Index
from bot.demo.proxy import Arm, Proxy
from bot.demo.scenes import Otherwise, Play
from bot.demo.traffic import Traffic

BOT, OLD, NEW = "surefoot[bot]", "0" * 40, "f" * 40
SITE = "http://site"
CONFIG = render.onboarding_config([("production", "deploy.yml", f"{SITE}/healthz/releases")])


def a_pull(version: str, number: int = 7, **but) -> PullView:
    branch = f"surefoot/{releases.PROJECT}-{version}"
    made = PullView(
        number=number, title=f"Update to {version}", branch=branch, head="a" * 40, open=True, url="u", author=BOT
    )
    return replace(made, **but)


def merged(pull: PullView, by: str = BOT) -> PullView:
    return replace(pull, open=False, merge_sha=NEW, merged_by=by)


def a_check(name: str, conclusion: str, **but) -> CheckView:
    return CheckView(name=name, conclusion=conclusion, **{"title": "", "summary": "", "url": "u", **but})


@dataclass
class Page:
    """GitHub as the bot under watch has left it; a person's clicks are written down."""

    login = "rosa"
    repo = "hello-inc/hello"
    all_pulls: list[PullView] = field(default_factory=list)
    after: dict[int, PullView] = field(default_factory=dict)  # how a pull request looks when it is opened by itself
    runs: dict[str, CheckView] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    clicks: list[str] = field(default_factory=list)
    on_merge: object = None

    async def pulls(self):
        return self.all_pulls

    async def pull(self, number):
        return self.after.get(number) or next(pull for pull in self.all_pulls if pull.number == number)

    async def check_with_notes(self, sha, name):
        return self.runs.get(name)

    async def deployment_states(self, sha, app):
        return self.states

    async def text(self, path, ref):
        return self.files[path]

    async def head(self, branch):
        return "a" * 40

    async def commit(self, path, text, *, branch, message):
        self.clicks.append(f"edit {path}")

    async def approve(self, pull):
        self.clicks.append(f"approve {pull.head}")
        self.after[pull.number] = merged(pull)

    async def merge(self, number):
        self.clicks.append(f"merge {number}")
        if self.on_merge:
            self.on_merge()
        return NEW


@dataclass
class Asked(Counter):
    """An index that is asked once more at every look."""

    def __getitem__(self, key):
        self[key] = self.get(key, 0) + 1
        return self.get(key)


def a_play(page: Page, *, shares: tuple[int, ...] = ()) -> Play:
    """A world in which the new commit has had these shares of the traffic."""
    proxy = Proxy(arms={OLD: Arm(), NEW: Arm(requests=100, errors=5)}, url=SITE)
    proxy.moves = [{OLD: 100}, *({NEW: share, OLD: 100 - share} for share in shares)]
    proxy.weights = {NEW: 100} if shares[-1:] == (100,) else {OLD: 100}
    index = Index()
    index.asked = Asked()

    async def install():
        page.clicks.append("install")

    fleet = SimpleNamespace(pins=lambda release: "")
    world = SimpleNamespace(hub=page, proxy=proxy, index=index, traffic=Traffic(site=SITE), fleet=fleet)
    world.install, world.app_login, world.gone = install, BOT, lambda: ""
    board = Board(rows=[Row(title="it")])
    board.open(board.rows[0])
    return Play(world=world, board=board)


def proof(play: Play) -> str:
    return "\n".join(play.board.rows[0].evidence)


PASSED = a_check(names.SIMULATION, "success", title="10 tests pass")


# 1


def an_onboarding(config: str = CONFIG) -> Page:
    pull = a_pull("", branch=names.ONBOARD_BRANCH)
    return Page(all_pulls=[pull], files={".github/surefoot.yml": config}, runs={"build": a_check("build", "success")})


async def test_onboarding_is_good_when_the_config_fits():
    """The person installs, edits, and merges; nothing else."""
    page = an_onboarding()
    play = a_play(page)
    await scenes.install(play)
    assert page.clicks == ["install", "edit .github/surefoot.yml", "merge 7"]


@pytest.mark.parametrize("lost", ["deploy.yml", "/healthz/releases"])
async def test_onboarding_that_found_nothing_is_noticed(lost):
    """A config without the workflow or the health address is no fitting one."""
    with pytest.raises(Otherwise, match=r"found no|did not find"):
        await scenes.install(a_play(an_onboarding(CONFIG.replace(lost, "x"))))


# 2


def a_patch(**but) -> Page:
    pull = a_pull(releases.PATCH)
    page = Page(all_pulls=[pull], after={7: merged(pull)}, runs={names.SIMULATION: PASSED}, states=("success",))
    for name, value in but.items():
        setattr(page, name, value)
    return page


async def test_a_patch_is_good_when_it_went_all_the_way():
    """With the merge and the weights as evidence."""
    play = a_play(a_patch(), shares=(5, 25, 50, 100))
    await scenes.patch(play)
    assert "merged by surefoot[bot] as fffffff" in proof(play)
    assert "weights 5 → 25 → 50 → 100 %; no visit failed" in proof(play)


@pytest.mark.parametrize(
    ("page", "shares", "said"),
    [
        (a_patch(runs={names.SIMULATION: a_check(names.SIMULATION, "neutral", title="no")}), (), "neutral: no"),
        (a_patch(after={7: merged(a_pull(releases.PATCH), by="rosa")}), (), "merged by rosa"),
        (a_patch(after={7: replace(a_pull(releases.PATCH), open=False)}), (), "closed without a merge"),
        (a_patch(states=("in_progress", "failure")), (5, 0), "ended as failure; weights 5 → 0 %"),
        (a_patch(), (5, 25, 50), "the traffic is at"),
        (a_patch(), (100,), "did not rise in steps: 100 %"),
        (a_patch(), (50, 5, 100), "did not rise in steps"),
    ],
)
async def test_a_patch_that_went_another_way_is_noticed(page, shares, said):
    """Whatever it was."""
    with pytest.raises(Otherwise, match=said):
        await scenes.patch(a_play(page, shares=shares))


async def test_a_lost_visit_is_noticed():
    """A rollout that costs one visitor an answer is not a good one."""
    play = a_play(a_patch(), shares=(5, 25, 50, 100))

    async def late(sha, app):
        play.world.traffic.dropped += 1
        return ("success",)

    play.world.hub.deployment_states = late
    with pytest.raises(Otherwise, match="1 visits failed on the way"):
        await scenes.patch(play)


async def test_an_unjailed_simulation_is_marked():
    """Nobody takes it for more than it was."""
    unjailed = a_check(names.SIMULATION, "success", summary="**Foreign code ran without a jail**: only the demo may")
    play = a_play(a_patch(runs={names.SIMULATION: unjailed}), shares=(5, 25, 100))
    await scenes.patch(play)
    assert "(WITHOUT a jail)" in proof(play)


# 3


def a_breaking(**but) -> Page:
    failed = a_check(names.SIMULATION, "failure", notes=(f"Newly failing: {scenes.FAILING_TEST}",))
    rejected = a_check(names.POLICY, "failure", title="rejected")
    page = Page(all_pulls=[a_pull(releases.BREAKING)], runs={names.SIMULATION: failed, names.POLICY: rejected})
    for name, value in but.items():
        setattr(page, name, value)
    return page


async def test_a_breaking_release_is_well_treated_when_it_is_rejected_by_name():
    """Of the test, in whichever part of the check run."""
    play = a_play(a_breaking())
    await scenes.breaking(play)
    assert scenes.FAILING_TEST in proof(play)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (a_breaking(runs={names.SIMULATION: PASSED}), "ended as success"),
        (a_breaking(runs={names.SIMULATION: a_check(names.SIMULATION, "failure", title="1 fails")}), "does not name"),
        (
            a_breaking(runs={**a_breaking().runs, names.POLICY: a_check(names.POLICY, "action_required", title="ask")}),
            "ended as action_required",
        ),
        (a_breaking(after={7: merged(a_pull(releases.BREAKING))}), "merged all the same"),
    ],
)
async def test_a_breaking_release_treated_otherwise_is_noticed(page, said):
    """Passed, unnamed, asked about, or merged."""
    with pytest.raises(Otherwise, match=said):
        await scenes.breaking(a_play(page))


# 4


def a_major(policy: str = "action_required", **but) -> Page:
    runs = {names.SIMULATION: PASSED, names.POLICY: a_check(names.POLICY, policy, title="needs a review")}
    page = Page(all_pulls=[a_pull(releases.MAJOR)], runs=runs, states=("success",))
    for name, value in but.items():
        setattr(page, name, value)
    return page


async def test_a_major_is_well_treated_when_it_waits_for_the_approval():
    """Which is of exactly the commit that was looked at."""
    page = a_major()
    await scenes.major(a_play(page, shares=(5, 25, 50, 100)))
    assert page.clicks == ["approve " + "a" * 40]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (a_major(policy="success"), "ended as success"),
        (a_major(after={7: merged(a_pull(releases.MAJOR))}), "did not wait"),
    ],
)
async def test_a_major_that_did_not_wait_is_noticed(page, said):
    """Nobody had to click."""
    with pytest.raises(Otherwise, match=said):
        await scenes.major(a_play(page, shares=(5, 25, 50, 100)))
    assert page.clicks == []


# 5


A_RED_RUN = {
    names.SIMULATION: PASSED,
    names.ROLLOUT: a_check(names.ROLLOUT, "failure", title="a run failed", summary="| turned back: a run |"),
}
SUMMARY = (
    "| Step | How it stands |\n| Environment production | turned back: canary failed 5 of 100 requests (5.0 %) |\n"
)


def a_faulty(again: bool = False, pin: str = releases.MAJOR, **but) -> Page:
    pull = a_pull(releases.FAULTY)
    revert = a_pull("", number=8, branch=f"surefoot/revert-{releases.PROJECT}-{releases.FAULTY}", title="Revert it")
    rollout = a_check(names.ROLLOUT, "failure", title="turned back", summary=SUMMARY)
    runs = {names.SIMULATION: PASSED, names.ROLLOUT: rollout, "build": a_check("build", "success")}
    page = Page(all_pulls=[pull, revert], after={7: merged(pull)}, runs=runs, states=("failure",))
    page.files = {"requirements.txt": f"{releases.PROJECT}=={pin}\n"}
    if again:
        page.on_merge = lambda: page.all_pulls.append(a_pull(releases.FAULTY, number=9))
    for name, value in but.items():
        setattr(page, name, value)
    return page


async def test_a_faulty_release_is_well_treated_when_it_is_turned_back_and_remembered():
    """With what it cost as evidence."""
    play = a_play(a_faulty(), shares=(5, 25, 0))
    assert await scenes.faulty(play) == "stopped at 25 %, turned back, reverted, blocked"
    told = ("weights 5 → 25 → 0 %; 5 of its 100 requests", "#8 Revert it", "nothing was proposed")
    for part in (*told, "failure, canary failed 5 of 100 requests (5.0 %): u"):
        assert part in proof(play)


@pytest.mark.parametrize(
    ("page", "shares", "said"),
    [
        (a_faulty(states=("success",)), (5, 100), "ended as success"),
        (a_faulty(), (5, 100, 0), "it reached everybody"),
        (a_faulty(pin=releases.FAULTY), (5, 0), "after the revert main pins"),
        (a_faulty(again=True), (5, 0), "proposed again: .*9"),
        (a_faulty(runs=A_RED_RUN), (5, 0), "not by the judge: a run failed"),
    ],
)
async def test_a_faulty_release_treated_otherwise_is_noticed(page, shares, said):
    """Not caught, caught too late, not reverted, not remembered, or turned back for another reason than its health."""
    with pytest.raises(Otherwise, match=said):
        await scenes.faulty(a_play(page, shares=shares))


async def test_traffic_that_did_not_return_is_noticed():
    """The deployment may be called failed and still serve people."""
    play = a_play(a_faulty(), shares=(5, 25))

    async def pulls_and_shifts():
        play.world.proxy.weights = {OLD: 75, NEW: 25}
        return play.world.hub.all_pulls

    play.world.hub.pulls = pulls_and_shifts
    with pytest.raises(Otherwise, match="traffic did not return"):
        await scenes.faulty(play)


def test_the_show_has_five_scenes_in_less_than_the_time_of_a_coffee():
    """Each with its own limit."""
    assert len(scenes.SCENES) == 5
    assert all(scene.seconds <= 120 for scene in scenes.SCENES)
