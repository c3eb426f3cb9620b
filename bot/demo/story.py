"""Plays the scenes in their order, each within its time, and ends with what happened and whether it was right."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence

from rich.console import Console

from bot.demo import scenes, show, world
from bot.demo.board import Board, Row
from bot.demo.hub import Refusal

GOOD, BAD, NOT_RAISED, STOPPED = 0, 1, 2, 130  # the last is what a shell says of a program that Ctrl-C ended
LAST_LINES = 30


async def play(*, keep: bool = False, as_json: bool = False, unjailed_ok: bool = True) -> int:
    """The whole show: 0 all scenes ended as they should, 1 one did not, 2 it could not begin, 130 a person stopped it.

    keep: leave everything running afterwards, until Ctrl-C. as_json: the table as JSON on stdout, all else on stderr.
    unjailed_ok: where there is no jail to be had, the demo's own code may run without one, and is marked so.
    """
    console = show.console(stderr=as_json)
    board = Board(rows=[Row(title=scene.title) for scene in scenes.SCENES], heard=show.aloud(console))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    performing = asyncio.create_task(_perform(board, console, keep=keep, as_json=as_json, unjailed=unjailed_ok))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({performing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Cancelling takes the world down in order; nothing of it may be left behind.
        stopping.cancel()
        performing.cancel()
        ended = (await asyncio.gather(performing, stopping, return_exceptions=True))[0]
    if isinstance(ended, world.NotRaised):
        console.print(f"The demo cannot begin: {ended}", markup=False, highlight=False, soft_wrap=True, style="red")
        return NOT_RAISED
    if isinstance(ended, Exception):
        raise ended
    return STOPPED if any(row.ok is None for row in board.rows) else GOOD if all_good(board.rows) else BAD


def all_good(rows: Sequence[Row]) -> bool:
    """Whether every scene ended as it should."""
    return all(row.ok for row in rows)


async def _perform(board: Board, console: Console, *, keep: bool, as_json: bool, unjailed: bool) -> None:
    async with world.raised(board, unjailed=unjailed) as made:
        async with show.screen(board, console, made.fleet, made.traffic):
            await all_scenes(scenes.SCENES, scenes.Play(world=made, board=board))
        _tell_the_end(board, console, made)
        if as_json:
            print(json.dumps(as_document(board), indent=2, ensure_ascii=False), flush=True)
        if keep:
            console.print("Everything is left running; press Ctrl-C to end it.")
            for name, url in board.links.items():
                console.print(f"  {name}: {url}", highlight=False, soft_wrap=True)
            await asyncio.Event().wait()


async def all_scenes(all_of_them: Sequence[scenes.Scene], at_hand: scenes.Play) -> None:
    """All scenes, up to the first that goes wrong: the later ones stand on it."""
    for scene, row in zip(all_of_them, at_hand.board.rows, strict=True):
        if not await one(scene, row, at_hand):
            break
    for row in at_hand.board.rows:
        if row.began is None:
            row.ok, row.outcome = False, "not played"


async def one(scene: scenes.Scene, row: Row, at_hand: scenes.Play) -> bool:
    """One scene: whether it ended as it should. What it said of its end stands in the row."""
    board = at_hand.board
    board.open(row)
    try:
        async with asyncio.timeout(scene.seconds):
            outcome = await scene.play(at_hand)
    except TimeoutError:
        board.close(row, ok=False, outcome=f"after {scene.seconds:.0f} s still waiting for {at_hand.waiting}")
    except (scenes.Otherwise, Refusal) as error:
        board.close(row, ok=False, outcome=str(error))
    else:
        board.close(row, ok=True, outcome=outcome)
    return bool(row.ok)


def as_document(board: Board) -> dict[str, object]:
    """The table for machines; these keys are stable."""
    scenes_as_json = [row.as_json() for row in board.rows]
    return {"ok": all_good(board.rows), "seconds": round(board.now, 1), "scenes": scenes_as_json}


def _tell_the_end(board: Board, console: Console, made: world.World) -> None:
    console.print(show.ending(board.rows))
    seen = f"{board.now:.0f} s; {made.traffic.sent} visits at {made.traffic.pace:.0f} a second, "
    console.print(f"{seen}{made.traffic.failed} failed, {made.traffic.dropped} of them without any answer")
    if not all_good(board.rows):
        words = "\n".join(("The last lines of the bot:", *made.bot.last_words(LAST_LINES)))
        console.print(words, markup=False, highlight=False, soft_wrap=True)
