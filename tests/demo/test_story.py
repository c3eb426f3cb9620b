"""Promises about the show: it ends with the truth, a scene that hangs is ended, and later scenes do not pretend."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from bot import config
from bot.core import render
from bot.demo import scenes, story
from bot.demo.board import Board, Row
from bot.demo.hub import Refusal
from bot.demo.proxy import Proxy
from bot.demo.scenes import Otherwise, Play, Scene
from bot.demo.traffic import Traffic


def at_hand(*titles: str, gone: str = "") -> Play:
    board = Board(rows=[Row(title=title) for title in titles])
    return Play(world=a_world(gone), board=board)


def a_world(gone: str = "") -> SimpleNamespace:
    """As much of the world as a show without scenes of its own looks at."""
    bot = SimpleNamespace(last_words=lambda lines: ["[its last words]"])
    return SimpleNamespace(
        gone=lambda: gone, proxy=Proxy(), bot=bot, fleet=SimpleNamespace(pins=str), traffic=Traffic(site="http://x")
    )


def scene(title: str, play, seconds: float = 5) -> Scene:
    return Scene(title=title, seconds=seconds, play=play)


async def fine(play: Play) -> str:
    play.board.prove("seen")
    return "fine"


async def test_a_show_whose_scenes_end_well_is_good():
    """Outcome and evidence of each stand in the table."""
    play = at_hand("1", "2")
    await story.all_scenes([scene("1", fine), scene("2", fine)], play)
    document = story.as_document(play.board)
    assert document["ok"] is True
    assert [row["outcome"] for row in document["scenes"]] == ["fine", "fine"]
    assert document["scenes"][0]["evidence"] == ["seen"]


async def never(play: Play) -> str:
    await play.until("the moon", lambda: asyncio.sleep(0))
    return "it came"


async def otherwise(play: Play) -> str:
    raise Otherwise("it was green")


async def refused(play: Play) -> str:
    raise Refusal("405 not allowed")


@pytest.mark.parametrize(
    ("play", "said"),
    [(never, "still waiting for the moon"), (otherwise, "it was green"), (refused, "405 not allowed")],
)
async def test_a_scene_that_goes_wrong_says_why_and_ends_the_show(play, said):
    """What was not played is not called good."""
    hand = at_hand("1", "2")
    await story.all_scenes([scene("1", play, seconds=0.05), scene("2", fine)], hand)
    assert said in hand.board.rows[0].outcome
    assert [row.ok for row in hand.board.rows] == [False, False]
    assert hand.board.rows[1].outcome == "not played"
    assert story.as_document(hand.board)["ok"] is False


async def test_a_bot_that_died_is_noticed_at_once():
    """Nobody waits a minute for a dead process."""
    hand = at_hand("1", gone="the bot ended with code 3: out of memory")
    await story.all_scenes([scene("1", never)], hand)
    assert hand.board.rows[0].outcome == "the bot ended with code 3: out of memory"


def test_the_reviewers_edit_of_the_proposed_config_is_a_good_config():
    """It changes the three times and leaves everything else as the bot proposed it."""
    proposed = render.onboarding_config([("production", "deploy.yml", "http://127.0.0.1:1/healthz/releases")])
    edited = config.parse(scenes.hurried(proposed), "surefoot.yml")
    assert edited.updates.minimum_age.total_seconds() == 0
    options = edited.environments[0].strategy.options
    assert (options["bake"], options["min_requests"]) == ("6s", 60)
    assert options["steps"] == [5, 25, 50, 100]
    assert edited.policy == config.parse(proposed, "surefoot.yml").policy


def test_a_config_without_the_times_is_not_guessed_at():
    """The scene fails with the config that was proposed."""
    with pytest.raises(Otherwise, match="no bake"):
        scenes.hurried("version: 1\n")


def test_shares_are_shown_as_a_road():
    """For people."""
    assert scenes.shown((5, 25, 0)) == "5 → 25 → 0 %"
    assert scenes.shown(()) == "none"


@pytest.fixture
def stage(monkeypatch):
    """A show with one scene of the test's own, on a world that notes whether it was taken down."""
    seen = SimpleNamespace(down=False)

    def put(play) -> SimpleNamespace:
        @asynccontextmanager
        async def raised(board, *, unjailed):
            board.links["GitHub"] = "http://127.0.0.1:1/a/page"
            try:
                yield a_world()
            finally:
                seen.down = True

        monkeypatch.setattr(story.world, "raised", raised)
        monkeypatch.setattr(scenes, "SCENES", (scene("1", play, seconds=20),))
        return seen

    return put


async def test_json_alone_is_on_stdout(stage, capsys):
    """A machine reads the table; a person reads the rest beside it."""
    seen = stage(fine)
    assert await story.play(as_json=True) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["scenes"][0] == {
        "scene": "1",
        "ok": True,
        "outcome": "fine",
        "seconds": 0.0,
        "evidence": ["seen"],
    }
    assert "What happened" in err
    assert seen.down


async def test_a_bad_show_ends_with_the_bots_last_words(stage, capsys):
    """And with exit code 1, and nothing left running."""
    seen = stage(otherwise)
    assert await story.play() == 1
    out = capsys.readouterr().out
    assert "it was green" in out
    assert "[its last words]" in out
    assert seen.down


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_show_that_is_stopped_takes_everything_down(stage, number):
    """Exit code 130, as a shell says it."""
    began = asyncio.Event()

    async def long(play: Play) -> str:
        began.set()
        return await never(play)

    seen = stage(long)
    show = asyncio.create_task(story.play())
    await began.wait()
    os.kill(os.getpid(), number)
    assert await show == 130
    assert seen.down


async def test_a_kept_show_stays_until_it_is_stopped(stage, capsys):
    """Its links are named, and its result is that of the scenes."""
    seen = stage(fine)
    show = asyncio.create_task(story.play(keep=True))
    said = ""
    while "press Ctrl-C" not in said or "a/page" not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    assert not seen.down
    os.kill(os.getpid(), signal.SIGINT)
    assert await show == 0
    assert seen.down


async def test_a_show_that_cannot_begin_says_why(monkeypatch, capsys):
    """Exit code 2."""

    @asynccontextmanager
    async def raised(board, *, unjailed):
        raise story.world.NotRaised("git is not installed")
        yield

    monkeypatch.setattr(story.world, "raised", raised)
    assert await story.play() == 2
    assert "The demo cannot begin: git is not installed" in capsys.readouterr().out


async def test_an_error_of_our_own_is_not_hidden(stage):
    """It is raised, after everything was taken down."""

    async def broken(play: Play) -> str:
        raise KeyError("a mistake")

    seen = stage(broken)
    with pytest.raises(KeyError, match="a mistake"):
        await story.play()
    assert seen.down
