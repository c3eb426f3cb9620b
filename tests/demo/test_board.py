"""Promises about what is shown: figures are of now, evidence is kept, and the table says how each scene ended."""

from __future__ import annotations

import io
from collections import Counter

from rich.console import Console

from bot.demo import show
from bot.demo.board import Board, Meter, Pace, Row
from bot.demo.fleet import Fleet
from bot.demo.proxy import Proxy
from bot.demo.traffic import Traffic


def test_paces_are_of_the_last_seconds():
    """What happened a minute ago does not colour what is seen now."""
    meter = Meter()
    meter.read({"old": {"requests": 0, "errors": 0}}, {"old": 100}, at=0)
    meter.read({"old": {"requests": 500, "errors": 500}}, {"old": 100}, at=10)
    (pace,) = meter.read({"old": {"requests": 700, "errors": 500}}, {"old": 100}, at=12)
    assert pace == Pace(release="old", rate=100.0, failing=0.0, weight=100)


def test_only_releases_with_traffic_are_shown():
    """One that lost its last visitor leaves the picture after a moment."""
    meter = Meter()
    counts = {"old": {"requests": 9, "errors": 0}, "new": {"requests": 50, "errors": 5}}
    assert [pace.release for pace in meter.read(counts, {"new": 100}, at=0)] == ["new"]
    counts = {"old": {"requests": 10, "errors": 0}, "new": {"requests": 90, "errors": 25}}
    old, new = meter.read(counts, {"new": 100}, at=1)
    assert (old.weight, old.rate) == (0, 1.0)
    assert new.failing == 0.5


def test_evidence_belongs_to_the_scene_in_play():
    """And every line is said aloud as well."""
    heard: list[str] = []
    board = Board(rows=[Row(title="one"), Row(title="two")], heard=heard.append)
    board.open(board.rows[0])
    board.prove("seen in one")
    board.close(board.rows[0], ok=True, outcome="fine")
    board.open(board.rows[1])
    board.prove("seen in two")
    board.close(board.rows[1], ok=False, outcome="late")
    assert [row.evidence for row in board.rows] == [["seen in one"], ["seen in two"]]
    assert board.rows[0].as_json() == {
        "scene": "one",
        "ok": True,
        "outcome": "fine",
        "seconds": 0.0,
        "evidence": ["seen in one"],
    }
    assert [line.split("s  ")[1] for line in heard] == [
        "== one",
        "seen in one",
        "as it should: fine (0.0 s)",
        "== two",
        "seen in two",
        "NOT as it should: late (0.0 s)",
    ]


def painted(thing) -> str:
    console = Console(file=io.StringIO(), width=120, height=40)
    console.print(thing)
    return console.file.getvalue()


def test_the_picture_shows_scenes_words_traffic_and_links():
    """Everything that matters on one screen."""
    board = Board(rows=[Row(title="1 A scene"), Row(title="2 Another")], links={"GitHub": "http://127.0.0.1:1/x"})
    board.open(board.rows[0])
    for number in range(99):
        board.tell(f"line {number}")
    traffic = Traffic(site="http://x", answers=Counter({200: 95, 500: 5}))
    paces = [
        Pace(release="a" * 40, rate=190, failing=0, weight=95),
        Pace(release="b" * 40, rate=10, failing=0.05, weight=5),
    ]
    text = painted(show.picture(board, paces, traffic, lambda release: f"lib of {release[:1]}", height=40))
    for part in (
        "▶",
        "1 A scene",
        "2 Another",
        "line 98",
        "aaaaaaa lib of a",
        "95 %",
        "5.0 % fail",
        "http://127.0.0.1:1/x",
    ):
        assert part in text
    assert "100 visits, 5 failed" in text
    assert "line 2 " not in text
    assert len(text.splitlines()) <= 40


def test_the_table_at_the_end_says_how_each_scene_ended():
    """With its evidence beneath each other."""
    rows = [
        Row(title="1 Good", ok=True, outcome="fine", seconds=3.21, evidence=["#1 opened", "#1 merged"]),
        Row(title="2 Bad", ok=False, outcome="late"),
    ]
    text = painted(show.ending(rows))
    for part in ("✔ fine", "3.2", "#1 opened", "#1 merged", "✘ late"):
        assert part in text


async def test_without_a_terminal_lines_come_as_they_are_said(tmp_path):
    """A log of a build server reads well, whatever stands in the lines."""
    console = Console(file=io.StringIO(), width=40)
    board = Board(heard=show.aloud(console))
    fleet, traffic = Fleet(proxy=Proxy(), folder=tmp_path, index=""), Traffic(site="http://x")
    async with show.screen(board, console, fleet, traffic):
        board.tell("a long line with [brackets] that is not broken where the terminal would end")
    assert console.file.getvalue().endswith(
        "a long line with [brackets] that is not broken where the terminal would end\n"
    )


async def test_on_a_terminal_the_screen_is_painted_and_cleared(tmp_path):
    """The narration is inside the screen, not scrolled through it; afterwards lines are said aloud again."""
    console = Console(file=io.StringIO(), width=100, height=30, force_terminal=True)
    board = Board(rows=[Row(title="1 A scene")], heard=show.aloud(console))
    fleet, traffic = Fleet(proxy=Proxy(), folder=tmp_path, index=""), Traffic(site="http://x")
    board.open(board.rows[0])
    async with show.screen(board, console, fleet, traffic):
        board.tell("inside")
        board.heard("muted")
    board.tell("after")
    assert "what happens" in console.file.getvalue()
    assert "muted" not in console.file.getvalue()
    assert console.file.getvalue().rstrip().endswith("after")
