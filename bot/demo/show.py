"""Shows the board: one live screen on a terminal, plain lines everywhere else, and the table at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.demo.board import Board, Meter, Pace, Row
from bot.demo.fleet import Fleet
from bot.demo.traffic import Traffic

FRAMES = 4  # a second
BAR = 30  # signs
LOG_WIDTH = 160
MARKS = {None: ("·", "dim"), True: ("✔", "green"), False: ("✘", "bold red")}


def console(*, stderr: bool) -> Console:
    """Where the show is given. A log has no width of its own, so it gets one in which addresses fit."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=LOG_WIDTH)


def aloud(console: Console) -> Callable[[str], None]:
    """Print each line once, as it is said."""
    return lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextlib.asynccontextmanager
async def screen(board: Board, console: Console, fleet: Fleet, traffic: Traffic) -> AsyncIterator[None]:
    """Paint the live screen while the block runs; without a terminal the lines go on as they are said."""
    if not console.is_terminal:
        yield
        return
    meter, before = Meter(), board.heard
    board.heard = lambda line: None  # the screen shows them

    def frame() -> RenderableType:
        paces = meter.read(fleet.proxy.counts(), fleet.proxy.weights, at=time.monotonic())
        return picture(board, paces, traffic, fleet.pins, height=console.height)

    with Live(frame(), console=console, auto_refresh=False, transient=True) as live:
        painting = asyncio.create_task(_paint(live, frame))
        try:
            yield
        finally:
            board.heard = before
            painting.cancel()
            await asyncio.gather(painting, return_exceptions=True)


async def _paint(live: Live, frame: Callable[[], RenderableType]) -> None:
    while True:
        live.update(frame(), refresh=True)
        await asyncio.sleep(1 / FRAMES)


def picture(
    board: Board, paces: Sequence[Pace], traffic: Traffic, pins: Callable[[str], str], *, height: int
) -> RenderableType:
    """One frame. pins: release -> what it pins, for a name that people know; height: lines of the terminal."""
    # Scenes, traffic, links and frames take what they need; the narration gets the rest.
    room = max(4, height - len(board.rows) - len(paces) - len(board.links) - 12)
    return Group(
        Panel(_scenes(board), title="Surefoot: from an upstream release to a finished rollout", title_align="left"),
        Panel(Text("\n".join(list(board.said)[-room:]), overflow="ellipsis", no_wrap=True), title="what happens"),
        Panel(_traffic(paces, traffic, pins), title="production", title_align="left"),
        _links(board),
    )


def _scenes(board: Board) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for row in board.rows:
        mark, style = MARKS[row.ok]
        playing = row.began is not None and row.ok is None
        seconds = row.seconds if row.ok is not None else time.monotonic() - row.began if row.began is not None else 0
        table.add_row(
            Text("▶" if playing else mark, style="bold cyan" if playing else style),
            Text(row.title, style="bold" if playing else ""),
            Text(f"{seconds:.0f} s" if row.began is not None else "", style="dim"),
            Text(row.outcome, style=style),
        )
    return table


def _traffic(paces: Sequence[Pace], traffic: Traffic, pins: Callable[[str], str]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for pace in paces:
        filled = round(pace.weight * BAR / 100) or (1 if pace.weight else 0)
        table.add_row(
            Text(f"{pace.release[:7]} {pins(pace.release)}"),
            Text("█" * filled, style="cyan") + Text("░" * (BAR - filled), style="dim"),
            Text(f"{pace.weight:3d} %"),
            Text(f"{pace.rate:5.0f} req/s"),
            Text(f"{100 * pace.failing:4.1f} % fail", style="red" if pace.failing else "green"),
        )
    lost = f"{traffic.failed} failed, {traffic.dropped} of them without any answer"
    line = f"{traffic.sent} visits, {lost}; half answered within {1000 * traffic.wait_at(0.5):.1f} ms"
    return Group(table, Text(line, style="dim"))


def _links(board: Board) -> RenderableType:
    return Group(*(Text(f"{name}: {url}", style="dim") for name, url in board.links.items()))


def ending(rows: Sequence[Row]) -> Table:
    """The table at the end: scene, outcome, seconds, evidence."""
    table = Table(title="What happened", show_lines=True, title_justify="left", expand=True)
    table.add_column("Scene", max_width=20)
    table.add_column("Outcome", max_width=22)
    table.add_column("Seconds", justify="right")
    table.add_column("Evidence", ratio=1, overflow="fold")
    for row in rows:
        mark, style = MARKS[row.ok]
        proof = "\n".join(row.evidence)
        table.add_row(row.title, Text(f"{mark} {row.outcome}", style=style), f"{row.seconds:.1f}", Text(proof))
    return table
