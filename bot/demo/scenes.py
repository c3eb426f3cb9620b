"""Five scenes: each sets the world in motion, watches what the bot makes of it, and says whether that was right.

Set in motion are only installations, releases and a reviewer's clicks. What is watched is what everybody can see:
GitHub's pages and production's traffic. A scene that is not as it should be ends with `Otherwise` and the reason.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.core import names
from bot.core.repo_config import CONFIG_PATH
from bot.demo import releases
from bot.demo.board import Board
from bot.demo.hub import CheckView, PullView
from bot.demo.world import World

Found = TypeVar("Found")

PAUSE = 0.4  # seconds between two looks
LOOKS = 3  # how often the bot must have asked the index again before its silence proves anything
FAILING_TEST = "test_a_visitor_without_a_name_is_a_stranger"
JUDGED = re.compile(r"canary failed [^|]*")  # the judge's sentence in a table of the check run
# What the reviewer changes in the proposed configuration, so that the show ends while somebody watches.
HURRY = (("bake", "6s"), ("min_requests", "60"), ("minimum_age", "0s"))


class Otherwise(Exception):
    """It did not go as it should; the message says what was seen instead."""


@dataclass(slots=True, kw_only=True)
class Play:
    """What a scene has at hand. waiting: what it is waiting for just now, for whoever must say that it never came.

    moves: how many moves of the traffic were told already.
    """

    world: World
    board: Board
    waiting: str = ""
    moves: int = 0

    async def until(self, what: str, look: Callable[[], Awaitable[Found | None]]) -> Found:
        """Look again and again until there is something. Otherwise when the bot has gone."""
        self.waiting = what
        while True:
            if gone := self.world.gone():
                raise Otherwise(gone)
            found = await look()
            self._tell_moves()
            if found:
                return found
            await asyncio.sleep(PAUSE)

    def _tell_moves(self) -> None:
        proxy = self.world.proxy
        for weights in proxy.moves[self.moves :]:
            split = ", ".join(f"{share} % to {self._named(release)}" for release, share in weights.items())
            self.board.tell(f"production: {split}")
        self.moves = len(proxy.moves)

    def _named(self, release: str) -> str:
        return f"{release[:7]} ({self.world.fleet.pins(release)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One scene. play answers its outcome in a few words; seconds: when it has failed for taking too long."""

    title: str
    seconds: float
    play: Callable[[Play], Awaitable[str]]


def require(holds: bool, otherwise: str) -> None:
    """Otherwise, unless it holds."""
    if not holds:
        raise Otherwise(otherwise)


async def install(play: Play) -> str:
    """The App is installed; a pull request with a configuration that fits this repository arrives."""
    hub, board = play.world.hub, play.board
    board.tell(f"{hub.login} installs the App on {hub.repo}")
    await play.world.install()
    pull = await play.until("the onboarding pull request", lambda: _open_pull(play, names.ONBOARD_BRANCH))
    config = await hub.text(CONFIG_PATH, pull.branch)
    require("deploy.yml" in config, f"#{pull.number} did not find the deploy workflow:\n{config}")
    require(f"{play.world.proxy.url}/healthz/releases" in config, f"#{pull.number} found no health address:\n{config}")
    board.prove(f"#{pull.number} by {pull.author}: {pull.url}")
    board.prove("its config names deploy.yml, the environment production and its health address")
    await hub.commit(CONFIG_PATH, hurried(config), branch=pull.branch, message="Watch each step for seconds only")
    board.tell(f"{hub.login} edits the config for this show: {', '.join(f'{key} {value}' for key, value in HURRY)}")
    await concluded(play, await hub.head(pull.branch), "build")
    sha = await hub.merge(pull.number)
    board.prove(f"{hub.login} merged it as {sha[:7]}")
    return "a fitting config was proposed, and merged by a person"


async def patch(play: Play) -> str:
    """A good patch goes all the way without anybody."""
    pull = await proposed(play, releases.PATCH)
    await passes(play, pull)
    sha = await merged(play, pull)
    await rolled_out(play, sha)
    return "merged by itself, canary to 100 %"


