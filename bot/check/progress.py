"""How far a look has come, on standard error and only for a person who watches."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar


class Progress:
    """A bar that is gone when the work is done; silent where standard error is no terminal."""

    def __init__(self, console: Console | None = None) -> None:
        # What draws the bar is slow to load, and machines do not watch.
        self._bar = _bar(console) if console is not None or sys.stderr.isatty() else None
        self._task = self._bar.add_task("reading the checkout", total=None) if self._bar else None

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def of(self, total: int, what: str) -> None:
        """Begin a part of this many steps."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total, completed=0, description=what)

    def step(self) -> None:
        """One step is done."""
        if self._bar and self._task is not None:
            self._bar.advance(self._task)

    def say(self, what: str) -> None:
        """What is being done now, in a few words."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=what)


def _bar(console: Console | None) -> Bar:
    from rich.console import Console as Screen
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console or Screen(stderr=True),
        transient=True,
    )