async def breaking(play: Play) -> str:
    """A release that breaks a test is rejected, and the test is named."""
    moves = len(play.world.proxy.moves)
    pull = await proposed(play, releases.BREAKING)
    tried = await concluded(play, pull.head, names.SIMULATION)
    require(tried.conclusion == "failure", f"the simulation ended as {tried.conclusion}: {tried.title}")
    told = "\n".join((tried.title, tried.summary, *tried.notes))
    require(FAILING_TEST in told, f"the check run does not name {FAILING_TEST}: {tried.title}")
    play.board.prove(f"{names.SIMULATION}: failure, naming {FAILING_TEST}: {tried.url}")
    said = await concluded(play, pull.head, names.POLICY)
    require(said.conclusion == "failure", f"the policy check ended as {said.conclusion}: {said.title}")
    play.board.prove(f"{names.POLICY}: {said.conclusion}, {said.title}")
    now = await play.world.hub.pull(pull.number)
    require(not now.merge_sha, f"#{pull.number} was merged all the same")
    require(len(play.world.proxy.moves) == moves, "production moved all the same")
    play.board.prove("not merged, and production did not move")
    return "rejected before anybody met it"


async def major(play: Play) -> str:
    """A major waits for a person; once one has approved this very commit it goes the whole way."""
    hub = play.world.hub
    pull = await proposed(play, releases.MAJOR)
    await passes(play, pull)
    said = await concluded(play, pull.head, names.POLICY)
    require(said.conclusion == "action_required", f"the policy check ended as {said.conclusion}: {said.title}")
    require(not (await hub.pull(pull.number)).merge_sha, f"#{pull.number} did not wait")
    play.board.prove(f"it waits: {said.title}")
    await hub.approve(pull)
    play.board.prove(f"{hub.login} approved {pull.head[:7]}")
    sha = await merged(play, pull)
    await rolled_out(play, sha)
    return "waited for a review, then canary to 100 %"


async def faulty(play: Play) -> str:
    """A release that passes every test and fails real people: caught, turned back, reverted, not proposed again."""
    world, board = play.world, play.board
    before = dict(world.proxy.weights)
    sent, failed = world.traffic.sent, world.traffic.failed
    pull = await proposed(play, releases.FAULTY)
    await passes(play, pull)
    sha = await merged(play, pull)
    await play.until("the deployment to be marked failed", lambda: _ends(play, sha, "failure"))
    require(world.proxy.weights == before, f"traffic did not return: {dict(world.proxy.weights)}")
    shares, counts = world.proxy.shares(sha), world.proxy.counts()[sha]
    require(max(shares, default=0) < 100, f"it reached everybody: {shown(shares)}")
    board.prove(f"weights {shown(shares)}; {counts['errors']} of its {counts['requests']} requests had failed")
    sent, failed = world.traffic.sent - sent, world.traffic.failed - failed
    board.prove(f"of all {sent} visits meanwhile, {failed} failed ({100 * failed / max(sent, 1):.2f} %)")
    why = await concluded(play, sha, names.ROLLOUT)
    judged = JUDGED.search(why.summary)
    require(judged is not None, f"it was turned back, but not by the judge: {why.title}")
    board.prove(f"{names.ROLLOUT}: {why.conclusion}, {judged[0].strip() if judged else ''}: {why.url}")
    await reverted(play)
    return f"stopped at {max(shares)} %, turned back, reverted, blocked"


async def reverted(play: Play) -> None:
    """The revert was opened; with it merged the faulty version would be new again, and is not proposed."""
    world, hub, board = play.world, play.world.hub, play.board
    branch = f"surefoot/revert-{releases.PROJECT}-{releases.FAULTY}"
    pull = await play.until("the revert pull request", lambda: _open_pull(play, branch))
    board.prove(f"#{pull.number} {pull.title}: {pull.url}")
    await concluded(play, pull.head, "build")
    await hub.merge(pull.number)
    pin = await hub.text("requirements.txt", "main")
    require(releases.MAJOR in pin, f"after the revert main pins {pin.strip()}")
    asked = world.index.asked[releases.PROJECT]
    board.tell(f"{hub.login} merged it, so main pins {pin.strip()} again; does the bot propose {releases.FAULTY} anew?")

    async def looked_again() -> bool:
        return world.index.asked[releases.PROJECT] >= asked + LOOKS

    await play.until(f"the bot to ask the index {LOOKS} times more", looked_again)
    again = [pull.number for pull in await hub.pulls() if pull.branch == _branch(releases.FAULTY)]
    require(len(again) == 1, f"it was proposed again: {again}")
    board.prove(f"{releases.FAULTY} is blocked: the index was asked {LOOKS} times more, and nothing was proposed")


async def proposed(play: Play, version: str) -> PullView:
    """Publish a version and wait for its pull request."""
    play.board.tell(f"upstream publishes {releases.PROJECT} {version}")
    play.world.index.publish(releases.wheel_of(version))
    pull = await play.until(f"a pull request for {version}", lambda: _open_pull(play, _branch(version)))
    play.board.prove(f"#{pull.number} {pull.title}: {pull.url}")
    return pull


async def passes(play: Play, pull: PullView) -> None:
    """The simulation passes."""
    tried = await concluded(play, pull.head, names.SIMULATION)
    require(tried.conclusion == "success", f"the simulation ended as {tried.conclusion}: {tried.title}")
    jail = " (WITHOUT a jail)" if "without a jail" in tried.summary else ""
    play.board.prove(f"{names.SIMULATION}: {tried.conclusion}, {tried.title}{jail}")


async def merged(play: Play, pull: PullView) -> str:
    """The bot merges it; answers the merge commit."""

    async def look() -> PullView | None:
        now = await play.world.hub.pull(pull.number)
        require(now.open or bool(now.merge_sha), f"#{pull.number} was closed without a merge")
        return now if now.merge_sha else None

    done = await play.until(f"#{pull.number} to be merged", look)
    require(done.merged_by == play.world.app_login, f"it was merged by {done.merged_by}")
    play.board.prove(f"#{pull.number} merged by {done.merged_by} as {done.merge_sha[:7]}")
    return done.merge_sha


async def rolled_out(play: Play, sha: str) -> None:
    """The commit gets its traffic step by step, and nobody notices."""
    world = play.world
    failed = world.traffic.failed
    await play.until(f"{sha[:7]} to have all traffic for good", lambda: _ends(play, sha, "success"))
    shares = world.proxy.shares(sha)
    require(world.proxy.weights == {sha: 100}, f"the traffic is at {dict(world.proxy.weights)}")
    rising = len(shares) > 2 and list(shares) == sorted(shares)
    require(rising, f"the traffic did not rise in steps: {shown(shares)}")
    lost = world.traffic.failed - failed
    require(lost == 0, f"{lost} visits failed on the way: {world.traffic.last_drop}")
    play.board.prove(f"weights {shown(shares)}; no visit failed; deployment: success")


async def concluded(play: Play, sha: str, name: str) -> CheckView:
    """A check run on this commit, once it has ended."""

    async def look() -> CheckView | None:
        check = await play.world.hub.check_with_notes(sha, name)
        return check if check and check.conclusion else None

    return await play.until(f"{name} on {sha[:7]} to conclude", look)


async def _ends(play: Play, sha: str, state: str) -> bool:
    states = await play.world.hub.deployment_states(sha, play.world.app_login)
    end = next((one for one in reversed(states) if one in ("success", "failure", "error")), "")
    shares = shown(play.world.proxy.shares(sha))
    require(end in ("", state), f"the deployment of {sha[:7]} ended as {end}; weights {shares}")
    return end == state


async def _open_pull(play: Play, branch: str) -> PullView | None:
    for pull in await play.world.hub.pulls():
        if pull.branch == branch and pull.open:
            return pull
    return None


def _branch(version: str) -> str:
    return f"surefoot/{releases.PROJECT}-{version}"


def hurried(config: str) -> str:
    """The configuration with the show's short times. Otherwise when a key that the reviewer looks for is not there."""
    for key, value in HURRY:
        config, changed = re.subn(rf"(?m)^(\s*){key}:.*$", rf"\g<1>{key}: {value}", config)
        require(changed > 0, f"the proposed config has no {key}:\n{config}")
    return config


def shown(shares: Sequence[int]) -> str:
    """Shares over time, for people."""
    return " → ".join(map(str, shares)) + " %" if shares else "none"


SCENES = (
    Scene(title="1 The App is installed", seconds=60, play=install),
    Scene(title="2 A good patch", seconds=120, play=patch),
    Scene(title="3 A release that breaks a test", seconds=60, play=breaking),
    Scene(title="4 A major", seconds=120, play=major),
    Scene(title="5 A release that fails in production", seconds=120, play=faulty),
)
